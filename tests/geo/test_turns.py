"""Areas and points on rasters of longitudes that count another turn; what is right is arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.geo.crs import greenwich_of, turn_of
from rasteret_sql.geo.masks.rasterize import inside
from rasteret_sql.geo.turns import Place, meet_at_seam, places, wrapped
from rasteret_sql.geo.window import Window

GRADS = "EPSG:4807"
"""NTF (Paris), in grads."""
WORLD = (1.0, 0.0, -180.0, 0.0, -1.0, 90.0)
EAST = (1.0, 0.0, 0.0, 0.0, -1.0, 90.0)


def covered(found: list[Place], transform: tuple[float, ...], width: int, height: int) -> Any:
    """How often each pixel counts."""
    times = np.zeros((height, width), int)
    for place in found:
        window, (a, b, c, d, e, f) = place.window, transform
        own = (a, b, c + a * window.x_off, d, e, f + e * window.y_off)
        part = times[window.y_off : window.y_off + window.height, window.x_off : window.x_off + window.width]
        part += inside(place.geometry, own, window.height, window.width, all_touched=False)
    return times


def true_cover(box: tuple[float, float, float, float], left: float, width: int) -> Any:
    """Pixels of one degree whose centre lies in the box, in any turn: by arithmetic."""
    west, south, east, north = box
    x, y = left + np.arange(width) + 0.5, 90 - (np.arange(180) + 0.5)
    columns = np.zeros(width, bool)
    for turn in range(-3, 4):
        columns |= (x + 360 * turn > west) & (x + 360 * turn < east)
    return columns[None, :] & ((y > south) & (y < north))[:, None]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-360, 359).filter(lambda x: abs(x * 2 - round(x * 2)) > 1e-6),
    st.floats(0.6, 359.3).filter(lambda x: abs(x * 2 - round(x * 2)) > 1e-6),
    st.integers(-89, 88),
    st.integers(-540, 200),
    st.sampled_from([20, 180, 359, 360]),
    st.integers(-1, 1),
)
def test_boxes_cover_the_pixels_whose_centres_they_hold_in_any_turn(
    west: float, wide: float, south: int, left: int, width: int, turns: int
) -> None:
    box = (west + 360 * turns, south, min(west + wide, 360) + 360 * turns, south + 1.3)
    if abs((box[2] * 2) - round(box[2] * 2)) < 1e-6 or box[2] <= box[0]:
        return
    transform = (1.0, 0.0, float(left), 0.0, -1.0, 90.0)
    found = places(shapely.box(*box), "EPSG:4326", transform, width, 180)
    times = covered(found, transform, width, 180)
    assert np.array_equal(times, true_cover(box, left, width))


def test_what_lies_on_the_raster_is_the_very_geometry() -> None:
    box = shapely.box(-10, 0, 180, 10)
    (place,) = places(box, "EPSG:4326", WORLD, 360, 180)
    assert place.geometry is box
    (place,) = places(box, "EPSG:32632", WORLD, 360, 180)
    assert place.geometry is box


def test_an_area_across_the_ends_has_a_window_at_each() -> None:
    west, east = places(shapely.box(178, 0, 183, 10), "EPSG:4326", WORLD, 360, 180)
    assert (west.window.x_off, west.window.width) == (0, 3)
    assert (east.window.x_off, east.window.width) == (358, 2)
    assert meet_at_seam([west.window, east.window], "EPSG:4326", WORLD, 360)
    assert not meet_at_seam([west.window, east.window], "EPSG:4326", WORLD, 359)


def test_parts_that_were_cut_at_180_degrees_are_as_one() -> None:
    cut = shapely.MultiPolygon([shapely.box(178, 0, 180, 10), shapely.box(-180, 0, -177, 10)])
    (place,) = places(cut, "EPSG:4326", EAST, 360, 180)
    assert (place.window.x_off, place.window.width) == (178, 5)
    assert len(places(cut, "EPSG:4326", WORLD, 360, 180)) == 2


def test_the_world_is_one_window() -> None:
    for transform in (WORLD, EAST):
        (place,) = places(shapely.box(-180, -90, 180, 90), "EPSG:4326", transform, 360, 180)
        assert place.window == Window(x_off=0, y_off=0, width=360, height=180)
        assert covered([place], transform, 360, 180).all()


def test_an_area_wider_than_a_turn_counts_once() -> None:
    found = places(shapely.box(-300, 0, 300, 10), "EPSG:4326", WORLD, 360, 180)
    assert covered(found, WORLD, 360, 180).max() == 1
    assert covered(found, WORLD, 360, 180).sum() == 3600


def test_a_raster_that_shows_a_meridian_twice_keeps_what_is_written() -> None:
    registered = (1.0, 0.0, -180.5, 0.0, -1.0, 90.0)  # 361 columns, as ETOPO's
    (place,) = places(shapely.box(179.5, 0, 180.5, 1), "EPSG:4326", registered, 361, 180)
    assert place.window.x_off == 360
    found = places(shapely.box(179.2, 0, 181.8, 1), "EPSG:4326", registered, 361, 180)
    times = covered(found, registered, 361, 180)
    assert times[89].nonzero()[0].tolist() == [1, 360]  # -179, and 180 where it is written


@pytest.mark.parametrize("x", [180.0, -180.0, 540.0])
def test_a_point_on_the_seam_is_in_the_first_column(x: float) -> None:
    (place,) = places(shapely.Point(x, 0.5), "EPSG:4326", WORLD, 360, 180)
    assert (place.window.x_off, place.window.width) == (0, 1)


@given(st.floats(-1080, 1080), st.floats(-400, 400))
def test_points_come_to_lie_on_the_raster(x: float, left: float) -> None:
    (found,) = wrapped(np.array([[x, 1.0]]), "EPSG:4326", (1.0, 0.0, left, 0.0, -1.0, 90.0), 360, 180)
    assert left <= found[0] < left + 360
    assert math.isclose((found[0] - x) / 360, round((found[0] - x) / 360), abs_tol=1e-9)


def test_other_units_and_meridians_have_other_turns() -> None:
    assert turn_of("EPSG:4326") == turn_of("EPSG:4269") == 360
    assert turn_of("EPSG:32632") is None
    assert turn_of(GRADS) == 400
    # Greenwich is 2.33722917 degrees west of Paris: 2.5969213 grads
    assert greenwich_of(GRADS) == pytest.approx(-2.5969213, abs=1e-9)
    (place,) = places(shapely.box(-10, 0, -8, 1), GRADS, (1.0, 0.0, 0.0, 0.0, -1.0, 100.0), 400, 200)
    assert (place.window.x_off, place.window.width) == (390, 2)
