"""A query in which no area touches any raster says so, once; any other says nothing."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

import rasteret_sql
from rasteret_sql.duck.arguments.lone_call import is_lone_call
from rasteret_sql.duck.register.relations import HOLDS_LOCK
from rasteret_sql.errors import RasteretWarning

SWAPPED = "[47.98, 12.0, 47.99, 12.01]"
RIGHT = "[12.0, 47.98, 12.01, 47.99]"
ROWS = f"(SELECT CASE WHEN i = 299999 THEN {RIGHT} ELSE {SWAPPED} END AS g, i FROM fields)"
QUERIES = {
    "full vectors": (f"FROM {ROWS} AS f, read_cog($1, f.g) AS c SELECT count(c.x_off) WHERE i < 4096", 1),
    "vectors partly filled": (f"SELECT RS_ZonalStats($1, g, 'mean') FROM {ROWS} WHERE i % 60000 = 3", 1),
    "the last touches": (f"SELECT RS_ZonalStats($1, g, 'mean') FROM {ROWS} WHERE i IN (1, 299999)", 0),
    "one branch touches": (
        f"SELECT RS_Clip($1, {SWAPPED}).dtype UNION ALL SELECT RS_Clip($1, {RIGHT}).dtype", 0
    ),
    "no branch touches": (
        f"SELECT RS_Clip($1, {SWAPPED}).dtype UNION ALL SELECT RS_Clip($1, {SWAPPED}).dtype", 1
    ),
    "one side of a join touches": (
        f"SELECT count(a.x_off) FROM read_cog($1, {SWAPPED}) AS a FULL JOIN read_cog($1, {RIGHT}) AS b "
        "USING (x_off)", 0
    ),
}  # fmt: skip
CALLS = {
    "read_cog": "SELECT width FROM read_cog($1, {area})",
    "read_cog_tiles": "SELECT width FROM read_cog_tiles($1, {area})",
    "RS_Clip": "SELECT RS_Clip($1, {area})",
    "RS_ZonalStats": "SELECT RS_ZonalStats($1, {area}, 'mean')",
    "RS_ZonalStatsAll": "SELECT RS_ZonalStatsAll($1, {area})",
    "RS_Histogram": "SELECT RS_Histogram($1, zone := {area})",
    "RS_MapAlgebra": "SELECT RS_MapAlgebra('b1 * 2', $1, aoi := {area})",
    "RS_Value": "SELECT RS_Value($1, [47.985, 12.03])",
    "RS_Values": "SELECT RS_Values($1, [[47.985, 12.03], [47.985, 12.031]])",
}


@pytest.fixture
def scenes(tmp_path: Path) -> list[str]:
    paths = []
    for name, crs, transform in (
        ("degrees", "EPSG:4326", from_origin(12, 48, 0.001, 0.001)),
        ("metres", "EPSG:32632", from_origin(720_000, 5_320_000, 100, 100)),
    ):
        path = tmp_path / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint8", crs=crs,
            transform=transform, nodata=0,
        ) as file:  # fmt: skip
            file.write(np.zeros((1, 64, 64), np.uint8))
        paths.append(str(path))
    return paths


def told(work: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(one.message) for one in caught if one.category is RasteretWarning]


def said(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[str]:
    return told(lambda: con.execute(sql, list(values)).fetchall())


@pytest.fixture
def fields(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A table of several row groups, which several threads read."""
    con.execute("CREATE TABLE fields AS SELECT i FROM range(300_000) AS t(i); SET threads = 4")
    return con


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scene", [0, 1])
def test_swapped_axes_are_told_once(
    con: duckdb.DuckDBPyConnection, scenes: list[str], call: str, scene: int
) -> None:
    for _ in range(2):  # each run is a query of its own
        (message,) = said(con, CALLS[call].format(area=SWAPPED), scenes[scene])
        assert message.startswith(f"{call}: no area touches any raster: ")
        assert Path(scenes[scene]).name in message
        assert "12 to 12.064" in message or scene == 1
        assert "47.98" in message
        assert "With x and y exchanged it would touch" in message


@pytest.mark.parametrize("call", CALLS)
def test_what_touches_says_nothing_though_no_pixel_is_valid(
    con: duckdb.DuckDBPyConnection, scenes: list[str], call: str
) -> None:
    sql = CALLS[call].format(area="[12.0, 47.98, 12.01, 47.99]").replace("47.985, 12.03", "12.03, 47.985")
    assert said(con, sql, scenes[0]) == []


def test_one_of_many_is_enough(con: duckdb.DuckDBPyConnection, scenes: list[str]) -> None:
    areas = f"(VALUES ({SWAPPED}), ([12.0, 47.98, 12.01, 47.99])) AS f(g)"
    assert said(con, f"SELECT count(c.x_off) FROM {areas}, read_cog($1, f.g) AS c", scenes[0]) == []
    far = f"(VALUES ({SWAPPED}), ([50.0, 10.0, 51.0, 11.0])) AS f(g)"
    assert len(said(con, f"SELECT count(c.x_off) FROM {far}, read_cog($1, f.g) AS c", scenes[0])) == 1


def test_an_area_that_is_elsewhere_either_way_has_no_hint(
    con: duckdb.DuckDBPyConnection, scenes: list[str]
) -> None:
    (message,) = said(con, "FROM read_cog($1, [100.0, 10.0, 101.0, 11.0])", scenes[1])
    assert "exchanged" not in message
    assert "in EPSG:32632" in message
    assert "in OGC:CRS84" in message


def test_no_area_and_no_raster_say_nothing(con: duckdb.DuckDBPyConnection, scenes: list[str]) -> None:
    for sql in (
        "FROM read_cog($1, NULL)",
        "SELECT RS_Value($1, NULL)",
        "SELECT RS_ZonalStats($1, NULL, 'sum')",
    ):
        assert said(con, sql, scenes[0]) == []
    assert said(con, f"FROM read_cog(NULL, {SWAPPED})") == []


def test_a_chip_is_a_raster_too(con: duckdb.DuckDBPyConnection, scenes: list[str]) -> None:
    (message,) = said(con, f"SELECT RS_Clip(c, {SWAPPED}) FROM read_cog($1) AS c", scenes[0])
    assert "exchanged" in message


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_judged_as_a_whole(
    fields: duckdb.DuckDBPyConnection, scenes: list[str], name: str
) -> None:
    sql, count = QUERIES[name]
    for _ in range(2):
        assert len(said(fields, sql, scenes[0])) == count
    assert said(fields, "SELECT 1") == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_plain_connection_says_so_when_its_next_query_begins(scenes: list[str], name: str) -> None:
    sql, count = QUERIES[name]
    with rasteret_sql.register(duckdb.connect()) as con:
        con.execute("CREATE TABLE fields AS SELECT i FROM range(300_000) AS t(i)")
        queries = [lambda: con.execute(sql, [scenes[0]]).fetchall()]
        if not HOLDS_LOCK:
            queries.append(lambda: con.sql(sql, params=[scenes[0]]).fetchall())
        for query in queries:
            assert told(query) == []
            assert len(said(con, f"FROM read_cog($1, {RIGHT})", scenes[0])) == count


@pytest.mark.parametrize(
    "registered", [rasteret_sql.connect, lambda: rasteret_sql.register(duckdb.connect())]
)
def test_a_relation_of_one_call_says_so_at_once(
    scenes: list[str], registered: Callable[[], duckdb.DuckDBPyConnection]
) -> None:
    with registered() as con:
        relation = con.sql(f"SELECT width FROM read_cog('{scenes[0]}', {SWAPPED})")
        assert len(told(relation.fetchall)) == 1
        assert len(told(lambda: repr(relation))) == 1
        assert told(con.sql(f"SELECT width FROM read_cog('{scenes[0]}', {RIGHT})").fetchall) == []


def test_a_relation_of_more_says_so_at_the_next_call(
    fields: duckdb.DuckDBPyConnection, scenes: list[str]
) -> None:
    sql, _ = QUERIES["full vectors"]
    at_once = told(lambda: fields.sql(sql, params=[scenes[0]]).fetchall())
    assert len(at_once) == HOLDS_LOCK  # DuckDB 1.5 has run it when there is a relation
    assert len(said(fields, "SELECT 1")) == 1 - len(at_once)


def test_rows_one_by_one_and_writes_say_so_at_their_end(
    fields: duckdb.DuckDBPyConnection, scenes: list[str]
) -> None:
    sql, _ = QUERIES["vectors partly filled"]
    answer = fields.execute(sql, [scenes[0]])
    assert told(lambda: answer.fetchmany(5)) == []
    assert len(told(answer.fetchone)) == 1
    assert len(told(lambda: fields.execute(f"CREATE TABLE t AS {sql.replace('$1', repr(scenes[0]))}"))) == 1


def test_a_query_that_fails_says_nothing(fields: duckdb.DuckDBPyConnection, scenes: list[str]) -> None:
    sql = f"SELECT RS_ZonalStats(CASE WHEN i = 299999 THEN 'none.tif' ELSE $1 END, g, 'mean') FROM {ROWS}"
    with pytest.raises(duckdb.Error, match=r"none\.tif"):
        said(fields, f"{sql} WHERE i IN (1, 299999)", scenes[0])
    assert said(fields, "SELECT 1") == []


def test_taken_for_an_error_it_is_one_of_its_own_query(
    fields: duckdb.DuckDBPyConnection, scenes: list[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RasteretWarning, match="no area touches any raster"):
            fields.execute(QUERIES["full vectors"][0], [scenes[0]]).fetchall()
        with pytest.raises(duckdb.Error, match="no area touches any raster"):
            fields.execute(f"FROM read_cog($1, {SWAPPED})", [scenes[0]]).fetchall()


def test_the_end_of_a_script_is_the_end_of_its_queries(scenes: list[str]) -> None:
    sql = QUERIES["no branch touches"][0].replace("$1", repr(scenes[0]))
    script = f"import duckdb, rasteret_sql\nrasteret_sql.register(duckdb.connect()).sql({sql!r}).fetchall()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stderr.count("no area touches any raster") == 1


def test_the_end_of_a_cell_is_the_end_of_its_relations(scenes: list[str]) -> None:
    sql = QUERIES["no branch touches"][0].replace("$1", repr(scenes[0]))
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\nimport sys\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_cell('import rasteret_sql; con = rasteret_sql.connect()')\n"
        f"shell.run_cell({f'con.sql({sql!r})'!r})\n"
        "print('next', file=sys.stderr, flush=True)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, _, after = ran.stderr.partition("next")
    assert before.count("no area touches any raster") == 1
    assert "no area" not in after


@pytest.mark.parametrize(
    ("sql", "lone"),
    [
        ("FROM read_cog('a', [1, 2, 3, 4])", True),
        ("SELECT count(*) FROM read_cog($1, 'POINT (1 2)'::GEOMETRY) AS c WHERE c.width > 1", True),
        ("SELECT RS_AsPNG(RS_Clip('a', ST_Point(1, 2)))", True),
        ("SELECT RS_NDVI(raster, [1, 2, 3, 4])", True),
        ("WITH s AS (SELECT RS_Value('a', [1, 2]) AS v) SELECT * FROM s LIMIT 3", True),
        ("WITH s AS (SELECT RS_Value('a', [1, 2]) AS v) SELECT * FROM s AS a, s AS b", False),
        ("SELECT RS_Value('a', [1, 2]), RS_Value('a', [2, 1])", False),
        ("SELECT RS_Value('a', p) FROM points", False),
        ("SELECT RS_Value('a', p) FROM (VALUES ([1, 2])) AS t(p)", False),
        ("SELECT RS_Value('a', unnest([[1, 2], [2, 1]]))", False),
        ("SELECT RS_Value('a', [1, 2]) UNION ALL SELECT mine('a', [2, 1])", False),
        ("SELECT mine(RS_Value('a', [1, 2]))", False),
        ("FROM read_cog((FROM cog_index('x')), [1, 2, 3, 4])", False),
        ("EXECUTE p(1)", False),
        ("SELECT RS_Value('a', [1, 2]) FROM range(3)", False),
        ("SELECT RS_Value('a', [1, 2", False),
    ],
)
def test_one_call_alone_is_known_by_the_text(sql: str, lone: bool) -> None:
    assert is_lone_call(sql) is lone
