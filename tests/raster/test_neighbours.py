"""Where points fall: against rasterio's rowcol, a definition of bilinear written out, and GDAL's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.transform import Affine, rowcol

from rasteret_sql.raster.points.neighbours import interpolate, pixel_neighbours
from tests.geo.gdal_points import interpolate as gdal_interpolate

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
AFFINES = {
    "Sentinel-2": Affine(10, 0, 699_960, 0, -10, 5_300_040),
    "Landsat": Affine(30, 0, 300_285, 0, -30, 4_500_015),
    "south up": Affine(10, 0, 699_960, 0, 10, 5_297_440),
    "degrees": Affine(0.0001, 0, 11.5, 0, -0.0001, 48.2),
    "rotated": Affine(10, 0, 699_960, 0, -10, 5_300_040) @ Affine.rotation(25),
}


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_the_pixel_of_a_point_is_rasterios(affine: Affine) -> None:
    x, y = affine @ np.random.default_rng(1).uniform(-20, 320, (2, 20_000))
    rows, columns = (np.array(found) for found in rowcol(affine, x, y))
    inside = (columns >= 0) & (columns < 300) & (rows >= 0) & (rows < 260)
    found = pixel_neighbours(np.column_stack((x, y)), affine[:6], 300, 260, "nearest")
    np.testing.assert_array_equal(found.inside, np.flatnonzero(inside))
    np.testing.assert_array_equal(found.rows, rows[inside])
    np.testing.assert_array_equal(found.columns, columns[inside])


@pytest.mark.parametrize("name", ["Sentinel-2", "Landsat", "south up"])
def test_a_pixel_begins_at_its_left_and_top_edge(name: str) -> None:
    affine = AFFINES[name]
    number = np.arange(0, 10_980)
    xy = np.column_stack((affine.c + number * affine.a, affine.f + number * affine.e))
    found = pixel_neighbours(xy, affine[:6], 10_980, 10_980, "nearest")
    np.testing.assert_array_equal(found.columns, number)
    np.testing.assert_array_equal(found.rows, number)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_the_far_edges_are_outside(interpolation: str) -> None:
    xy = np.array([(0, 0), (4, 0), (0, 3), (np.nextafter(4, 0), np.nextafter(3, 0)), (-1e-9, 1), (1, -1e-9)])
    assert pixel_neighbours(xy, IDENTITY, 4, 3, interpolation).inside.tolist() == [0, 3]


@pytest.mark.parametrize("nowhere", [np.nan, np.inf, -np.inf])
def test_what_has_no_image_is_outside(nowhere: float) -> None:
    xy = np.array([(nowhere, 1), (1, nowhere), (nowhere, nowhere), (1, 1)])
    assert pixel_neighbours(xy, IDENTITY, 4, 3, "nearest").inside.tolist() == [3]


def bilinear(pixels: Any, valid: Any, column: float, row: float) -> float | None:
    """The definition: each of four pixels has its share; all that have one must be valid."""
    height, width = pixels.shape
    left, top = math.floor(column - 0.5), math.floor(row - 0.5)
    right_share, low_share = column - 0.5 - left, row - 0.5 - top
    total = 0.0
    for down, share_y in ((0, 1 - low_share), (1, low_share)):
        for across, share_x in ((0, 1 - right_share), (1, right_share)):
            if share_x * share_y > 0:
                at = min(max(top + down, 0), height - 1), min(max(left + across, 0), width - 1)
                if not valid[at]:
                    return None
                total += float(pixels[at]) * share_x * share_y
    return total


SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5))
PIXELS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.int16, shape, elements=st.integers(-9, 9)),
        arrays(np.bool_, shape, elements=st.sampled_from([True, True, True, False])),
    )
)
PLACES = st.lists(st.tuples(st.floats(-1, 6), st.floats(-1, 6)) | st.tuples(*[st.sampled_from(
    [n / 2 for n in range(-1, 12)])] * 2), min_size=1, max_size=20)  # fmt: skip


def sampled(pixels: Any, valid: Any, places: Any) -> list[float | None]:
    height, width = pixels.shape
    neighbours = pixel_neighbours(np.array(places, float), IDENTITY, width, height, "bilinear")
    values, there = interpolate(
        neighbours,
        pixels[neighbours.rows, neighbours.columns],
        None if valid is None else valid[neighbours.rows, neighbours.columns],
    )
    out: list[float | None] = [None] * len(places)
    for number, at in enumerate(neighbours.inside.tolist()):
        out[at] = float(values[number]) if there is None or there[number] else None
    return out


@given(PIXELS, PLACES)
def test_bilinear_is_its_definition(made: Any, places: Any) -> None:
    pixels, valid = made
    height, width = pixels.shape
    for (column, row), found in zip(places, sampled(pixels, valid, places), strict=True):
        inside = 0 <= column < width and 0 <= row < height
        want = bilinear(pixels, valid, column, row) if inside else None
        assert found == (None if want is None else pytest.approx(want, abs=1e-9))


def test_on_a_centre_bilinear_is_nearest_whatever_the_neighbours() -> None:
    pixels = np.array([[5.0, np.nan], [np.inf, 7.0]])
    assert sampled(pixels, pixels == 5, [(0.5, 0.5)]) == [5]
    assert sampled(pixels, None, [(0.5, 0.5), (1.5, 1.5)]) == [5, 7]


@pytest.mark.parametrize("seed", range(6))
def test_bilinear_is_gdals(tmp_path: Path, seed: int) -> None:
    """To the last bit. GDAL needs two rows and columns, and takes points on the far edges for inside."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 90, 2).tolist()
    pixels = rng.integers(0, 60, (height, width)).astype(rng.choice(["uint8", "int16", "float32", "float64"]))
    nodata = None if seed % 3 == 0 else 7
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=height, width=width, dtype=pixels.dtype, nodata=nodata,
        transform=Affine.translation(5, 5), crs="EPSG:3857",
    ) as out:  # fmt: skip
        out.write(pixels, 1)
    places = list(
        zip(rng.uniform(0, width, 2000).tolist(), rng.uniform(0, height, 2000).tolist(), strict=True)
    )
    places += [(0.0, 0.0), (0.25, height - 0.25), (width - 0.001, 0.3), (0.5, 0.7)]
    valid = None if nodata is None else pixels != nodata
    assert sampled(pixels, valid, places) == gdal_interpolate(path, 1, places)
