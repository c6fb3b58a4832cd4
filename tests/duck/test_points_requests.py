"""Points cost each tile once: counted at the server, however many points there are and however they come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pytest

from rasteret_sql.raster.points import values as points
from rasteret_sql.settings import configure
from tests.store.server import FaultServer

SCENES = 24


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    files = {path.name: path.read_bytes() for path in corpus.glob("*.tif")}
    with FaultServer(files) as running:
        yield running


@pytest.fixture
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of 24 scenes with nine tiles each, and ``points`` all over them and around."""
    con.execute("CREATE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [server.url("utm32_uint16.tif")])
    con.execute(
        "INSERT INTO idx SELECT i.* REPLACE (i.href || '?n=' || n AS href) FROM idx AS i, range($1) AS r(n)",
        [SCENES - 1],
    )
    con.execute(
        "CREATE TABLE points AS SELECT n, 699900 + hash(n) % 3120 AS x, 5300100 - hash(n + 7) % 2720 AS y "
        "FROM range(100_000) AS r(n)"
    )
    server.clear()
    return con


def bytes_asked(server: FaultServer) -> list[tuple[str, int, int]]:
    """File, first and last byte of every request, in order."""
    asked = []
    for request in server.requests:
        assert request.range is not None
        first, last = request.range.removeprefix("bytes=").split("-")
        asked.append((request.target, int(first), int(last)))
    return sorted(asked)


def assert_nothing_twice(server: FaultServer) -> None:
    asked = bytes_asked(server)
    for (file, _, last), (other, first, _) in pairwise(asked):
        assert file != other or last < first, f"bytes of {file} were read twice"


def test_a_list_of_points_reads_every_tile_once(
    scenes: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    """100,000 points of 24 scenes, without a cache: 2.4 million values, one request a scene."""
    configure(tile_cache_bytes=0)
    try:
        rows = scenes.execute(
            "SELECT len(v), list_sum(v) FROM (SELECT RS_Values(i, p.xy, aoi_crs := 'EPSG:32632') AS v "
            "FROM idx AS i, (SELECT list({'x': x, 'y': y}) AS xy FROM points) AS p)"
        ).fetchall()
    finally:
        configure(tile_cache_bytes=None)
    assert len(rows) == SCENES
    assert len(set(rows)) == 1
    assert len(server.requests) == SCENES
    assert_nothing_twice(server)


def test_a_list_of_its_own_for_every_scene(scenes: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    query = """
        SELECT count(v), sum(v) FROM (
            SELECT unnest(RS_Values(any_value(i), list([p.x, p.y]), aoi_crs := 'EPSG:32632')) AS v
            FROM idx AS i JOIN points AS p ON p.n % 24 = len(i.href) % 24
            GROUP BY i.href
        )
    """
    count, _ = scenes.execute(query).fetchone()
    assert count > 50_000
    assert len(server.requests) == SCENES
    assert_nothing_twice(server)


@pytest.mark.parametrize("rows", ["idx AS i, few AS p", "few AS p, idx AS i"])
def test_a_join_of_points_and_scenes_reads_every_tile_once(
    scenes: duckdb.DuckDBPyConnection, server: FaultServer, rows: str
) -> None:
    """Batches that come one after the other find the tiles of the first in the cache."""
    scenes.execute("SET threads = 1")
    scenes.execute("CREATE TABLE few AS FROM points LIMIT 10_000")
    values = scenes.execute(
        "SELECT count(v), sum(v) "
        f"FROM (SELECT RS_Value(i, [p.x, p.y], aoi_crs := 'EPSG:32632') AS v FROM {rows})"
    ).fetchone()
    assert len(server.requests) == SCENES
    assert_nothing_twice(server)
    lists = scenes.execute(
        "SELECT sum(list_count(v)), sum(list_sum(v)) "
        "FROM (SELECT RS_Values(i, xy, aoi_crs := 'EPSG:32632') AS v FROM idx AS i, "
        "(SELECT list([x, y]) AS xy FROM few))"
    ).fetchone()
    assert values == lists


def test_one_point_reads_a_part_of_one_tile(scenes: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    value = "SELECT RS_Value(i, [700455, 5299205], aoi_crs := 'EPSG:32632') FROM idx AS i LIMIT 1"
    assert scenes.execute(value).fetchone()[0] > 0
    assert len(server.requests) == 1
    largest = scenes.execute("SELECT max(list_max(tile_byte_counts)) FROM idx").fetchone()[0]
    ((_, first, last),) = bytes_asked(server)
    assert last - first < largest


@pytest.mark.parametrize(
    "call",
    [
        "RS_Value(i, [0, 0])",
        "RS_Value(i, NULL)",
        "RS_Values(i, [[0, 0], [1, 1]])",
        "RS_Values(i, [])",
        "RS_Value(i, [700000, 5400000], interpolation := 'bilinear', aoi_crs := 'EPSG:32632')",
    ],
)
def test_points_elsewhere_cost_nothing(
    scenes: duckdb.DuckDBPyConnection, server: FaultServer, call: str
) -> None:
    scenes.execute(f"SELECT {call} FROM idx AS i").fetchall()
    assert server.requests == []


def test_explain_reads_nothing(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    for call in ("RS_Value('{}', [11, 47])", "RS_Values('{}', [[11, 47]])"):
        con.execute(f"EXPLAIN SELECT {call}".replace("{}", server.url("big.tif"))).fetchall()
        con.execute(f"PREPARE p AS SELECT {call}".replace("{}", server.url("big.tif")))
    assert server.requests == []


@pytest.mark.parametrize("limits", [(1, 10**9), (10**9, 1), (3000, 20)])
def test_a_vector_that_is_split_gives_the_same(
    scenes: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int]
) -> None:
    scenes.execute("CREATE TABLE p AS SELECT list([x, y]) AS xy FROM (FROM points LIMIT 2000)")
    values = "RS_Values(i, xy, interpolation := 'bilinear', aoi_crs := 'EPSG:32632')"
    query = f"SELECT {values} FROM idx AS i, p ORDER BY i.href"
    whole = scenes.execute(query).fetchall()
    monkeypatch.setattr(points, "PIXELS_AT_ONCE", limits[0])
    monkeypatch.setattr(points, "BLOCKS_AT_ONCE", limits[1])
    assert scenes.execute(query).fetchall() == whole
    assert np.isfinite([v for v in whole[0][0] if v is not None]).sum() > 1000


def test_bands_that_share_their_tiles_are_read_once(
    con: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    con.execute("CREATE TABLE rgb AS SELECT h.* FROM cog_header($1) AS h", [server.url("rgba_nodata.tif")])
    server.clear()
    configure(tile_cache_bytes=0)
    try:
        places = "SELECT list([700000.0 + 37 * n, 5300000.0 - 29 * n]) AS places FROM range(60) AS r(n)"
        query = "SELECT len(RS_Values(r, places, {}, aoi_crs := 'EPSG:32632')) FROM rgb AS r, ({})"
        assert con.execute(query.format("1", places)).fetchall() == [(60,)]
        alone = bytes_asked(server)
        server.clear()
        assert con.execute(query.format("[1, 2, 3]", places)).fetchall() == [(60,)]
        assert bytes_asked(server) == alone
    finally:
        configure(tile_cache_bytes=None)
    assert alone
