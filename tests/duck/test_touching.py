"""A query in which no area touches any raster says so, once; any other says nothing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rasteret_sql.errors import RasteretWarning

SWAPPED = "[47.98, 12.0, 47.99, 12.01]"
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


def said(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        con.execute(sql, list(values)).fetchall()
    return [str(one.message) for one in caught if one.category is RasteretWarning]


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
