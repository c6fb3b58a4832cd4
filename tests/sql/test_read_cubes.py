"""read_cubes over names answers as read_cube does over lists that are written out."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rasteret_sql.demo import Demo
from tests.sql.plans import columns_read, require_filters_in_scans
from tests.sql.test_read_chips import BUILD, both, explained

PLAN = 'time, bands, shape, dtype, nodata, crs, transform, bbox, scales, "offsets", byte_count'
CUBE = f"{PLAN}, data, valid, errors"


@pytest.fixture
def con(
    con: duckdb.DuckDBPyConnection, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> duckdb.DuckDBPyConnection:
    monkeypatch.chdir(demo.folder)
    if not Path("idx.parquet").exists():
        con.execute(BUILD)
    return con


def lateral(arguments: str, order: str = "i.datetime", where: str = "true") -> str:
    columns = ", ".join(f"c.{name}" for name in CUBE.split(", "))
    return (
        f"SELECT f.field_id, f.label, {columns} FROM ("
        f"SELECT f.field_id, f.label, any_value(f.geom) AS geom, list(i ORDER BY {order}) AS scenes "
        "FROM 'fields.parquet' AS f JOIN 'idx.parquet' AS i ON i.footprint && f.geom "
        f"WHERE f.field_id < 4 AND {where} GROUP BY ALL) AS f, read_cube(f.scenes, f.geom{arguments}) AS c"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ", bands := ['red', 'nir'], resolution := 10",
        ", bands := 'nir', crs := 'EPSG:32632', resolution := 20, fuse := 'solar_day', mask := 'scl = 4'",
        ", expression := 'nir / red', size := 16, all_touched := true",
        ", bands := ['red'], scale := true, size := 8, resolution := 10",
    ],
)
def test_cubes_are_those_of_lists(con: duckdb.DuckDBPyConnection, arguments: str) -> None:
    family = f"FROM read_cubes('idx.parquet', 'fields.parquet'{arguments}) WHERE field_id < 4"
    both(con, f"SELECT field_id, label, {CUBE} {family}", lateral(arguments))


def test_scenes_of_a_step_come_in_the_order_that_is_asked(con: duckdb.DuckDBPyConnection) -> None:
    asked = ", bands := 'red', resolution := 10, fuse := 'solar_day'"
    family = (
        f"FROM read_cubes('idx.parquet', 'fields.parquet'{asked}, prefer := 'cloud_cover') WHERE field_id < 4"
    )
    both(con, f"SELECT field_id, label, {CUBE} {family}", lateral(asked, order="i.cloud_cover, i.href"))


def test_filters_reach_the_files_and_a_plan_asks_for_nothing(con: duckdb.DuckDBPyConnection) -> None:
    before = con.execute("SELECT max(id) FROM rasteret_requests()").fetchall()
    plan = explained(
        con,
        "WITH clear AS (FROM 'idx.parquet' WHERE band IN ('red', 'nir') AND cloud_cover < 60) "
        "SELECT label, time, data FROM read_cubes('clear', 'fields.parquet', resolution := 10) "
        "WHERE field_id = 2",
    )
    assert con.execute("SELECT max(id) FROM rasteret_requests()").fetchall() == before
    require_filters_in_scans(plan, ("cloud_cover", "field_id"))
    assert {"label", "footprint", "tile_gaps"} & columns_read(plan)
    assert not {"geometry", "ghost", "bbox"} & columns_read(plan)


def test_the_cost_needs_no_pixels(con: duckdb.DuckDBPyConnection) -> None:
    before = con.execute("SELECT max(id) FROM rasteret_requests()").fetchall()
    query = (
        "SELECT sum(byte_count), count(*) FROM read_cubes('idx.parquet', 'fields.parquet', resolution := 10)"
    )
    ((total, rows),) = con.execute(query).fetchall()
    assert total > 0
    assert rows > 0
    assert con.execute("SELECT max(id) FROM rasteret_requests()").fetchall() == before


@pytest.mark.parametrize("index", ["idx", "seen", "mine"], ids=["table", "view", "CTE"])
def test_any_name_will_do_and_names_that_are_taken_stay(con: duckdb.DuckDBPyConnection, index: str) -> None:
    con.execute("CREATE OR REPLACE TABLE idx AS FROM 'idx.parquet' WHERE band = 'red'")
    con.execute("CREATE VIEW seen AS FROM idx")
    con.execute(
        "CREATE VIEW fields AS "
        "SELECT geom AS geometry, field_id AS id, 'mine' AS crs, 7 AS shape, [1] AS bands "
        "FROM 'fields.parquet'"
    )
    found = con.execute(
        "WITH mine AS (FROM idx) SELECT id, crs_1, shape_1, bands_1, crs, len(shape), bands "
        f"FROM read_cubes('{index}', 'fields', resolution := 10) ORDER BY id LIMIT 1"
    ).fetchall()
    assert found == [(1, "mine", 7, [1], "EPSG:32633", 4, ["red"])]


def test_what_an_index_lacks_is_told(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE OR REPLACE TABLE idx AS SELECT * EXCLUDE (datetime), 1 AS n FROM 'idx.parquet'")
    with pytest.raises(duckdb.InvalidInputException, match="has no datetime"):
        con.execute("SELECT data FROM read_cubes('idx', 'fields.parquet', prefer := 'n')").fetchall()
