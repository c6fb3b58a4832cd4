"""What the cache of tiles spares is shown beside what was sent, and how full it is beside its limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.settings import configure
from tests.store.server import Fault, FaultServer

WINDOW = "{'x_off': 10, 'y_off': 12, 'width': 200, 'height': 100}"
"""Two tiles of every file."""
READ = f"SELECT sum(octet_length(data)) FROM idx AS i, read_cog(i, {WINDOW})"
LOG = """
SELECT kind, count(*), sum(byte_count), sum(cached_tiles), sum(cached_byte_count)
FROM rasteret_requests() WHERE id > $1 GROUP BY kind ORDER BY kind
"""


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    data = (corpus / "utm32_uint16.tif").read_bytes()
    with FaultServer({f"{n}.tif": data for n in range(3)}) as running:
        yield running


@pytest.fixture
def indexed(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of three files."""
    con.execute(
        "CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(name) for name in server.files]]
    )
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    server.clear()
    return con


def last_id(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT max(id) FROM rasteret_requests()").fetchall()[0][0])


def test_a_second_read_shows_what_it_did_not_ask_for(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    mark = last_id(indexed)
    indexed.execute(READ).fetchall()
    [(kind, requests, received, *spared)] = indexed.execute(LOG, [mark]).fetchall()
    assert (kind, requests, spared) == ("tile", 3, [0, 0])
    assert received == server.body_bytes
    stored = indexed.execute(f"SELECT sum(byte_count) FROM idx AS i, read_cog_tiles(i, {WINDOW})").fetchall()[
        0
    ][0]

    mark = last_id(indexed)
    indexed.execute(READ).fetchall()
    assert indexed.execute(LOG, [mark]).fetchall() == [("cache", 3, 0, 6, stored)]
    assert received - stored <= 3 * 8, (
        "beside the tiles only what GDAL puts between two of them was asked for"
    )
    log = "FROM rasteret_requests() WHERE id > $1 ORDER BY url"
    rows = indexed.execute(f'SELECT url, "offset", duration_ms, attempt, error {log}', [mark]).fetchall()
    assert rows == [(server.url(name), None, 0, 0, None) for name in server.files]


def test_tiles_are_spared_one_by_one(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    one_tile = "{'x_off': 10, 'y_off': 12, 'width': 100, 'height': 100}"
    indexed.execute(f"SELECT count(data) FROM idx AS i, read_cog(i, {one_tile})").fetchall()
    mark = last_id(indexed)
    indexed.execute(READ).fetchall()
    found = {kind: (rows, tiles) for kind, rows, _, tiles, _ in indexed.execute(LOG, [mark]).fetchall()}
    assert found == {"tile": (3, 0), "cache": (3, 3)}


def test_no_secret_is_shown(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    indexed.execute("UPDATE idx SET href = href || '?sig=SECRET'")
    indexed.execute(READ).fetchall()
    mark = last_id(indexed)
    indexed.execute(READ).fetchall()
    urls = indexed.execute(
        "SELECT url FROM rasteret_requests() WHERE id > $1 ORDER BY url", [mark]
    ).fetchall()
    assert urls == [(server.url(f"{name}?sig=…"),) for name in server.files]


def test_a_tile_on_its_way_for_another_query_is_spared_too(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    mark, server.gate = last_id(indexed), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        cursors = [rasteret_sql.register(indexed.cursor()) for _ in range(2)]
        queries = [threads.submit(lambda c=cursor: c.execute(READ).fetchall()) for cursor in cursors]
        until = time.monotonic() + 10
        while server.most_at_once < 3 and time.monotonic() < until:
            time.sleep(0.01)
        server.gate.set()
        assert queries[0].result() == queries[1].result()
    found = {kind: (rows, tiles) for kind, rows, _, tiles, _ in indexed.execute(LOG, [mark]).fetchall()}
    assert found == {"tile": (3, 0), "cache": (3, 6)}
    assert len(server.requests) == 3


def test_what_fails_for_both_is_not_spared(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    mark = last_id(indexed)
    for name in server.files:
        server.fail(name, Fault(status=404), times=9)
    for _ in range(2):
        with pytest.raises(duckdb.InvalidInputException, match="no such file"):
            indexed.execute(READ).fetchall()
    assert [row[0] for row in indexed.execute(LOG, [mark]).fetchall()] == ["tile"]


def test_the_log_keeps_as_many_rows_as_its_setting_says(indexed: duckdb.DuckDBPyConnection) -> None:
    rasteret_sql.register(indexed, settings={"request_log_rows": 4})
    try:
        for _ in range(4):
            indexed.execute(READ).fetchall()
        rows = indexed.execute("SELECT kind FROM rasteret_requests()").fetchall()
        assert rows == [("cache",)] * 4
        assert in_use(indexed)["request_log_rows"] == 4
    finally:
        configure(request_log_rows=None)


def in_use(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    query = "SELECT name, in_use FROM rasteret_settings() WHERE in_use IS NOT NULL"
    return dict(con.execute(query).fetchall())


def test_settings_show_what_is_taken_of_them(indexed: duckdb.DuckDBPyConnection) -> None:
    before = in_use(indexed)
    assert before.keys() == {
        "bytes_in_flight", "tile_cache_bytes", "header_cache_bytes", "request_log_rows",
    }  # fmt: skip
    assert before["tile_cache_bytes"] == before["bytes_in_flight"] == 0
    indexed.execute(READ).fetchall()
    after = in_use(indexed)
    # the rows below the window are not decoded, nor what lies right of it
    assert after["tile_cache_bytes"] == BLOCKS.byte_count
    assert 3 * 2 * 200 * 100 <= after["tile_cache_bytes"] <= 3 * 2 * 2 * 128 * 128
    assert after["bytes_in_flight"] == 0
