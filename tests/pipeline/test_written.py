"""An index as a file: small, GeoParquet, and of which an area of interest touches little."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.duck_types import declared
from rasteret_sql.duck.kernels.extents import LEVELS, hilbert_index
from rasteret_sql.errors import ArgumentError
from rasteret_sql.pipeline import build_index, index_info, refresh_index, write_index
from rasteret_sql.pipeline.write import TABLES
from tests.pipeline.scenes import SMALL, TILES, serve_items
from tests.store.server import FaultServer

Requests = Callable[[], list[str]]
ROWS = 1_000_000
AOI = "POLYGON((12.5 48, 12.8 48, 12.8 48.2, 12.5 48.2, 12.5 48))"


def test_a_thousand_sentinel_2_items(
    con: duckdb.DuckDBPyConnection, server: FaultServer, requests: Requests, stac_data: Path, tmp_path: Path
) -> None:
    """Real items with headers of Sentinel-2's shape: size, and requests of the build and of two refreshes."""
    items = stac_data / "rustac/1000-sentinel-2-items.parquet"
    serve_items(con, server, f"FROM stac_read('{items}')", ("B04",))
    target = tmp_path / "idx.parquet"
    assert build_index(con, target, items="FROM scenes").added == 1000
    assert len(requests()) == 1000
    info = index_info(con, target)
    assert (info.rows, info.failed, info.tiles) == (1000, 0, 1000 * TILES)
    assert info.bytes_per_tile is not None
    assert info.bytes_per_tile < 4.5
    refresh_index(con, target, items="FROM scenes")
    assert requests() == []
    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id = (SELECT min(id) FROM scenes)")
    assert refresh_index(con, target, items="FROM scenes").updated == 1
    assert len(requests()) == 1


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million rows: 2,500 footprints of two degrees over the world, 400 days."""
    import rasteret_sql

    path = tmp_path_factory.mktemp("million") / "idx.parquet"
    square = (
        "x || ' ' || y || ', ' || x + 2 || ' ' || y || ', ' || x + 2 || ' ' || y + 2 || ', ' || x || ' ' || y"
    )
    with rasteret_sql.connect(config={"threads": 2}) as con:
        con.execute(
            "CREATE TABLE places AS SELECT n, rasteret_geometry FROM (SELECT n, "
            f"('POLYGON((' || {square} || '))')::GEOMETRY('OGC:CRS84') AS rasteret_geometry "
            "FROM (SELECT n, (n % 50) * 7.0 - 177 AS x, (n // 50) * 2.6 - 65 AS y FROM range(2500) AS r(n)))"
        )
        rows = (
            "SELECT n::VARCHAR AS id, rasteret_geometry AS geometry, "
            "TIMESTAMPTZ '2023-01-01 10:00:00Z' + day * INTERVAL 1 DAY AS datetime, "
            "md5((n * day)::VARCHAR) AS pad "
            "FROM places, range(400) AS d(day)"
        )
        assert write_index(con, rows, path) == ROWS
    return path


def test_an_area_of_interest_touches_few_row_groups(con: duckdb.DuckDBPyConnection, million: Path) -> None:
    """What a reader of GeoParquet 1.1 skips by the covering; DuckDB by ``&&`` as well, in 2.0 it says so."""
    groups = con.execute(
        "SELECT count(*) FILTER (touched), count(*) FROM (SELECT row_group_id, bool_and(CASE path_in_schema "
        "WHEN 'geometry_bbox, xmin' THEN stats_min::DOUBLE <= 12.8 "
        "WHEN 'geometry_bbox, xmax' THEN stats_max::DOUBLE >= 12.5 "
        "WHEN 'geometry_bbox, ymin' THEN stats_min::DOUBLE <= 48.2 "
        "WHEN 'geometry_bbox, ymax' THEN stats_max::DOUBLE >= 48 END) AS touched "
        f"FROM parquet_metadata('{million}') "
        "WHERE starts_with(path_in_schema, 'geometry_bbox') GROUP BY row_group_id)"
    ).fetchone()
    assert groups is not None
    touched, total = groups
    assert total >= ROWS // 8192
    assert touched <= 28  # one or two a month

    month = "datetime >= '2023-06-01 00:00:00Z' AND datetime < '2023-07-01 00:00:00Z'"
    query = f"SELECT count(pad) FROM '{million}' WHERE geometry && '{AOI}'::GEOMETRY('OGC:CRS84') AND {month}"
    assert con.execute(query).fetchone() == (30,)
    plan = con.execute(f"EXPLAIN ANALYZE {query}").fetchall()[0][1]
    if "Row Groups Scanned" in plan:
        scanned = int(plan.split("Row Groups Scanned: ")[1].split(" ")[0])
        assert scanned <= 3


def test_the_file_is_geoparquet_and_reads_as_before(
    con: duckdb.DuckDBPyConnection, server: FaultServer, tmp_path: Path
) -> None:
    serve_items(con, server, SMALL, ("red",))
    build_index(con, "idx", items="FROM scenes")
    names = declared(types.HEADER).children["mask"].children
    mask = ", ".join(f"'{name}': {8 if name == 'bits_per_sample' else name}" for name in names)
    con.execute(f"UPDATE idx SET mask = {{{mask}}}")
    for number, packed, native in ((1, True, True), (2, False, False)):
        path = tmp_path / f"{number}.parquet"
        write_index(con, "idx", path, packed=packed, native_geometry=native, metadata={"made_by": "us"})
        kept = dict(
            con.execute(f"SELECT key::VARCHAR, decode(value) FROM parquet_kv_metadata('{path}')").fetchall()
        )
        geo = json.loads(kept["geo"])
        assert (geo["version"], geo["primary_column"], kept["made_by"]) == ("1.1.0", "geometry", "us")
        assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["geometry_bbox", "xmin"]
        assert set(geo["columns"]) == {"geometry", "footprint"}
        columns = {row[0] for row in con.execute(f"DESCRIBE FROM '{path}'").fetchall()}
        assert ("tile_gaps" in columns, "tile_offsets" in columns) == (packed, not packed)
        plans = (
            'SELECT p.href, p.tile_col, p.tile_row, p."offset", p.byte_count '
            "FROM {} AS i, read_cog_tiles(i) AS p ORDER BY ALL"
        )
        assert (
            con.execute(plans.format(f"'{path}'")).fetchall() == con.execute(plans.format("idx")).fetchall()
        )
    tables = "{" + ", ".join(f"'{name}': {name}" for name in TABLES) + "}"
    back = f"_rasteret_ok(_rasteret_unpack_tiles({tables.replace('tile_offsets', 'tile_gaps')}))"
    packed_file = tmp_path / "1.parquet"
    assert con.execute(
        f"SELECT count(*) FROM (SELECT {tables} AS t FROM idx "
        f"SEMI JOIN (SELECT {back} AS t FROM '{packed_file}') AS b ON t = b.t)"
    ).fetchone() == (6,)
    with pytest.raises(ArgumentError, match="time_unit 'hour' is not one of day"):
        write_index(con, "idx", tmp_path / "3.parquet", time_unit="hour")


def test_the_curve_visits_every_cell_and_makes_no_jump() -> None:
    side = 64
    x, y = (axis.ravel() for axis in np.mgrid[0:side, 0:side])
    order = np.argsort(hilbert_index(x, y))
    assert (np.abs(np.diff(x[order])) + np.abs(np.diff(y[order])) == 1).all()
    last = np.array([2**LEVELS - 1])
    assert hilbert_index(last, last * 0)[0] == 4**LEVELS - 1


def test_boxes_and_places_of_odd_geometries(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute(
        "SELECT rasteret_bbox('LINESTRING(1 2, 3 4)'::GEOMETRY), rasteret_bbox(NULL), "
        "rasteret_hilbert('POINT EMPTY'::GEOMETRY), rasteret_hilbert('POINT(500 -500)'::GEOMETRY)"
    ).fetchone() == ({"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, None, None, 4**LEVELS - 1)
    with pytest.raises(duckdb.Error, match="rasteret_bbox: the geometry is a value of type VARCHAR"):
        con.execute("SELECT rasteret_bbox('POINT(1 2)')")
