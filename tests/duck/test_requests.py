"""What goes over the wire is part of the contract: counted at the server, asserted here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.settings import configure
from tests.duck.corpus import NAMES
from tests.store.server import FaultServer


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    files = {path.name: path.read_bytes() for path in corpus.glob("*.tif")}
    with FaultServer(files) as running:
        yield running


@pytest.fixture
def indexed(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of the corpus, and a server that has forgotten how it was made."""
    hrefs = [server.url(f"{name}.tif") for name in NAMES]
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [hrefs])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    server.clear()
    return con


def test_a_header_is_one_request(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    for name in NAMES:
        server.clear()
        error = con.execute("SELECT error FROM cog_header($1)", [server.url(f"{name}.tif")]).fetchone()
        assert error == (None,)
        assert len(server.requests) == 1, name


def test_headers_of_one_vector_are_fetched_together(
    con: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    con.execute(
        "CREATE TABLE h AS SELECT $1 || '?n=' || range AS href FROM range(40)", [server.url("big.tif")]
    )
    server.gate = threading.Event()  # no answer before twenty requests are there
    opener = threading.Thread(target=open_gate, args=(server, 20))
    opener.start()
    assert con.execute("SELECT count(error), count(width) FROM h, cog_header(h.href)").fetchall() == [(0, 40)]
    opener.join()
    assert len(server.requests) == 40
    assert server.most_at_once >= 20


def open_gate(server: FaultServer, waiting: int) -> None:
    deadline = time.monotonic() + 20
    while server.most_at_once < waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.gate is not None
    server.gate.set()


@pytest.mark.parametrize(
    "statement",
    [
        "EXPLAIN SELECT * FROM cog_header('{}')",
        "EXPLAIN SELECT * FROM read_cog('{}')",
        "EXPLAIN SELECT * FROM read_cog_tiles('{}')",
        "EXPLAIN SELECT * FROM cog_windows('{}')",
        "EXPLAIN SELECT RS_AsArray('{}'), RS_MetaData('{}')",
        "EXPLAIN SELECT RS_ZonalStatsAll('{}', [0, 0, 1, 1]), RS_Histogram('{}')",
        "EXPLAIN SELECT * FROM cog_index('{}')",
        "EXPLAIN SELECT * FROM stac_search('{}')",
        "PREPARE p AS SELECT * FROM read_cog('{}')",
        "CREATE VIEW v AS SELECT * FROM read_cog('{}')",
        "CREATE MACRO m() AS TABLE SELECT * FROM cog_header('{}')",
        "DESCRIBE SELECT * FROM read_cog_tiles('{}')",
    ],
)
def test_what_does_not_run_sends_nothing(
    con: duckdb.DuckDBPyConnection, server: FaultServer, statement: str
) -> None:
    con.execute(statement.replace("{}", server.url("big.tif"))).fetchall()
    assert server.requests == []


def test_an_index_row_is_read_without_its_header(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    planned = indexed.execute(
        "SELECT count(*), sum(byte_count) FROM idx AS i, read_cog_tiles(i) WHERE byte_count > 0"
    ).fetchone()
    assert server.requests == []
    assert planned is not None
    assert planned[0] > 50
    read = indexed.execute("SELECT sum(octet_length(data)) FROM idx AS i, read_cog(i)").fetchone()
    assert read is not None
    assert read[0] > 0
    offsets = [int(r.range.removeprefix("bytes=").split("-")[0]) for r in server.requests if r.range]
    first_tile = indexed.execute(
        "SELECT min(list_min(list_filter(tile_offsets, lambda o: o > 0))) FROM idx"
    ).fetchone()
    assert min(offsets) >= first_tile[0], "a request for a header"
    assert len(server.requests) < planned[0], "neighbouring tiles are merged"


def test_sparse_tiles_cost_nothing(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    sizes = indexed.execute(
        "SELECT count(*) FILTER (byte_count = 0), sum(octet_length(data)) FILTER (byte_count = 0) "
        "FROM idx AS i, read_cog_tiles(i) WHERE i.href LIKE '%sparse%' AND byte_count = 0"
    ).fetchone()
    assert sizes is not None
    assert sizes[0] > 0
    assert sizes[1] > 0
    assert server.requests == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*), sum(byte_count) FROM read_cog_tiles('{}')",
        "SELECT tile_col, tile_row, bbox FROM read_cog_tiles('{}')",
        "SELECT width, height, transform FROM read_cog('{}')",
        "SELECT max(x_off) FROM idx AS i, read_cog_tiles(i) WHERE tile_col = 1",
        "SELECT i.href, c.shape FROM idx AS i, read_cog(i) AS c",
        "SELECT count(x_off) FROM idx AS i, read_cog(i)",
    ],
)
def test_no_pixel_column_is_no_pixel_request(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer, query: str
) -> None:
    assert indexed.execute(query.replace("{}", server.url("big.tif"))).fetchall()
    kinds = indexed.execute(
        "SELECT DISTINCT kind FROM rasteret_requests() WHERE url LIKE $1", [f"{server.origin}%"]
    )
    assert "tile" not in {kind for (kind,) in kinds.fetchall()}
    assert all(r.range is not None and r.range.startswith("bytes=0-") for r in server.requests)


def test_a_filter_on_tiles_reads_only_those(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    query = (
        "SELECT count(data), sum(byte_count) FROM idx AS i, read_cog_tiles(i) "
        "WHERE i.href LIKE '%utm32%' AND tile_col = 1 AND tile_row = 1"
    )
    count, byte_count = indexed.execute(query).fetchone()
    assert count == 1
    assert [_length(r.range) for r in server.requests] == [byte_count]


def _length(header: str | None) -> int:
    assert header is not None
    first, last = header.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


def test_limit_reads_about_as_many_tiles(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    indexed.execute("SET VARIABLE one = (SELECT i FROM idx AS i WHERE href LIKE '%big%')")
    tiles = indexed.execute("FROM read_cog_tiles(getvariable('one')) LIMIT 2").fetchall()
    assert len(tiles) == 2
    assert len(server.requests) <= 2


def test_two_areas_in_one_tile_read_it_once(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    indexed.execute(
        "CREATE TABLE areas AS "
        "SELECT {'x_off': 10 + range, 'y_off': 12, 'width': 20, 'height': 20} AS w FROM range(30)"
    )
    rows = indexed.execute(
        "SELECT octet_length(data) FROM idx AS i, areas, read_cog(i, areas.w) WHERE i.href LIKE '%utm33%'"
    ).fetchall()
    assert rows == [(800,)] * 30
    assert len(server.requests) == 1


JOINS = {
    "a cross product": "idx AS i, areas",
    "a join": "idx AS i JOIN areas ON i.width > areas.x",
    "areas first": "areas, idx AS i",
}
"""Rows arrive in pieces: all files with one area, then all files with the next."""


@pytest.mark.parametrize("rows", JOINS.values(), ids=JOINS)
def test_however_rows_arrive_no_tile_is_read_twice(
    con: duckdb.DuckDBPyConnection, server: FaultServer, rows: str
) -> None:
    con.execute("CREATE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [server.url("big.tif")])
    con.execute(
        "INSERT INTO idx SELECT i.* REPLACE (i.href || '?n=' || n AS href) FROM idx AS i, range(99) AS r(n)"
    )
    con.execute("CREATE TABLE areas AS SELECT 3 * range AS x FROM range(10)")
    server.clear()
    configure(tile_cache_bytes=0)
    try:
        area = "{'x_off': areas.x, 'y_off': areas.x, 'width': 20, 'height': 20}"
        query = f"SELECT count(c.data) FROM {rows}, read_cog(i, {area}) AS c"
        assert con.execute(query).fetchall() == [(1000,)]
    finally:
        configure(tile_cache_bytes=None)
    asked = [(request.target, request.range) for request in server.requests]
    assert len(asked) == len(set(asked)) == 100


def test_pixels_of_a_join_are_streamed(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """130 MB of chips pass through a DuckDB that has 100 MB and may not write to disk."""
    con.execute("CREATE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [str(corpus / "big.tif")])
    con.execute("CREATE TABLE areas AS SELECT range AS x FROM range(8000)")
    con.execute("SET memory_limit = '100MB'")
    con.execute("SET temp_directory = ''")
    con.execute("SET threads = 1")
    area = "{'x_off': areas.x % 40, 'y_off': 0, 'width': 64, 'height': 64}"
    query = f"SELECT sum(octet_length(c.data)) FROM idx AS i, areas, read_cog(i, {area}, bands := 1) AS c"
    found = con.execute(query).fetchone()
    assert found is not None
    assert found[0] == 8000 * 64 * 64 * 4


def test_a_tile_that_was_read_is_not_read_again(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    query = "SELECT sum(octet_length(data)) FROM idx AS i, read_cog(i) WHERE i.href LIKE '%utm33%'"
    first = indexed.execute(query).fetchone()
    sent = len(server.requests)
    assert indexed.execute(query).fetchone() == first
    assert len(server.requests) == sent


def test_requests_are_shown_with_what_they_cost(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    before = con.execute("SELECT coalesce(max(id), 0) FROM rasteret_requests()").fetchone()[0]
    con.execute(
        "SELECT count(data) FROM read_cog($1, bands := 1)", [server.url("big.tif?sig=secret")]
    ).fetchall()
    rows = con.execute(
        "SELECT kind, url, byte_count > 0, attempt, error FROM rasteret_requests() WHERE id > $1 ORDER BY id",
        [before],
    ).fetchall()
    assert next(row[0] for row in rows) == "header"
    assert {row[0] for row in rows} == {"header", "tile"}
    assert all(row[1] == server.url("big.tif?sig=…") and row[2:] == (True, 1, None) for row in rows)
    sent = con.execute("SELECT sum(byte_count) FROM rasteret_requests() WHERE id > $1", [before]).fetchone()[
        0
    ]
    assert sent == server.body_bytes
