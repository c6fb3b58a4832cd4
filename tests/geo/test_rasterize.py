"""Masks equal GDAL's, bit for bit."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.masks import rasterize
from rasteret_sql.geo.masks.rasterize import covers_grid, inside, outline
from rasteret_sql.geo.window import Window
from tests.raster.grids import SIZES, Shapes, any_transform, to_world

PIXELS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""World coordinates are pixel coordinates."""
GDAL_3_10 = tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2]) <= (3, 10)

Bools = npt.NDArray[np.bool_]


def oracle(geometry: Any, transform: Affine, height: int, width: int, *, all_touched: bool = False) -> Bools:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rasterio's own, about affine
        mask: Bools = rasterio.features.geometry_mask(
            [shapely.geometry.mapping(geometry)], (height, width), transform, all_touched, invert=True
        )
    return mask


def assert_equal_masks(
    geometry: Any, transform: Affine, height: int, width: int, *, all_touched: bool
) -> None:
    expected = oracle(geometry, transform, height, width, all_touched=all_touched)
    found = inside(geometry, tuple(transform)[:6], height, width, all_touched=all_touched)
    different = np.argwhere(found != expected).tolist()
    assert not different, f"(row, column) {different[:5]} of {geometry.wkt} on {transform!r}"


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("kind", Shapes.KINDS)
@pytest.mark.parametrize("name", ["polygon", "multipolygon", "lines", "points"])
def test_an_outline_burnt_part_by_part_is_the_whole_mask(name: str, kind: str, all_touched: bool) -> None:
    rng = random.Random(f"parts {name} {kind}")
    for _ in range(20):
        width, height = rng.choice(SIZES)
        transform = any_transform(rng)
        geometry = to_world(getattr(Shapes(rng, width, height, kind), name)(), transform)
        drawn = outline(geometry, tuple(transform)[:6], height, width, all_touched=all_touched)
        whole = inside(geometry, tuple(transform)[:6], height, width, all_touched=all_touched)
        down, across = rng.randint(1, height), rng.randint(1, width)
        for top in range(0, height, down):
            for left in range(0, width, across):
                rows, columns = min(down, height - top), min(across, width - left)
                part = Window(x_off=left, y_off=top, width=columns, height=rows)
                assert np.array_equal(drawn.burn(part), whole[top : top + rows, left : left + columns])


@pytest.mark.parametrize("kind", Shapes.KINDS)
@pytest.mark.parametrize("name", ["polygon", "multipolygon", "line", "lines", "points", "collection"])
def test_masks_equal_rasterio(name: str, kind: str) -> None:
    rng = random.Random(f"{name} {kind}")
    for _ in range(60):
        width, height = rng.choice(SIZES)
        transform = any_transform(rng)
        geometry = to_world(getattr(Shapes(rng, width, height, kind), name)(), transform)
        assert_equal_masks(geometry, transform, height, width, all_touched=False)


@pytest.mark.parametrize(
    "kind",
    [
        "anywhere",
        *[
            pytest.param(
                kind,
                marks=pytest.mark.skipif(
                    not GDAL_3_10, reason="GDAL 3.12 decides otherwise where edges end on grid lines"
                ),
            )
            for kind in ("grid", "centres", "halves", "eighths", "noise")
        ],
    ],
)
@pytest.mark.parametrize("name", ["polygon", "multipolygon", "line", "points"])
def test_all_touched_masks_equal_rasterio(name: str, kind: str) -> None:
    rng = random.Random(f"{name} {kind} touched")
    for _ in range(60):
        width, height = rng.choice(SIZES)
        transform = any_transform(rng)
        # Nothing hangs over the right edge: there GDAL may write a pixel of the next row (see below).
        geometry = to_world(getattr(Shapes(rng, width, height, kind, overhang=-0.01), name)(), transform)
        assert_equal_masks(geometry, transform, height, width, all_touched=True)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5, 25, width=32), st.floats(-5, 25, width=32)), min_size=3, max_size=9),
    st.booleans(),
)
def test_polygons_of_any_numbers_equal_rasterio(points: list[tuple[float, float]], flipped: bool) -> None:
    transform = Affine(1, 0, 0, 0, -1, 20) if flipped else Affine(*PIXELS)
    assert_equal_masks(shapely.Polygon(points), transform, 20, 20, all_touched=False)


@pytest.mark.parametrize("all_touched", [False, True])
def test_a_large_field_in_utm_equals_rasterio(all_touched: bool) -> None:
    rng = random.Random(3)
    transform = Affine(10, 0, 600_000, 0, -10, 5_000_040)
    turns = np.linspace(0, 2 * math.pi, 50, endpoint=False)
    reach = [rng.uniform(3_000, 5_000) for _ in turns]
    x, y = 605_000 + reach * np.cos(turns), 4_995_040 + reach * np.sin(turns)
    assert_equal_masks(
        shapely.Polygon(np.column_stack((x, y))), transform, 1_000, 1_000, all_touched=all_touched
    )


def rows(mask: Bools) -> list[str]:
    return ["".join("#" if pixel else "." for pixel in row) for row in mask]


def test_a_pixel_is_inside_when_its_centre_is() -> None:
    assert rows(inside(shapely.box(0.6, 0.4, 3.4, 2.6), PIXELS, 3, 4)) == [".##.", ".##.", ".##."]
    assert rows(inside(shapely.box(0.6, 0.4, 3.4, 2.6), PIXELS, 3, 4, all_touched=True)) == ["####"] * 3


def test_a_centre_on_the_top_or_right_edge_is_inside_and_on_the_others_outside() -> None:
    assert rows(inside(shapely.box(0.5, 0.5, 2.5, 2.5), PIXELS, 3, 3)) == [".##", ".##", "..."]


def test_holes_are_left_out_and_overlapping_parts_add_up() -> None:
    ring = shapely.Polygon(shapely.box(0, 0, 5, 5).exterior, [shapely.box(1, 1, 4, 4).exterior])
    assert rows(inside(ring, PIXELS, 5, 5)) == ["#####", "#...#", "#...#", "#...#", "#####"]
    parts = shapely.MultiPolygon([shapely.box(0, 0, 3, 2), shapely.box(1, 0, 5, 2)])
    assert rows(inside(parts, PIXELS, 2, 5)) == ["#####", "#####"]


def test_a_polygon_that_crosses_itself_is_filled_even_odd() -> None:
    bow_tie = shapely.Polygon([(0, 0), (6.4, 6), (6.4, 0), (0, 6)])
    assert rows(inside(bow_tie, PIXELS, 6, 6)) == ["#.....", "##...#", "###.##", "###.##", "##...#", "#....."]


def test_a_point_marks_the_pixel_that_begins_there() -> None:
    points = shapely.MultiPoint([(0, 0), (1.999, 1), (3, 0), (0, 2)])
    assert rows(inside(points, PIXELS, 2, 3)) == ["#..", ".#."]


def test_a_line_marks_one_pixel_a_step_or_all_it_passes() -> None:
    line = shapely.LineString([(0.5, 0.5), (4.5, 2.5)])
    assert rows(inside(line, PIXELS, 3, 5)) == ["#....", ".##..", "...##"]
    assert rows(inside(line, PIXELS, 3, 5, all_touched=True)) == ["##...", ".###.", "...##"]


def test_a_polygon_around_the_grid_covers_all_of_it() -> None:
    assert inside(shapely.box(-1e9, -1e9, 1e9, 1e9), PIXELS, 50, 70, all_touched=True).all()


@pytest.mark.parametrize(
    "geometry", [shapely.Polygon(), shapely.GeometryCollection(), shapely.box(100, 100, 200, 200)]
)
@pytest.mark.parametrize("all_touched", [False, True])
def test_what_is_empty_or_elsewhere_covers_nothing(geometry: Any, all_touched: bool) -> None:
    assert not inside(geometry, PIXELS, 20, 30, all_touched=all_touched).any()


def test_a_grid_without_pixels_has_an_empty_mask() -> None:
    assert inside(shapely.box(0, 0, 1, 1), PIXELS, 0, 3).shape == (0, 3)


def test_a_long_boundary_is_filled_in_bands_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    teeth = [(x / 20, 0 if x % 2 else 60) for x in range(1_200)]
    comb = shapely.Polygon([*teeth, (60, 61), (0, 61)])
    at_once = inside(comb, PIXELS, 60, 60)
    monkeypatch.setattr(rasterize, "MAX_CROSSINGS", 5_000)
    assert (inside(comb, PIXELS, 60, 60) == at_once).all()
    assert (at_once == oracle(comb, Affine(*PIXELS), 60, 60)).all()


def test_no_touched_pixel_wraps_to_the_next_row() -> None:
    # The edge runs off to the right of the first row; GDAL marks row 1, column 2 in its place.
    line = shapely.LineString([(40, -5), (48, 14)])
    assert not inside(line, PIXELS, 40, 40, all_touched=True).any()


def test_a_transform_without_inverse_is_refused() -> None:
    with pytest.raises(ArgumentError, match="maps all pixels to one line; it has no inverse"):
        inside(shapely.box(0, 0, 1, 1), (0, 0, 0, 0, 0, 0), 10, 10)


@pytest.mark.parametrize("shear", [0.0, 0.3])
def test_a_grid_told_as_covered_is_covered_by_the_full_rule(shear: float) -> None:
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(600):
        height, width = rng.integers(1, 8, 2).tolist()
        geometry = [
            shapely.box(*np.sort(rng.integers(-2, 20, (2, 2)) / 2, axis=0).ravel()),
            shapely.Polygon(rng.integers(-4, 20, (4, 2)) / 2),
            shapely.Point(rng.uniform(0, 8, 2)).buffer(rng.uniform(2, 8)),
            shapely.box(-9, -9, 19, 19).difference(shapely.box(2.2, 2.2, 2.8, 2.8)),
            shapely.multipolygons([shapely.box(-9, -9, 3, 19), shapely.box(3, -9, 19, 19)]),
        ][rng.integers(5)]
        grid = (1.0, shear, 0.0, shear, -1.0, float(height))
        if covers_grid(geometry, grid, height, width):
            assert inside(geometry, grid, height, width).all(), (geometry, grid, height, width)
            told += 1
    assert told > 50
