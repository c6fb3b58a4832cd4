"""A file that is not the one that was indexed: said as such by local files and HTTP, by either client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import fsspec
import pytest

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.settings import configure
from tests.contracts import scenes
from tests.duck.refusals import message
from tests.store.server import Fault, FaultServer, etag_of

READ = "SELECT c.data FROM idx AS i, read_cog(i) AS c"
Put = Callable[[bytes], str]


@pytest.fixture(params=["path", "file URL", "http", "http, aiohttp", "memory (fsspec)"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Put]:
    """Stores the file and gives its href."""
    if "http" in request.param:
        configure(transport="fsspec" if "aiohttp" in request.param else "auto")
        with FaultServer() as server:
            yield lambda data: (server.files.update({"a.tif": data}), server.url("a.tif"))[1]
    elif "memory" in request.param:
        memory = fsspec.filesystem("memory")
        yield lambda data: (memory.pipe_file("/stale/a.tif", data), "memory://stale/a.tif")[1]
    else:
        path = tmp_path / "a.tif"
        href = path.as_uri() if "URL" in request.param else str(path)
        yield lambda data: (path.write_bytes(data), href)[1]


@pytest.fixture
def data() -> bytes:
    return scenes.file_of(scenes.scenes()[0], "red")


@pytest.mark.parametrize("length", [None, 40_000, 300], ids=["longer", "cut", "cut before its tiles"])
def test_a_changed_file_is_stale(
    con: duckdb.DuckDBPyConnection, put: Put, data: bytes, length: int | None
) -> None:
    href = put(data)
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [href])
    assert len(con.execute(READ).fetchall()) == 1
    put(data + b"!" if length is None else data[:length])
    BLOCKS.clear()  # tiles of the indexed file would do
    changed = (
        rf"its ETag was \S+ and is \S+|it had {len(data):,} bytes and (has [\d,]+|ends before byte [\d,]+)"
    )
    assert re.fullmatch(
        rf"read_cog: {re.escape(href)} changed since it was indexed: ({changed}); refresh the index \(call "
        r"cog_header for it again\), or run the query again if it names the file by its href",
        message(con, READ),
    )
    put(data)
    con.execute("CREATE OR REPLACE TABLE idx AS FROM cog_header($1)", [href])
    assert len(con.execute(READ).fetchall()) == 1


@pytest.mark.parametrize("transport", ["auto", "fsspec"])
def test_a_tag_that_turned_weak_is_the_same_file(
    con: duckdb.DuckDBPyConnection, data: bytes, transport: str
) -> None:
    """As a proxy makes of it that may compress (RFC 9110, 8.8.3.2)."""
    configure(transport=transport)
    with FaultServer({"a.tif": data}) as server:
        con.execute("CREATE TABLE idx AS FROM cog_header($1)", [server.url("a.tif")])
        expected = con.execute(READ).fetchall()
        for tag in (f"W/{etag_of(data)}", etag_of(data).replace('"', ""), f'{etag_of(data)[:-1]}-gzip"'):
            BLOCKS.clear()
            server.fail("a.tif", Fault(headers={"ETag": tag}), times=20)
            assert con.execute(READ).fetchall() == expected
            server.clear()
        BLOCKS.clear()
        server.files["a.tif"] = data + b"!"
        server.fail("a.tif", Fault(headers={"ETag": f"W/{etag_of(data)}"}), times=20)
        assert "bytes and has" in message(con, READ)  # the length is compared too
