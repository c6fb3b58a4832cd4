"""Bad files, servers and catalogues through SQL: the exact message names the file and hides what signs it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
import tifffile

import rasteret_sql
from rasteret_sql.tiff.build import build_tiff
from tests.duck.corpus import texture, write
from tests.duck.refusals import READERS, message
from tests.store.server import Fault, FaultServer
from tests.tiff.examples import blocks_of, image, tiff


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that something is wrong with."""
    folder = tmp_path_factory.mktemp("bad")
    sgilog = image(compression="sgilog")
    (folder / "sgilog.tif").write_bytes(build_tiff(tiff(sgilog), [blocks_of(sgilog)]))
    write(folder / "without_crs.tif", texture(1, "uint8"), cog=False, crs=None)
    write(folder / "complex.tif", texture(1, "complex64"), cog=False)
    large = texture(1, "int64")
    large[0, 100, 100] = 2**53 + 1
    write(folder / "int64.tif", large, cog=False)
    (folder / "header_cut.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, 12) + bytes(40))
    whole = folder / "tiles_cut.tif"
    tifffile.imwrite(whole, np.ones((40, 50), np.uint8), rowsperstrip=40, metadata=None)
    whole.write_bytes(whole.read_bytes()[:-100])
    (folder / "page.tif").write_bytes(b"<!DOCTYPE html><p>Sign in</p>")
    (folder / "picture.tif").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "empty.tif").write_bytes(b"")
    return folder


@pytest.fixture
def server(corpus: Path, con: duckdb.DuckDBPyConnection) -> Iterator[FaultServer]:
    """Serves the corpus to a reader that tries twice."""
    files = {
        name: (corpus / name).read_bytes() for name in ("utm32_uint16.tif", "utm33_uint16.tif", "big.tif")
    }
    files["page.html"] = b"<html><body>Hello</body></html>"
    rasteret_sql.register(con, settings={"max_retries": 1})
    with FaultServer(files, allow=lambda target, headers: "denied" not in target) as running:
        yield running


def tiles_cut_at(folder: Path) -> int:
    with tifffile.TiffFile(folder / "tiles_cut.tif") as file:
        return int(file.pages[0].dataoffsets[0])  # type: ignore[union-attr]


FILES = {
    "header_cut.tif": "{file}: IFD 0 at byte 8: bytes 10 to 158 are needed and the file has 50; "
    "it is cut short or damaged",
    "page.tif": "{file}: not a TIFF: it starts with b'<!DO' where b'II' or b'MM' was expected; "
    "that is a web page: is the href a page, or does the store answer with an error or a page to sign in at? "
    "The item may name the same file elsewhere: alternate := 's3' in cog_index and stac_search",
    "picture.tif": r"{file}: not a TIFF: it starts with b'\x89PNG' where b'II' or b'MM' was expected; "
    "that is PNG: is the href a thumbnail?",
    "empty.tif": "{file}: bytes 0 to 32,767 were asked for, but the file has 0 bytes.",
    "missing.tif": "{file}: there is no such file.",
    "sgilog.tif": "{file}: SGILog compression is not read by this version; it reads none, lzw, deflate, "
    "zstd, lzma, packbits, jpeg, webp, lerc, jpegxl, jpeg2000, ccitt_rle, ccitt_g3, ccitt_g3_2d, ccitt_g4",
    "tiles_cut.tif": "{file} is cut short: a block of 2,000 bytes should lie at byte {at}, "
    "and 1,900 of them are there",
}
WITH_HEADER = ("tiles_cut.tif",)
"""Their header can be read, and only reading their pixels shows that something is wrong."""
WITH_METADATA = (*WITH_HEADER, "sgilog.tif")
"""It is known what they are."""


@pytest.mark.parametrize("name", FILES)
def test_a_file(con: duckdb.DuckDBPyConnection, bad: Path, name: str) -> None:
    file = str(bad / name)
    told = FILES[name].format(file=file, at=tiles_cut_at(bad))
    for function in READERS:
        assert message(con, f"SELECT data FROM {function}($1)", file) == f"{function}: {told}"
        row = con.execute(
            f"SELECT href, data, error FROM {function}($1, on_error := 'null')", [file]
        ).fetchall()
        assert row == [(file, None, told)]
    assert message(con, "SELECT RS_AsArray($1)", file) == f"RS_AsArray: {told}"
    header = con.execute("SELECT href, width IS NULL, error FROM cog_header($1)", [file]).fetchall()
    assert header == [(file, False, None) if name in WITH_HEADER else (file, True, told)]
    if name not in WITH_METADATA:
        assert message(con, "FROM cog_windows($1)", file) == f"cog_windows: {told}"
        assert message(con, "SELECT RS_MetaData($1)", file) == f"RS_MetaData: {told}"


def test_headers_of_good_and_bad_assets_come_together(
    con: duckdb.DuckDBPyConnection, bad: Path, corpus: Path
) -> None:
    names = {str(bad / name): told for name, told in FILES.items()} | {str(corpus / "big.tif"): None}
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [list(names)])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    found = dict(con.execute("SELECT href, error FROM idx").fetchall())
    assert found == {
        href: None if told is None or Path(href).name in WITH_HEADER else told.format(file=href)
        for href, told in names.items()
    }
    for function in READERS:
        query = f"SELECT DISTINCT c.href, c.error FROM idx AS i, {function}(i, on_error := 'null') AS c"
        errors = dict(con.execute(query).fetchall())
        assert errors.keys() == names.keys()
        assert errors[str(corpus / "big.tif")] is None
        page = str(bad / "page.tif")
        reason = FILES["page.tif"].format(file=page).removeprefix(f"{page}: ")
        assert errors[page] == (
            f"{page}: its header could not be read when it was indexed ({reason}); "
            "leave such rows out with WHERE error IS NULL"
        )


def test_an_area_on_a_raster_without_crs(con: duckdb.DuckDBPyConnection, bad: Path) -> None:
    file = str(bad / "without_crs.tif")
    assert message(con, "FROM read_cog($1, [1, 2, 3, 4])", file) == (
        f"read_cog: {file} has no CRS, so an area cannot be placed on it; "
        "pass a pixel window {'x_off': …, 'y_off': …, 'width': …, 'height': …}, or name the CRS "
        "in an index row: SELECT * REPLACE ('EPSG:…' AS crs) FROM cog_header(…)"
    )


def test_numbers_that_are_no_double(con: duckdb.DuckDBPyConnection, bad: Path, corpus: Path) -> None:
    file = str(corpus / "utm32_uint16.tif")
    told = f"RS_AsArray: {file} has no band 2; its only band is 1, without names"
    assert message(con, "SELECT RS_AsArray($1, 2)", file) == told
    told = f"RS_AsArray: {file} has no band 2; its only band is 1, without names"
    assert message(con, "SELECT RS_AsArray(c, 2) FROM read_cog($1) AS c", file) == told
    told = f"RS_AsArray: {file} has no band named 'red'; its only band is 1, without names"
    assert message(con, "SELECT RS_AsArray($1, 'red')", file) == told
    for name, told in {
        "complex.tif": "complex64 pixels are not numbers of DOUBLE; take them from the data column",
        "int64.tif": "int64 pixels beyond 2^53 are not exact as DOUBLE; take them from the data column",
    }.items():
        for query in ("SELECT RS_AsArray($1)", "SELECT RS_AsArray(c) FROM read_cog($1) AS c"):
            assert message(con, query, str(bad / name)) == f"RS_AsArray: {told}"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_catalogue(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    query = "FROM stac_search($1)"
    assert message(con, query, "earthsearch/nope") == (
        "stac_search: unknown catalogue 'earthsearch/nope': did you mean 'earthsearch/naip' or "
        "'earthsearch' or 'earthsearch/cop-dem-glo-90'? FROM stac_catalogs() lists every id; "
        "the URL of a STAC API works too"
    )
    unreachable = f"http://127.0.0.1:{closed_port()}/stac"
    assert message(con, query, f"{unreachable}?token=SECRET") == (
        f"stac_search: STAC API {unreachable}?token=…: "
        "the host cannot be reached: connection refused or no network"
    )
    page = server.url("page.html")
    hello = "'<html><body>Hello</body></html>'"
    assert (
        message(con, query, page)
        == f"stac_search: STAC API {page}: expected JSON, found an HTML page: {hello}"
    )
    assert message(con, "FROM stac_read($1)", page) == (
        f"stac_read: {page}: neither JSON nor Parquet, it begins {hello}"
    )
    assert message(con, "FROM stac_search(NULL)") == (
        "stac_search: the catalog is NULL; give the URL of a STAC API, or an id of stac_catalogs()"
    )


TRANSPORT = {
    "404": (Fault(status=404), "there is no such file (HTTP 404)."),
    "403": (
        Fault(status=403, body=b""),
        "access was refused (HTTP 403); a signed URL may have expired, and an index keeps hrefs without "
        "signatures: search again (cog_index, refresh_index), or register_signer; "
        "other servers want the storage option bearer_token or headers.",
    ),
    "500": (
        Fault(status=500),
        "the server failed (HTTP 500). Given up after 2 attempts (setting max_retries).",
    ),
    "418": (Fault(status=418), "the server answered HTTP 418; expected 206 with the bytes asked for."),
}


@pytest.mark.parametrize("case", TRANSPORT)
@pytest.mark.parametrize("function", READERS)
def test_a_server(con: duckdb.DuckDBPyConnection, server: FaultServer, function: str, case: str) -> None:
    """Addresses are told without what signs them."""
    fault, expected = TRANSPORT[case]
    place = server.url("utm32_uint16.tif")
    href = f"{place.replace('http://', 'http://user:PASSWORD@')}?sig=SECRET"
    told = f"{place}?sig=…: {expected}"
    server.fail("utm32_uint16.tif", fault, times=2)
    assert message(con, f"FROM {function}($1)", href) == f"{function}: {told}"
    server.clear()
    server.fail("utm32_uint16.tif", fault, times=2)
    assert con.execute("SELECT error FROM cog_header($1)", [href]).fetchall() == [(told,)]
    server.clear()
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [href])
    server.fail("utm32_uint16.tif", fault, times=50)
    assert message(con, f"SELECT data FROM idx AS i, {function}(i)") == f"{function}: {told}"
    server.clear()


def test_a_server_without_ranges(con: duckdb.DuckDBPyConnection, server: FaultServer, tmp_path: Path) -> None:
    """What lies in its first MiB is read all the same."""
    path, href = tmp_path / "rows.tif", server.url("rows.tif")
    tifffile.imwrite(path, np.ones((1000, 1500), np.uint16), rowsperstrip=100, metadata=None)
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[9]  # type: ignore[union-attr]
    server.files["rows.tif"] = path.read_bytes()
    server.fail("rows.tif", Fault(ignore_range=True), times=50)
    area = "{'x_off': 0, 'y_off': 990, 'width': 5, 'height': 5}"
    assert message(con, f"SELECT data FROM read_cog($1, {area})", href) == (
        f"read_cog: {href}: bytes {start:,} to {start + 299_999:,} were asked for, but the server does not "
        f"do byte ranges and sends the whole file ({path.stat().st_size:,} bytes); download it, or serve it "
        "from a store with range requests."
    )


@pytest.mark.parametrize("function", READERS)
def test_a_file_that_is_gone_takes_nobody_with_it(
    con: duckdb.DuckDBPyConnection, server: FaultServer, function: str
) -> None:
    names = ("utm32_uint16.tif", "utm33_uint16.tif")
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(name) for name in names]])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    query = f"""
        SELECT c.href, c.error, count(c.x_off), count(c.data)
        FROM idx AS i, {function}(i, on_error := 'null') AS c
        GROUP BY ALL ORDER BY ALL
    """
    count = 1 if function == "read_cog" else 9
    server.fail(names[0], Fault(status=404), times=50)
    gone, there = (server.url(name) for name in names)
    found = con.execute(query).fetchall()
    assert found == [
        (gone, f"{gone}: there is no such file (HTTP 404).", count, 0),
        (there, None, count, count),
    ]


def test_a_file_that_changed(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    href, data = server.url("big.tif"), server.files["big.tif"]
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [href])
    old = con.execute("SELECT etag FROM idx").fetchone()
    server.files["big.tif"] = data + b"!"
    new = con.execute("SELECT etag FROM cog_header($1)", [href]).fetchone()
    assert old is not None
    assert new is not None
    assert message(con, "SELECT data FROM idx AS i, read_cog(i)") == (
        f"read_cog: {href} changed since it was indexed: its ETag was {old[0]} and is {new[0]}; "
        "refresh the index (call cog_header for it again), or run the query again if it names the file by "
        "its href"
    )
    assert message(con, "SELECT data FROM (SELECT * REPLACE (NULL AS etag) FROM idx) AS i, read_cog(i)") == (
        f"read_cog: {href} changed since it was indexed: it had {len(data):,} bytes and has "
        f"{len(data) + 1:,}; refresh the index (call cog_header for it again), "
        "or run the query again if it names the file by its href"
    )


def test_more_pixels_than_the_limit(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    file = str(corpus / "big.tif")
    told = (
        "1 chips of one batch hold 624,000 bytes of pixels, over max_read_bytes (400,000 bytes); "
        "the largest is 2 x 260 x 300 uint32. Ask for smaller areas, fewer bands or a coarser level, "
        "read fewer rows at once, or raise max_read_bytes"
    )
    rasteret_sql.register(con, settings={"max_read_bytes": 400_000})
    try:
        assert message(con, "SELECT data FROM read_cog($1)", file) == f"read_cog: {told}"
        assert message(con, "SELECT RS_AsArray($1)", file) == (
            "RS_AsArray: the answers of one batch of 1 rows pass max_read_bytes (0 MiB). Ask for smaller "
            "areas or a coarser level, for fewer rows at once, use read_cog, whose batches end where their "
            "bytes do, or raise max_read_bytes"
        )
        query = """
            SELECT c.level, octet_length(c.data), c.error
            FROM range(2) AS r, read_cog($1, level := r.range, on_error := 'null') AS c
            ORDER BY ALL
        """
        rows = con.execute(query, [file]).fetchall()
        assert rows == [(0, None, told), (1, 2 * 130 * 150 * 4, None)]
    finally:
        rasteret_sql.register(con, settings={"max_read_bytes": None})
