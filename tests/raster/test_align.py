"""Rasters of other grids under the pixels of a first one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.warp.align import onto
from tests.raster.warping import gdal_warp, on_an_edge


def chip(transform: Any, height: int, width: int, crs: str | None = "EPSG:32632", **more: Any) -> Chip:
    """Every pixel has a number of its own."""
    pixels = np.arange(height * width, dtype=np.int32).reshape(1, height, width)
    return Chip(
        pixels=pixels, valid=more.get("valid"), transform=tuple(transform)[:6], crs=crs, nodata=None
    )  # fmt: skip


TEN = Affine(10, 0, 500_000, 0, -10, 5_300_000)


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_whole_multiples_are_exact(factor: int) -> None:
    """Sentinel-2's 20 and 60 m under 10 m: each coarse pixel is repeated."""
    coarse = chip(TEN @ Affine.scale(factor), 5, 7)
    found = onto(coarse, chip(TEN, 5 * factor, 7 * factor), "scl")
    np.testing.assert_array_equal(
        found.pixels[0], np.kron(coarse.pixels[0], np.ones((factor, factor), np.int32))
    )
    assert found.valid is None


def test_of_finer_pixels_the_one_at_the_centre_is_taken() -> None:
    """With an even factor the centre is a corner, which belongs to the pixel that begins there."""
    fine = chip(TEN, 12, 12)
    for factor in (2, 3):
        found = onto(fine, chip(TEN @ Affine.scale(factor), 12 // factor, 12 // factor), "red")
        np.testing.assert_array_equal(
            found.pixels[0], fine.pixels[0, factor // 2 :: factor, factor // 2 :: factor]
        )


def test_what_is_not_covered_is_not_valid() -> None:
    part = chip(TEN @ Affine.translation(2, 1), 3, 3, valid=np.eye(3, dtype=bool))
    found = onto(part, chip(TEN, 5, 6), "b")
    assert found.valid is not None
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:5] = np.eye(3)
    np.testing.assert_array_equal(found.valid, expected)
    np.testing.assert_array_equal(found.pixels[0, 1:4, 2:5], part.pixels[0])


def test_the_same_grid_is_left_alone() -> None:
    same = chip(TEN, 4, 4)
    assert onto(same, chip(TEN, 4, 4), "b") is same


SIZES = st.sampled_from([3.0, 7.5, 10.0, 20.0, 30.0, 60.0])


@settings(max_examples=200, deadline=None)
@given(own=SIZES, other=SIZES, x=st.integers(-90, 90), y=st.integers(-90, 90), south_up=st.booleans())
def test_nearest_as_gdal_has_it(own: float, other: float, x: int, y: int, south_up: bool) -> None:
    """Shifted by a fraction that puts no centre on an edge, where rounding decides."""
    source = chip(Affine(own, 0, x + 0.31, 0, -own, y + 0.27), 15, 17)
    grid = Affine(other, 0, 0, 0, other if south_up else -other, -80 if south_up else 0)
    target = chip(grid, 11, 13)
    found = onto(source, target, "b")
    expected = np.full((11, 13), -1, np.int32)
    reproject(
        source.pixels[0], expected, src_transform=Affine(*source.transform), dst_transform=grid,
        src_crs="EPSG:32632", dst_crs="EPSG:32632", resampling=Resampling.nearest, src_nodata=-1,
        dst_nodata=-1, tolerance=0,
    )  # fmt: skip
    valid = np.ones((11, 13), bool) if found.valid is None else found.valid
    np.testing.assert_array_equal(np.where(valid, found.pixels[0], -1), expected)


TURNED = TEN @ Affine.rotation(20)


def test_grids_that_are_turned_alike() -> None:
    found = onto(chip(TURNED @ Affine.scale(2), 2, 2), chip(TURNED, 4, 4), "b")
    np.testing.assert_array_equal(found.pixels[0], np.kron([[0, 1], [2, 3]], np.ones((2, 2), np.int32)))


OTHERS = {
    "turned": chip(TEN @ Affine.translation(30, -20) @ Affine.rotation(33) @ Affine.scale(1.3), 90, 80),
    "turned, coarse": chip(TEN @ Affine.translation(-5, 3) @ Affine.rotation(-71) @ Affine.scale(7), 20, 20),
    "next zone": chip(Affine(10, 0, 51_100, 0, -10, 5_317_600), 110, 110, "EPSG:32633"),
    "degrees": chip(Affine(1e-4, 0, 8.9991, 0, -1e-4, 47.8555), 70, 150, "EPSG:4326"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("holes", [False, True])
def test_turned_grids_and_other_crss_as_gdal_warps_them(name: str, holes: bool) -> None:
    source, target = OTHERS[name], chip(TEN, 60, 70)
    if holes:
        source = replace(source, valid=source.pixels[0] % 7 > 2)
    found = onto(source, target, "b")
    grids = [Grid(crs=one.crs or "", transform=one.transform, width=one.pixels.shape[2],
                  height=one.pixels.shape[1]) for one in (source, target)]  # fmt: skip
    known = np.where(True if source.valid is None else source.valid, source.pixels, -1)
    expected, there = gdal_warp(known, *grids, "nearest", -1)
    valid = np.ones((60, 70), bool) if found.valid is None else found.valid
    ties = on_an_edge(grids[1], grids[0])
    assert valid.mean() > 0.1, "the grids overlap"
    assert not ((valid != there) & ~ties).any()
    compared = valid & there & ~ties
    np.testing.assert_array_equal(found.pixels[0][compared], expected[0][compared])
    assert (found.crs, found.transform) == (target.crs, target.transform)


def test_what_lies_elsewhere_is_nowhere_valid() -> None:
    found = onto(chip(TEN, 4, 4, "EPSG:32633"), chip(TEN, 5, 6), "b")
    assert found.pixels.shape == (1, 5, 6)
    assert found.valid is not None
    assert not found.valid.any()


def test_without_a_crs_only_parallel_grids_meet() -> None:
    message = (
        r"b cannot be placed on the grid of the first raster: it has no CRS, transform \[10, .*where the"
    )
    with pytest.raises(UnsupportedError, match=message):
        onto(chip(TEN, 4, 4, None), chip(TEN, 4, 4), "b")
    with pytest.raises(UnsupportedError, match="no CRS"):
        onto(chip(TURNED, 4, 4, None), chip(TEN, 4, 4, None), "b")


def test_a_crs_may_be_written_in_two_ways() -> None:
    from pyproj import CRS

    same = chip(TEN, 4, 4, CRS("EPSG:32632").to_wkt())
    assert onto(same, chip(TEN, 4, 4), "b") is same
