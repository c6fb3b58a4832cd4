"""Windows of areas equal rasterio's, pixel for pixel."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.errors import WindowError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.geometry_window import Window, geometry_window
from tests.raster.grids import SIZES, Shapes, any_transform, to_world

NORTH_UP = (10.0, 0.0, 600_000.0, 0.0, -10.0, 5_000_000.0)

rasterio_1_4 = pytest.mark.skipif(
    tuple(int(part) for part in rasterio.__version__.split(".")[:2]) >= (1, 5),
    reason="rasterio 1.5 widens windows by an epsilon and refuses rotated rasters; 1.4 has the rule",
)


def oracle(geometry: Any, transform: Affine, width: int, height: int) -> Window | None:
    raster = SimpleNamespace(transform=transform, width=width, height=height)
    try:
        found = rasterio.features.geometry_window(raster, [shapely.geometry.mapping(geometry)])
    except WindowError:
        return None
    return Window(x_off=found.col_off, y_off=found.row_off, width=found.width, height=found.height)


def has_pixels_between(geometry: Any, transform: Affine) -> bool:
    """False where the geometry has no width, or no height, and lies on a grid line."""
    xy = np.array([~transform @ (x, y) for x, y in shapely.get_coordinates(geometry).tolist()])
    return bool((np.ceil(xy.max(axis=0)) > np.floor(xy.min(axis=0))).all())


@rasterio_1_4
@pytest.mark.parametrize("kind", [kind for kind in Shapes.KINDS if kind != "far"])
def test_windows_equal_rasterio(kind: str) -> None:
    rng = random.Random(kind)
    compared = 0
    for _ in range(400):
        width, height = rng.choice(SIZES)
        transform = any_transform(rng)
        shapes = Shapes(rng, width, height, kind, overhang=0.5)
        drawn = rng.choice([shapes.polygon, shapes.multipolygon, shapes.line, shapes.points])()
        for geometry in (to_world(drawn, transform), shapely.box(*to_world(drawn, transform).bounds)):
            if has_pixels_between(geometry, transform):
                found = geometry_window(geometry, tuple(transform)[:6], width, height)
                assert found == oracle(geometry, transform, width, height), (geometry.wkt, transform)
                compared += 1
    assert compared > 700


@given(
    *[st.integers(0, 99)] * 2,
    *[st.integers(1, 20)] * 2,
)
def test_a_box_of_whole_pixels_is_its_own_window(x_off: int, y_off: int, width: int, height: int) -> None:
    a, _, c, _, e, f = (
        8.0,
        0.0,
        512_000.0,
        0.0,
        -8.0,
        4_096_000.0,
    )  # exact in binary: no rounding to look past
    box = (c + a * x_off, f + e * (y_off + height), c + a * (x_off + width), f + e * y_off)
    window = Window(x_off=x_off, y_off=y_off, width=width, height=height)
    assert geometry_window(box, (a, 0, c, 0, e, f), 200, 200) == window


@pytest.mark.parametrize(
    ("wkt", "window"),
    [
        ("POINT (600010 4999980)", (1, 2, 1, 1)),
        ("POINT (600015 4999975)", (1, 2, 1, 1)),
        ("POINT (600000 5000000)", (0, 0, 1, 1)),
        ("LINESTRING (600010 4999980, 600010 4999950)", (1, 2, 1, 3)),
        ("LINESTRING (600010 4999980, 600040 4999980)", (1, 2, 3, 1)),
    ],
)
def test_what_has_no_area_gets_the_pixels_that_begin_where_it_lies(
    wkt: str, window: tuple[int, int, int, int]
) -> None:
    x_off, y_off, width, height = window
    found = geometry_window(shapely.from_wkt(wkt), NORTH_UP, 100, 100)
    assert found == Window(x_off=x_off, y_off=y_off, width=width, height=height)


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (601000 4999995)",  # the right edge belongs to the next pixel
        "POINT (600005 4999000)",
        "POINT (599999 4999995)",
        "POLYGON ((601000 4999000, 602000 4999000, 602000 5000000, 601000 4999000))",
        "POLYGON EMPTY",
    ],
)
def test_no_overlap_is_no_window(wkt: str) -> None:
    assert geometry_window(shapely.from_wkt(wkt), NORTH_UP, 100, 100) is None


def test_numbers_beyond_integers_are_clipped_to_the_raster() -> None:
    whole = Window(x_off=0, y_off=0, width=100, height=100)
    assert geometry_window((-1e30, -1e30, 1e30, 1e30), NORTH_UP, 100, 100) == whole
    assert geometry_window((float("nan"),) * 4, NORTH_UP, 100, 100) is None


def test_a_transform_without_inverse_is_refused() -> None:
    with pytest.raises(ArgumentError, match="maps all pixels to one line; it has no inverse"):
        geometry_window((0, 0, 1, 1), (1, 2, 0, 2, 4, 0), 10, 10)
