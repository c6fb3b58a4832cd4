"""NULL is not an area: no row, or NULL, however it comes; an area that is left out is all of the raster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

NULLS = {
    "a literal": ("NULL", ()),
    "a typed one": ("NULL::GEOMETRY", ()),
    "a bound one": ("$2", (None,)),
    "a column": ("(SELECT g FROM (VALUES (NULL::GEOMETRY)) AS t(g))", ()),
    "a box": ("NULL::DOUBLE[4]", ()),
    "a struct": ("NULL::STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)", ()),
}
ROWS = {
    "read_cog": "SELECT width FROM read_cog($1, {})",
    "read_cog_tiles": "SELECT width FROM read_cog_tiles($1, aoi := {})",
    "read_cog, a grid": "SELECT width FROM read_cog($1, {}, resolution := 10, size := 5)",
}
VALUES = {
    "RS_ZonalStats": "RS_ZonalStats($1, {}, 'count')",
    "RS_ZonalStatsAll": "RS_ZonalStatsAll($1, {})",
    "RS_Histogram": "RS_Histogram($1, zone := {})",
    "RS_Clip": "RS_Clip($1, {})",
    "RS_Clip, uncropped": "RS_Clip($1, {}, crop := false)",
    "RS_MapAlgebra": "RS_MapAlgebra('b1 * 2', $1, aoi := {})",
    "RS_NormalizedDifference": "RS_NormalizedDifference($1, $1, aoi := {})",
    "RS_NDVI": "RS_NDVI({{'nir': $1, 'red': $1}}, aoi := {})",
    "RS_Value": "RS_Value($1, {})",
    "RS_Values": "RS_Values($1, {})",
}


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("function", ROWS)
def test_no_row(con: duckdb.DuckDBPyConnection, corpus: Path, function: str, null: str) -> None:
    text, values = NULLS[null]
    path = str(corpus / "utm32_uint16.tif")
    assert con.execute(ROWS[function].format(text), [path, *values]).fetchall() == []


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("function", VALUES)
def test_null(con: duckdb.DuckDBPyConnection, corpus: Path, function: str, null: str) -> None:
    text, values = NULLS[null]
    path = str(corpus / "utm32_uint16.tif")
    assert con.execute("SELECT " + VALUES[function].format(text), [path, *values]).fetchall() == [(None,)]


@pytest.mark.parametrize("all_of_it", [None, "'all'"])
def test_all_is_the_whole_raster(con: duckdb.DuckDBPyConnection, corpus: Path, all_of_it: str | None) -> None:
    path = str(corpus / "utm32_uint16.tif")
    width, height = one(con, "SELECT {'w': width, 'h': height} FROM cog_header($1)", path).values()
    given = "" if all_of_it is None else f", aoi := {all_of_it}"
    assert one(con, f"SELECT shape[2:] FROM read_cog($1{given})", path) == [height, width]
    assert one(con, f"SELECT sum(width * height) FROM read_cog_tiles($1{given})", path) == width * height
    found = one(con, f"SELECT RS_MapAlgebra('b1 * 2', $1{given}).shape[2:]", path)
    assert found == [height, width]
    assert one(con, "SELECT RS_Clip($1, 'all').shape[2:]", path) == [height, width]
    assert one(con, "SELECT RS_ZonalStats($1, 'all', 'pixels')", path) == width * height


def one(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> Any:
    row = con.execute(sql, list(values)).fetchone()
    assert row is not None
    return row[0]
