"""Headers of files that a query names by href: read once, and never used for a file that changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.geotiff.header_cache import HEADERS
from rasteret_sql.settings import configure
from tests.store.server import FaultServer

WINDOW = "{'x_off': 10, 'y_off': 12, 'width': 20, 'height': 10}"


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    data = (corpus / "utm32_uint16.tif").read_bytes()
    with FaultServer({f"{n}.tif": data for n in range(3)}) as running:
        yield running


def requests(con: duckdb.DuckDBPyConnection, kind: str) -> int:
    query = "SELECT count(*) FROM rasteret_requests() WHERE kind = $1"
    return int(con.execute(query, [kind]).fetchall()[0][0])


def test_a_file_named_by_its_href_has_its_header_read_once(
    con: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    con.execute(
        "CREATE TABLE places AS SELECT $1 AS href, range AS n FROM range(5000)", [server.url("0.tif")]
    )
    before = requests(con, "header")
    query = f"SELECT count(c.width) FROM places AS p, read_cog_tiles(p.href, {WINDOW}) AS c"
    assert con.execute(query).fetchall() == [(5000,)]
    con.execute(f"SELECT data FROM read_cog($1, {WINDOW})", [server.url("0.tif")]).fetchall()
    assert requests(con, "header") - before == 1
    assert HEADERS.byte_count > 0


def test_cog_header_always_asks(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    before = requests(con, "header")
    for _ in range(2):
        con.execute("SELECT width FROM cog_header($1)", [server.url("0.tif")]).fetchall()
    assert requests(con, "header") - before == 2
    assert HEADERS.byte_count == 0


def test_a_file_that_changed_is_noticed_and_the_next_query_reads_it(
    con: duckdb.DuckDBPyConnection, server: FaultServer, corpus: Path
) -> None:
    href, read = server.url("0.tif"), f"SELECT crs, data FROM read_cog($1, {WINDOW})"
    first = con.execute(read, [href]).fetchall()
    server.files["0.tif"] = (corpus / "utm33_uint16.tif").read_bytes()
    BLOCKS.clear()
    with pytest.raises(
        duckdb.InvalidInputException, match="run the query again if it names the file by its href"
    ):
        con.execute(read, [href]).fetchall()
    second = con.execute(read, [href]).fetchall()
    assert second != first
    assert second == con.execute(read, [str(corpus / "utm33_uint16.tif")]).fetchall()


def test_the_cache_is_bounded(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    configure(header_cache_bytes=10_000)
    for name in server.files:
        con.execute(f"SELECT count(x_off) FROM read_cog($1, {WINDOW})", [server.url(name)]).fetchall()
        assert HEADERS.byte_count <= 10_000
    configure(header_cache_bytes=0)
    before = requests(con, "header")
    for _ in range(2):
        con.execute(f"SELECT count(x_off) FROM read_cog($1, {WINDOW})", [server.url("0.tif")]).fetchall()
    assert requests(con, "header") - before == 2
