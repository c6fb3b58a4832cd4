"""Fractions of pixels against GEOS, which intersects polygon and pixel one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.masks.coverage import fractions, require_area
from rasteret_sql.geo.window import Window

GRIDS = {
    "UTM": (10.0, 0.0, 600_000.0, 0.0, -10.0, 5_300_000.0),
    "degrees": (0.01, 0.0, -30.0, 0.0, -0.01, 10.0),
    "south up": (2.0, 0.0, 5.0, 0.0, 2.0, 7.0),
    "mirrored": (-3.0, 0.0, 100.0, 0.0, -3.0, 90.0),
    "rotated": (7.0, 2.0, 1_000.0, 1.5, -9.0, 2_000.0),
}
EXACT = 1e-9
"""Of a pixel: corners of pixels at UTM's northings are not closer than that to where they should be."""


def world(grid: tuple[float, ...], columns: Any, rows: Any) -> Any:
    a, b, c, d, e, f = grid
    x, y = np.asarray(columns, float), np.asarray(rows, float)
    return np.column_stack((a * x + b * y + c, d * x + e * y + f))


def by_geos(zone: Any, grid: tuple[float, ...], part: Window) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0 : part.height, 0 : part.width]
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    rings = [world(grid, columns.ravel() + part.x_off + x, rows.ravel() + part.y_off + y) for x, y in corners]
    pixels = shapely.polygons(np.stack(rings, axis=1))
    shared = shapely.area(shapely.intersection(zone, pixels)) / shapely.area(pixels)
    return shared.reshape(part.height, part.width)


places = st.one_of(
    st.floats(-4, 14, allow_nan=False, width=32),
    st.integers(-2, 12).map(float),
    st.integers(-4, 24).map(lambda n: n / 2),
)
parts = st.builds(
    Window,
    x_off=st.integers(0, 4),
    y_off=st.integers(0, 4),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)


@settings(max_examples=250, deadline=None)
@given(
    grid=st.sampled_from(sorted(GRIDS)),
    corners=st.lists(st.tuples(places, places), min_size=3, max_size=9),
    part=parts,
)
def test_every_fraction_is_the_area_that_polygon_and_pixel_share(
    grid: str, corners: list[tuple[float, float]], part: Window
) -> None:
    ring = world(GRIDS[grid], *zip(*corners, strict=True))
    drawn = shapely.Polygon(ring)
    valid = shapely.make_valid(drawn)  # even-odd, as fractions() takes it
    expected = by_geos(valid, GRIDS[grid], part)
    assert fractions(drawn, GRIDS[grid], part) == pytest.approx(expected, abs=EXACT)


def test_holes_are_left_out_and_all_parts_of_a_multipolygon_count() -> None:
    grid, part = GRIDS["UTM"], Window(x_off=0, y_off=0, width=12, height=10)
    ring = shapely.Polygon(
        world(grid, [0.2, 8.7, 8.7, 0.2], [0.3, 0.3, 9.1, 9.1]),
        [world(grid, [2.5, 6.5, 6.5, 2.5], [2.5, 2.5, 6.5, 6.5])],
    )
    island = shapely.Polygon(world(grid, [9.2, 11.9, 11.9], [1.0, 1.5, 8.0]))
    zone = shapely.MultiPolygon([ring, island])
    found = fractions(zone, grid, part)
    assert found == pytest.approx(by_geos(zone, grid, part), abs=EXACT)
    assert found[4, 4] == 0.0
    assert found[1, 1] == 1.0


def test_what_parts_of_a_multipolygon_share_counts_once() -> None:
    grid, part = GRIDS["UTM"], Window(x_off=0, y_off=0, width=8, height=8)
    one, other = (
        shapely.box(600_003, 5_299_935, 600_048, 5_299_990),
        shapely.box(600_021, 5_299_940, 600_075, 5_299_966),
    )
    found = fractions(shapely.MultiPolygon([one, other]), grid, part)
    assert found == pytest.approx(by_geos(shapely.union(one, other), grid, part), abs=EXACT)


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(st.tuples(places, places), min_size=3, max_size=7),
    cut=st.tuples(st.integers(1, 8), st.integers(1, 8)),
)
def test_the_parts_of_a_window_are_those_of_the_whole(
    corners: list[tuple[float, float]], cut: tuple[int, int]
) -> None:
    grid, zone = GRIDS["UTM"], shapely.Polygon(world(GRIDS["UTM"], *zip(*corners, strict=True)))
    whole = fractions(zone, grid, Window(x_off=0, y_off=0, width=9, height=9))
    x, y = cut
    for left, width in ((0, x), (x, 9 - x)):
        for top, height in ((0, y), (y, 9 - y)):
            part = Window(x_off=left, y_off=top, width=width, height=height)
            expected = whole[top : top + height, left : left + width]
            assert fractions(zone, grid, part) == pytest.approx(expected, abs=1e-12)


def test_inside_is_exactly_one_and_outside_exactly_nothing() -> None:
    """Or the least value of a zone would be that of a pixel beyond it."""
    zone = shapely.Point(600_500, 5_299_500).buffer(333.3, quad_segs=90)
    found = fractions(zone, GRIDS["UTM"], Window(x_off=0, y_off=0, width=100, height=100))
    far = np.hypot(*(np.mgrid[0:100, 0:100] + 0.5 - 50.0))
    assert set(found[far < 32]) == {1.0}
    assert set(found[far > 35]) == {0.0}
    assert found.sum() * 100 == pytest.approx(zone.area, rel=1e-12)


@pytest.mark.parametrize("zone", [shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)])])
def test_what_has_no_area_is_refused(zone: Any) -> None:
    with pytest.raises(ArgumentError, match="has no area"):
        require_area(zone)
