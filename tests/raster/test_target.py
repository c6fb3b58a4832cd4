"""Grids that are asked for by CRS, resolution and size."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.warp
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, parse_aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.warp.target import GridRequest, grid_for, resampled, suggested
from tests.raster.warping import DEGREES, GLOBE, SINUSOIDAL, UTM_32, UTM_60, turned

FIELD = Aoi(geometry=shapely.box(10.335, 47.841, 10.342, 47.846), crs="OGC:CRS84")
ZONE_33 = Grid(
    crs="EPSG:32633", transform=(10.0, 0.0, 150_000.0, 0.0, -10.0, 5_310_000.0), width=99, height=99
)


def grid(raster: Grid, area: Aoi | None = FIELD, **asked: object) -> Grid:
    return grid_for(GridRequest(**asked), area, raster, "a.tif")[0]  # type: ignore[arg-type]


def test_lines_are_multiples_of_the_resolution_whatever_the_raster() -> None:
    grids = {grid(raster, crs="EPSG:32632", resolution=10) for raster in (UTM_32, ZONE_33, DEGREES)}
    (one,) = grids
    a, b, left, d, e, top = one.transform
    assert (a, b, d, e) == (10, 0, 0, -10)
    assert left % 10 == top % 10 == 0
    xmin, ymin, xmax, ymax = one.bounds
    west, south, east, north = rasterio.warp.transform_bounds(
        "OGC:CRS84", "EPSG:32632", *FIELD.geometry.bounds, densify_pts=99
    )
    assert 0 <= west - xmin < 10
    assert 0 <= south - ymin < 10
    assert 0 <= xmax - east < 10
    assert 0 <= ymax - north < 10


@given(
    cells=st.tuples(*[st.integers(-10_000, 10_000)] * 2), size=st.tuples(*[st.integers(1, 300)] * 2),
    resolution=st.sampled_from([10.0, 30.0, 0.0001, 1 / 12_000, 463.3127]),
)  # fmt: skip
def test_an_area_on_the_lines_is_covered_by_its_own_pixels(
    cells: tuple[int, int], size: tuple[int, int], resolution: float
) -> None:
    """Even when its corners come out of a projection a hair beyond the lines."""
    left, bottom = (cell * resolution for cell in cells)
    right, top = ((cell + n) * resolution for cell, n in zip(cells, size, strict=True))
    for hair in (0.0, 1e-8, -1e-8):
        box = shapely.box(left - hair * resolution, bottom, right + hair * resolution, top)
        found = grid(UTM_32, Aoi(geometry=box, crs=UTM_32.crs), resolution=resolution)
        assert (found.width, found.height) == size
        assert found.bounds == pytest.approx((left, bottom, right, top), abs=resolution * 1e-6)


def test_size_is_around_the_middle_and_on_the_lines() -> None:
    point = parse_aoi("POINT(10.3385 47.8435)")
    found = grid(UTM_32, point, resolution=10, size=(64, 32))
    assert (found.width, found.height) == (64, 32)
    assert found.transform[2] % 10 == found.transform[5] % 10 == 0
    xmin, ymin, xmax, ymax = found.bounds
    (x,), (y,) = rasterio.warp.transform("OGC:CRS84", UTM_32.crs, [10.3385], [47.8435])
    assert abs((xmin + xmax) / 2 - x) <= 5
    assert abs((ymin + ymax) / 2 - y) <= 5


def test_size_without_resolution_is_fitted_to_the_bounds() -> None:
    found = grid(UTM_32, FIELD, crs="OGC:CRS84", size=(70, 50))
    assert (found.width, found.height) == (70, 50)
    np.testing.assert_allclose(found.bounds, FIELD.geometry.bounds, rtol=1e-12)
    with pytest.raises(ArgumentError, match="fitted to the bounds of the area, which is a line along"):
        grid(UTM_32, parse_aoi("LINESTRING(9 47, 10 47)"), crs="OGC:CRS84", size=(64, 64))
    around = grid(UTM_32, parse_aoi("POINT(9 47)"), size=(64, 64))
    assert (around.width, around.height) == (64, 64)
    assert around.transform[0] == UTM_32.transform[0]


def test_the_resolution_is_the_rasters_own_where_units_agree() -> None:
    assert grid(ZONE_33, crs="EPSG:32632").transform[0] == 10
    tilted = Grid(crs="EPSG:32632", transform=turned(30, 20), width=9, height=9)
    assert grid(tilted).transform[0] == pytest.approx(20)
    with pytest.raises(
        ArgumentError, match=r"counts in degree and crs := 'EPSG:32632' in metre: give resolution"
    ):
        grid(DEGREES, crs="EPSG:32632")


def test_without_an_area_it_is_all_of_the_raster() -> None:
    found = grid(UTM_32, None, resolution=40)
    assert found.bounds == (600_000, 5_298_400, 601_800, 5_300_000)


def test_areas_across_the_antimeridian_stay_in_one_piece() -> None:
    for area in ([179.9, -1, -179.9, 1], "POLYGON((179.9 -1,180.1 -1,180.1 1,179.9 1,179.9 -1))"):
        found, geometry = grid_for(
            GridRequest(crs="EPSG:4326", resolution=0.1), parse_aoi(area), UTM_60, "a.tif"
        )
        assert (found.width, found.height) == (2, 20)
        assert found.transform[2] == pytest.approx(179.9)
        assert geometry.bounds == pytest.approx((179.9, -1, 180.1, 1))
    both_sides = parse_aoi("MULTIPOLYGON(((-100 1,-99 1,-99 2,-100 1)),((100 1,101 1,101 2,100 1)))")
    found, _ = grid_for(GridRequest(crs="EPSG:4326", resolution=1), both_sides, GLOBE, "a.tif")
    assert found.width == 161, "from 100 to 261 degrees is shorter than from -100 to 101"


@pytest.mark.parametrize(
    "raster", [UTM_32, DEGREES, SINUSOIDAL, Grid(crs="EPSG:32632", transform=turned(30), width=90, height=40)]
)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633", "EPSG:3857", "EPSG:3035"])
def test_what_is_suggested_is_gdals_default(raster: Grid, crs: str) -> None:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=raster.width, height=raster.height, count=1, dtype="uint8", crs=raster.crs,
            transform=Affine(*raster.transform),
        ) as dataset:  # fmt: skip
            dataset.write(np.ones((1, raster.height, raster.width), np.uint8))
        with memory.open() as dataset, WarpedVRT(dataset, crs=crs) as warped:
            transform, width, height = warped.transform, warped.width, warped.height
    found = suggested(raster, crs, "a.tif")
    assert (found.width, found.height) == (width, height)
    np.testing.assert_allclose(found.transform, list(transform)[:6], rtol=1e-9)


def test_a_raster_keeps_its_grid_in_its_own_crs() -> None:
    assert suggested(UTM_32, "EPSG:32632", "a.tif") == UTM_32


def test_past_180_degrees() -> None:
    found = suggested(UTM_60, "EPSG:4326", "a.tif")
    xmin, _, xmax, _ = found.bounds
    assert 179.9 < xmin < 180 < xmax < 180.1
    assert found.width == pytest.approx(UTM_60.width, rel=0.1)


SEDONA = Grid(crs="EPSG:3857", transform=(2.0, 0.0, 0.0, 0.0, -2.0, 0.0), width=4, height=3)
"""The raster of the examples in Sedona's documentation of RS_Resample."""


@pytest.mark.parametrize(
    ("asked", "metadata"),
    [
        ({"size": (6, 5), "corner": (1, -1)}, (-1 / 3, 0.2, 6, 5, 25 / 18, -1.24)),
        ({"scale": (1.2, -1.4)}, (0, 0, 7, 5, 1.2, -1.4)),
        ({"scale": (1.2, 1.4), "corner": (1, -1)}, (-0.2, 0.4, 7, 5, 1.2, -1.4)),
        ({"size": (8, 3)}, (0, 0, 8, 3, 1, -2)),
    ],
)
def test_grids_of_rs_resample_are_sedonas(
    asked: dict[str, tuple[float, float]], metadata: tuple[float, ...]
) -> None:
    found = resampled(SEDONA, **asked)  # type: ignore[arg-type]
    a, b, c, d, e, f = found.transform
    assert (c, f, found.width, found.height, a, e) == pytest.approx(metadata)
    assert b == d == 0


def test_a_turned_raster_is_resampled_along_its_own_axes() -> None:
    tilted = Grid(crs="EPSG:32632", transform=turned(30, 10), width=9, height=6)
    found = resampled(tilted, size=(3, 3))
    assert found.transform == pytest.approx(
        (
            *[30 * v / 10 for v in tilted.transform[:1]],
            tilted.transform[1] * 2,
            tilted.transform[2],
            tilted.transform[3] * 3,
            tilted.transform[4] * 2,
            tilted.transform[5],
        )
    )
    with pytest.raises(ArgumentError, match="no meaning for a rotated raster"):
        resampled(tilted, size=(3, 3), corner=(1, 1))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"resolution": 0.0}, "resolution := 0: expected a pixel size greater than 0"),
        ({"resolution": -10.0}, "resolution := -10: expected a pixel size greater than 0"),
        ({"resolution": float("nan")}, "resolution := nan: expected a pixel size greater than 0"),
        ({"resolution": 1e-9}, "is the resolution in units of CRS EPSG:32632"),
        ({"crs": "EPSG:0"}, "unknown CRS 'EPSG:0'"),
    ],
)
def test_refusals(asked: dict[str, object], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        grid(UTM_32, FIELD, **asked)
