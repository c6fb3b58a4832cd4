"""What the benchmark's work costs in requests, bytes and round trips, through SQL: counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest

import rasteret_sql
from rasteret_sql.settings import configure
from tests.bench.scenarios import PIXEL_M, ZONE, Job
from tests.contracts import scenes
from tests.contracts.ledger import asked_bytes, bytes_asked_twice, repeated, round_trips
from tests.store.server import FaultServer

QUIET_S = 1.0
"""Longer than a client with something to ask for is silent."""
REQUESTS = {"S1": 15, "S1b": 30, "S2": 120, "S2x": 270}
TILES = {"S1": 15, "S1b": 60, "S2": 120, "S2x": 810}
CHIPS = f"FROM idx AS i, fields AS f, read_cog(i, f.box, aoi_crs := 'EPSG:{ZONE}') AS c"


@contextmanager
def serving(con: duckdb.DuckDBPyConnection, work: Job) -> Iterator[FaultServer]:
    """A server of the scenario's files, and tables ``idx`` and ``fields`` about them."""
    with FaultServer(scenes.files(work)) as server:
        con.execute("CREATE TABLE assets (id VARCHAR, band VARCHAR, href VARCHAR)")
        rows = [(s.id, band, server.url(f"{s.path}/{band}.tif")) for s, band in work.assets()]
        con.executemany("INSERT INTO assets VALUES (?, ?, ?)", rows)
        con.execute("CREATE TABLE idx AS SELECT a.id, a.band, h.* FROM assets AS a, cog_header(a.href) AS h")
        con.execute("CREATE TABLE fields (area VARCHAR, box DOUBLE[4])")
        inset = PIXEL_M / 4  # the same pixels, whatever rounding does to their edges
        for area in work.areas:
            xmin, ymin, xmax, ymax = area.bounds
            box = [xmin + inset, ymin + inset, xmax - inset, ymax - inset]
            con.execute("INSERT INTO fields VALUES (?, ?)", [area.id, box])
        configure(merge_gap_bytes=scenes.MERGE_GAP)
        server.clear()
        yield server


def read(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], bytes]:
    """Every chip: scene, band, area."""
    rows = con.execute(f"SELECT i.id, i.band, f.area, c.data {CHIPS}").fetchall()
    return {(scene, band, area): data for scene, band, area, data in rows}


def expected(work: Job) -> dict[tuple[str, str, str], bytes]:
    """The same from the arrays that the files were made of."""
    chips: dict[tuple[str, str, str], bytes] = {}
    for scene, band in work.assets():
        array = scenes.pixels(scene, band)
        for area in work.areas:
            left, top, width, height = area.window(scene)
            chips[scene.id, band, area.id] = array[top : top + height, left : left + width].tobytes()
    return chips


def planned_bytes(con: duckdb.DuckDBPyConnection) -> int:
    """Stored bytes of the distinct tiles that the chips need, from the plan alone."""
    tiles = CHIPS.replace("read_cog(", "read_cog_tiles(")
    query = f'SELECT sum(byte_count) FROM (SELECT DISTINCT i.href, c."offset", c.byte_count {tiles})'
    return int(con.execute(query).fetchall()[0][0])


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_tiles_bytes_and_round_trips(con: duckdb.DuckDBPyConnection, name: str) -> None:
    work = scenes.job(name)
    assert len(scenes.tiles_of(work)) == TILES[name]
    configure(max_concurrency=300)  # so that only what depends on an answer waits for one
    with serving(con, work) as server:
        tile_bytes = planned_bytes(con)
        assert server.requests == []
        server.quiet_s = QUIET_S
        assert read(con) == expected(work)
        assert len(server.requests) == REQUESTS[name]
        assert repeated(server) == []
        assert bytes_asked_twice(server) == 0
        # each merged range has the gaps between its tiles, nothing else
        gaps = (TILES[name] - REQUESTS[name]) * scenes.MERGE_GAP
        assert tile_bytes <= asked_bytes(server) <= tile_bytes + gaps
        assert server.body_bytes == asked_bytes(server)
        assert round_trips(server) == 1


@pytest.mark.parametrize("name", REQUESTS)
def test_a_read_of_index_rows_asks_for_no_header(con: duckdb.DuckDBPyConnection, name: str) -> None:
    with serving(con, scenes.job(name)) as server:
        mark = con.execute("SELECT max(id) FROM rasteret_requests()").fetchall()[0][0]
        read(con)
        kinds = con.execute("SELECT DISTINCT kind FROM rasteret_requests() WHERE id > $1", [mark]).fetchall()
        assert kinds == [("tile",)]
        first_tile = dict(con.execute("SELECT href, list_min(tile_offsets) FROM idx").fetchall())
        for request in server.requests:
            assert request.span[0] >= first_tile[server.origin + request.target]


@pytest.mark.parametrize("threads", [1, 4])
def test_headers_are_one_request_a_file_in_one_round_trip(
    con: duckdb.DuckDBPyConnection, threads: int
) -> None:
    """S5, a third of it: as many requests as are in flight at first. DuckDB's threads do not split them."""
    con.execute(f"SET threads = {threads}")
    data = scenes.file_of(scenes.scenes()[0], "red")
    with FaultServer({f"{n}.tif": data for n in range(100)}) as server:
        server.quiet_s = QUIET_S
        hrefs = [server.url(name) for name in server.files]
        con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [hrefs])
        con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
        assert con.execute("SELECT count(*), count(error) FROM idx").fetchall() == [(100, 0)]
        assert len(server.requests) == 100
        assert repeated(server) == []
        assert round_trips(server) == 1
        assert max(stop - start for start, stop in (r.span for r in server.requests)) <= 32_768


@pytest.mark.parametrize("threads", [1, 4])
def test_a_file_that_stands_in_many_rows_has_its_header_read_once(
    con: duckdb.DuckDBPyConnection, threads: int
) -> None:
    con.execute(f"SET threads = {threads}")
    data = scenes.file_of(scenes.scenes()[0], "red")
    with FaultServer({f"{n}.tif": data for n in range(3)}) as server:
        rows = "SELECT range AS n, $1 || (range % 3) || '.tif' AS href FROM range(2000)"
        con.execute(f"CREATE TABLE hrefs AS {rows}", [server.url("")])
        query = "SELECT count(DISTINCT n), count(h.width) FROM hrefs, cog_header(href) AS h"
        assert con.execute(query).fetchall() == [(2000, 2000)]
        assert len(server.requests) == 3


@pytest.mark.parametrize("name", REQUESTS)
def test_a_second_read_sends_nothing(con: duckdb.DuckDBPyConnection, name: str) -> None:
    with serving(con, scenes.job(name)) as server:
        first = read(con)
        server.clear()
        assert read(con) == first
        assert server.requests == []


def test_connections_of_a_process_share_what_was_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    work = scenes.job("S2")
    with serving(con, work) as server:
        read(con)
        server.clear()
        other = rasteret_sql.connect()
        for name in ("idx", "fields"):
            con.execute(f"COPY {name} TO '{tmp_path}/{name}.parquet'")
            other.execute(f"CREATE TABLE {name} AS FROM '{tmp_path}/{name}.parquet'")
        assert read(other) == expected(work)
        other.close()
        assert server.requests == []


def test_duckdb_threads_change_nothing(con: duckdb.DuckDBPyConnection) -> None:
    work = scenes.job("S2x")
    con.execute("SET threads = 4")
    with serving(con, work) as server:
        assert read(con) == expected(work)
        assert len(server.requests) == REQUESTS["S2x"]
        assert repeated(server) == []
        assert bytes_asked_twice(server) == 0


def test_four_queries_at_once_read_each_tile_once(con: duckdb.DuckDBPyConnection) -> None:
    """20 areas of 30 files, whose tiles they share, asked for by four cursors at the same time."""
    work = scenes.job("S2x")
    with serving(con, work) as server, ThreadPoolExecutor(4) as threads:
        server.quiet_s = 0.05
        cursors = [rasteret_sql.register(con.cursor()) for _ in range(4)]
        found = list(threads.map(read, cursors))
        assert all(chips == found[0] for chips in found)
        assert found[0] == expected(work)
        assert bytes_asked_twice(server) == 0
        assert asked_bytes(server) <= planned_bytes(con) + (TILES["S2x"] - REQUESTS["S2x"]) * scenes.MERGE_GAP


def test_points_of_one_tile_read_it_once(con: duckdb.DuckDBPyConnection) -> None:
    """S4 as chips of one pixel: clusters of points lie in the same tiles."""
    work = scenes.job("S4")
    points = np.array(work.points[::25])  # of each cluster 16
    dates = work.scenes[:3]
    with serving(con, Job(name="points", title="", kind="chips", scenes=dates)) as server:
        con.execute("CREATE TABLE points AS SELECT unnest($1) AS x, unnest($2) AS y", [*points.T.tolist()])
        point = f"[p.x, p.y, p.x, p.y]::DOUBLE[4], aoi_crs := 'EPSG:{ZONE}'"
        rows = con.execute(
            f"SELECT i.id, p.x, p.y, c.data FROM idx AS i, points AS p, read_cog(i, {point}) AS c"
        ).fetchall()
        assert len(rows) == len(points) * len(dates)
        tiles = set()
        for scene, x, y, data in rows:
            date = dates[int(scene)]
            column, row = int((x - date.x) // PIXEL_M), int((date.y - y) // PIXEL_M)
            assert np.frombuffer(data, np.uint16).tolist() == [scenes.pixels(date, "red")[row, column]]
            tiles.add((scene, row // scenes.TILE, column // scenes.TILE))
        assert len(server.requests) <= len(tiles)
        assert bytes_asked_twice(server) == 0


@pytest.mark.parametrize("bytes_in_flight", [20_000, 200_000])
def test_no_more_bytes_are_asked_for_at_once_than_the_setting_says(
    con: duckdb.DuckDBPyConnection, bytes_in_flight: int
) -> None:
    work = scenes.job("S2x")
    with serving(con, work) as server:
        configure(bytes_in_flight=bytes_in_flight, merge_max_bytes=bytes_in_flight)
        server.quiet_s = 0.02  # else it may answer as fast as it is asked
        assert read(con) == expected(work)
        assert server.most_bytes_at_once <= bytes_in_flight
        assert server.most_bytes_at_once > bytes_in_flight / 4, "as many as allowed, not one after the other"
