"""How much of each pixel a polygon covers: exact areas, in numpy.

Every edge is cut where it crosses a line between pixels. A piece that climbs ``dy`` inside one pixel, its
middle at the fraction ``f`` of the pixel's width, adds ``dy * (1 - f)`` to that pixel and ``dy`` to all
pixels right of it; summed along a row this is the area between the edges (Green's theorem, pixel by pixel).
The result is the area of polygon and pixel's intersection over the area of the pixel, as exactextract
computes it, but in float64 where exactextract rounds each fraction to float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Floats
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.window import Window

NOTHING = 1e-12
"""A smaller fraction, or one this close to 1, is the rounding of sums that cancel."""


def require_area(geometry: Any) -> None:
    """ArgumentError for points and lines, which cover no fraction of any pixel."""
    if shapely.get_dimensions(geometry) < 2:
        raise ArgumentError(
            f"coverage := true asks which fraction of each pixel the zone covers; a {geometry.geom_type} "
            "has no area: pass a polygon, or leave coverage out"
        )


def fractions(geometry: Any, transform: Sequence[float], part: Window) -> Floats:
    """The covered fraction, 0 to 1, of the pixels of ``part``, shape ``(part.height, part.width)``.

    ``transform`` is the affine of the grid in which ``part`` counts pixels; ``geometry`` is any shapely
    geometry in the same CRS. Of invalid polygons the even-odd interior counts, and what parts of a
    multipolygon share counts once. Points and lines cover nothing.
    """
    x1, y1, x2, y2 = _edges(_polygons(geometry), transform, part)
    climbs = (y1 != y2) & (np.minimum(x1, x2) < part.width)
    climbs &= (np.maximum(y1, y2) > 0) & (np.minimum(y1, y2) < part.height)
    row, left, right, climb = _cut_at_rows(x1[climbs], y1[climbs], x2[climbs], y2[climbs], part.height)
    row, column, middle, climb = _cut_at_columns(row, left, right, climb, part.width)
    cells = part.height * (part.width + 1)
    at = row * (part.width + 1) + column
    own, rest = climb * (1.0 - middle), climb * middle
    sums = np.bincount(at, own, minlength=cells)
    # what an edge leaves of its pixel belongs to the next one; beyond the last column nobody asks
    sums += np.bincount(at + 1, rest, minlength=cells + 1)[:cells]
    running: Floats = np.cumsum(sums.reshape(part.height, part.width + 1), axis=1, dtype=np.float64)
    covered = running[:, :-1]
    covered[covered < NOTHING] = 0.0
    covered[covered > 1.0 - NOTHING] = 1.0
    return covered


def _polygons(geometry: Any) -> Any:
    """Polygons that do not overlap, their shells against the clock and their holes with it."""
    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    parts = parts[shapely.get_type_id(parts) == 3]
    valid = shapely.is_valid(parts)
    if not valid.all():
        parts = np.where(valid, parts, shapely.make_valid(parts))
    if not valid.all() or (len(parts) > 1 and not shapely.is_valid(geometry)):
        merged = shapely.get_parts(shapely.union_all(parts))
        parts = merged[shapely.get_type_id(merged) == 3]
    return shapely.orient_polygons(parts)


def _edges(polygons: Any, transform: Sequence[float], part: Window) -> tuple[Floats, Floats, Floats, Floats]:
    """x and y of both ends of all edges, in pixels of ``part``; shells against the clock there too."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    a, b, c, d, e, f = (float(v) for v in transform[:6])
    determinant = a * e - b * d
    if not determinant:
        raise ArgumentError(
            f"the transform {[a, b, c, d, e, f]} maps all pixels to one line; it has no inverse"
        )
    # the origin goes first: coordinates of a place far from it have digits that a product would round away
    right, up = xy[:, 0] - c, xy[:, 1] - f
    if b == 0 and d == 0:
        x, y = right / a, up / e
    else:
        x, y = (e * right - b * up) / determinant, (a * up - d * right) / determinant
    x, y = x - part.x_off, y - part.y_off
    start = np.flatnonzero(ring[:-1] == ring[1:])
    end = start + 1
    if determinant < 0:  # rows that run down turn a ring around
        start, end = end, start
    return x[start], y[start], x[end], y[end]


def _cut_at_rows(
    x1: Floats, y1: Floats, x2: Floats, y2: Floats, height: int
) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Row, x at both ends and signed height of the pieces of edges inside each row."""
    upwards = y2 < y1
    top, bottom = np.where(upwards, y2, y1), np.where(upwards, y1, y2)
    x_top, x_bottom = np.where(upwards, x2, x1), np.where(upwards, x1, x2)
    first = np.clip(np.floor(top), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(bottom), 0, height).astype(np.int64)
    count = stop - first
    row, edge = _steps(first, count)
    y_in, y_out = np.maximum(row, top[edge]), np.minimum(row + 1, bottom[edge])
    slope = ((x_bottom - x_top) / (bottom - top))[edge]
    # from the nearer end, and never beyond the edge's own ends
    low, high = np.minimum(x_top, x_bottom)[edge], np.maximum(x_top, x_bottom)[edge]
    x_in = np.where(y_in == top[edge], x_top[edge], x_bottom[edge] + (y_in - bottom[edge]) * slope)
    x_out = np.where(y_out == bottom[edge], x_bottom[edge], x_top[edge] + (y_out - top[edge]) * slope)
    climb = np.where(upwards[edge], y_out - y_in, y_in - y_out)
    return row, np.clip(x_in, low, high), np.clip(x_out, low, high), climb


def _cut_at_columns(
    row: npt.NDArray[np.int64], x1: Floats, x2: Floats, climb: Floats, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, Floats]:
    """Row, column, middle (a fraction of the column) and signed height of the pieces inside each pixel.

    What lies left of the grid stands at its left edge; what lies right of it, in a column of its own.
    """
    left, right = np.minimum(x1, x2), np.maximum(x1, x2)
    first = np.clip(np.floor(left), -1, width).astype(np.int64)
    stop = np.maximum(np.clip(np.ceil(right), 0, width + 1).astype(np.int64), first + 1)
    column, piece = _steps(first, stop - first)
    x_in = np.where(column == first[piece], left[piece], column)
    x_out = np.where(column + 1 == stop[piece], right[piece], column + 1)
    span = (right - left)[piece]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(span > 0, (x_out - x_in) / span, 1.0)
    inside = (column >= 0) & (column < width)
    middle = np.where(inside, (x_in + x_out) / 2 - column, 0.0)
    return row[piece], np.maximum(column, 0), middle, climb[piece] * share


def _steps(
    first: npt.NDArray[np.int64], count: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """first, first + 1, … of every run, and the number of the run."""
    run = np.repeat(np.arange(len(count)), count)
    return np.arange(int(count.sum())) + (first - (np.cumsum(count) - count))[run], run
