"""Which pixels of a grid a geometry covers: GDAL's rules, in numpy.

A polygon covers a pixel when the pixel's centre is inside by the even-odd rule, taken over all rings of
that polygon; each polygon of a multipolygon is burnt by itself, so overlapping parts add up. Invalid
polygons (self-intersections) follow the same rule. A point covers the pixel that holds it; a line the
pixels of Bresenham's walk between the pixels of its vertices. With ``all_touched`` every pixel that a line
or a polygon's boundary passes through counts too (``lines.touched_by_edges``).

The arithmetic follows GDAL's rasteriser operation by operation, because a centre may lie within a
rounding error of an edge: masks equal ``rasterio.features.geometry_mask`` bit for bit on GDAL 3.10, and
without ``all_touched`` on 3.12 as well (``lines`` tells what changed). Two accidents of GDAL are left out:
coordinates more than 2³¹ pixels away overflow there, and a touched pixel just right of the grid may be
written to the next row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Bools, Floats, Integers
from rasteret_sql.geo.affine import invert_as_gdal
from rasteret_sql.geo.masks.lines import bresenham, touched_by_edges
from rasteret_sql.geo.window import Window

MAX_CROSSINGS = 1 << 22
"""Crossings held at once; bounds memory where a long boundary meets a tall window."""


def inside(
    geometry: Any, transform: Sequence[float], height: int, width: int, *, all_touched: bool = False
) -> Bools:
    """True for the pixels that the geometry covers, shape ``(height, width)``.

    ``transform`` is the affine of the grid (a b c d e f, pixel corner to world); ``geometry`` is any shapely
    geometry in the same CRS. ``ArgumentError`` for an affine that cannot be inverted.
    """
    whole = Window(x_off=0, y_off=0, width=width, height=height)
    return outline(geometry, transform, height, width, all_touched=all_touched).burn(whole)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A geometry in the pixels of a grid, to be burnt whole or part by part: the pixels are the same."""

    height: int
    width: int
    """Of the grid."""
    touched: Integers
    """Flat numbers of the pixels that points, lines and, with ``all_touched``, boundaries set."""
    x: Floats
    y: Floats
    """Vertices of the rings of all polygons, in pixels."""
    start: Integers
    """First vertex of each edge."""
    ring: Integers
    polygon: Integers
    """Of each edge."""
    rings: npt.NDArray[np.object_]

    def burn(self, part: Window) -> Bools:
        """True for the covered pixels of ``part``, shape ``(part.height, part.width)``."""
        mask = np.zeros((part.height, part.width), np.bool_)
        if self.touched.size:
            row, column = np.divmod(self.touched, self.width)
            row, column = row - part.y_off, column - part.x_off
            here = (row >= 0) & (row < part.height) & (column >= 0) & (column < part.width)
            mask[row[here], column[here]] = True
        if self.start.size:
            self._fill(mask, part)
            self._fill_bottoms(mask, part)
        return mask

    def _fill(self, mask: Bools, part: Window) -> None:
        """Even-odd fill: sort where edges cross the line of pixel centres, set every second gap."""
        x, y, start = self.x, self.y, self.start
        upper = np.where(y[start] <= y[start + 1], start, start + 1)
        lower = 2 * start + 1 - upper
        # An edge from y1 to y2 meets the rows whose centre r + ½ satisfies y1 <= r + ½ < y2.
        top, bottom = part.y_off, part.y_off + part.height
        first = np.clip(np.ceil(y[upper] - 0.5), top, bottom).astype(np.int64)
        stop = np.clip(np.ceil(y[lower] - 0.5), top, bottom).astype(np.int64)
        used = stop > first
        edges = (x[upper[used]], y[upper[used]], x[lower[used]], y[lower[used]])
        _fill_rows(mask, part, edges, first[used], stop[used], self.polygon[used])

    def _fill_bottoms(self, mask: Bools, part: Window) -> None:
        """Horizontal edges that lie exactly on pixel centres and close their ring from one side.

        The half-open rule of ``_fill`` leaves their row out; GDAL sets it where the edge, walked with the
        ring clockwise in world coordinates, runs towards smaller columns.
        """
        x, y, start = self.x, self.y, self.start
        level = y[start]
        flat = (level == y[start + 1]) & (level > part.y_off) & (level < part.y_off + part.height)
        flat &= level - np.floor(level) == 0.5
        flat &= x[start] != x[start + 1]
        clockwise: dict[int, bool] = {}
        for edge in np.flatnonzero(flat).tolist():
            at, number = int(start[edge]), int(self.ring[edge])
            if number not in clockwise:
                clockwise[number] = _is_clockwise(shapely.get_coordinates(self.rings[number]))
            if (x[at] > x[at + 1]) == clockwise[number]:
                low, high = sorted((x[at], x[at + 1]))
                ends = np.floor((low + 0.5, high + 0.5)) - part.x_off
                first, stop = np.clip(ends, 0, part.width).astype(int)
                mask[int(level[edge]) - part.y_off, first:stop] = True


def outline(
    geometry: Any, transform: Sequence[float], height: int, width: int, *, all_touched: bool = False
) -> Outline:
    """The geometry in the pixels of a grid; arguments and errors as of ``inside``."""
    parts = _simple_parts(geometry)
    inverse = invert_as_gdal(transform)
    kinds = shapely.get_type_id(parts)
    points, lines, polygons = parts[kinds == 0], parts[(kinds == 1) | (kinds == 2)], parts[kinds == 3]
    touched = [np.empty(0, np.int64)]
    if points.size:
        x, y = _to_pixels(inverse, shapely.get_coordinates(points))
        here = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        touched.append(y[here].astype(np.int64) * width + x[here].astype(np.int64))
    if lines.size:
        xy, line = shapely.get_coordinates(lines, return_index=True)
        x, y = _to_pixels(inverse, xy)
        start = np.flatnonzero(line[:-1] == line[1:])
        if all_touched:
            touched.append(touched_by_edges(x, y, start, height, width, filled=False))
        else:
            touched.append(bresenham(x, y, start, height, width))
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = _to_pixels(inverse, xy)
    start = np.flatnonzero(ring[:-1] == ring[1:])
    if all_touched and start.size:
        touched.append(touched_by_edges(x, y, start, height, width, filled=True))
    return Outline(
        height=height,
        width=width,
        touched=np.concatenate(touched),
        x=x,
        y=y,
        start=start,
        ring=ring[start],
        polygon=polygon[ring[start]],
        rings=rings,
    )


def covers_grid(geometry: Any, transform: Sequence[float], height: int, width: int) -> bool:
    """Whether every pixel's centre lies in the interior of the geometry: then ``inside`` is all True.

    A box, or a field much larger than the window, is recognised by its corners alone; False may be wrong.
    """
    a, b, c, d, e, f = transform
    columns, rows = np.array([0.5, width - 0.5] * 2), np.array([0.5] * 2 + [height - 0.5] * 2)
    centres = np.column_stack((a * columns + b * rows + c, d * columns + e * rows + f))
    hull = shapely.convex_hull(shapely.multipoints(centres))
    if shapely.get_num_geometries(geometry) > 1:
        return False  # GDAL burns each part by itself
    return bool(shapely.is_valid(geometry) and shapely.contains_properly(geometry, hull))


def _simple_parts(geometry: Any) -> npt.NDArray[np.object_]:
    """Points, lines and polygons without their collections, empty ones left out."""
    parts = np.atleast_1d(np.asarray(geometry, dtype=object))
    while (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    simple: npt.NDArray[np.object_] = parts[~shapely.is_empty(parts)]
    return simple


def _to_pixels(inverse: Sequence[float], xy: Floats) -> tuple[Floats, Floats]:
    a, b, c, d, e, f = inverse
    return c + xy[:, 0] * a + xy[:, 1] * b, f + xy[:, 0] * d + xy[:, 1] * e


def _fill_rows(
    mask: Bools,
    part: Window,
    edges: tuple[Floats, ...],
    first: Integers,
    stop: Integers,
    polygon: Integers,
) -> None:
    count = stop - first
    total = int(count.sum())
    if total > MAX_CROSSINGS and (top := int(first.min())) + 1 < (bottom := int(stop.max())):
        middle = (top + bottom) // 2
        for low, high in ((top, middle), (middle, bottom)):
            some_first, some_stop = np.maximum(first, low), np.minimum(stop, high)
            used = some_stop > some_first
            some = tuple(values[used] for values in edges)
            _fill_rows(mask, part, some, some_first[used], some_stop[used], polygon[used])
        return
    height, width = part.height, part.width
    begin = np.cumsum(count) - count
    row = np.arange(total) + np.repeat(first - begin, count)
    x1, y1, x2, y2 = edges
    dx, dy = x2 - x1, y2 - y1
    crossing = (row + 0.5 - np.repeat(y1, count)) * np.repeat(dx, count) / np.repeat(dy, count)
    crossing += np.repeat(x1, count)
    row -= part.y_off
    column = np.clip(np.floor(crossing + 0.5) - part.x_off, 0, width).astype(np.int64)
    # One key sorts by polygon, row and column; every row of a closed ring has an even number of crossings.
    key = np.sort((np.repeat(polygon, count) * height + row) * (width + 1) + column)
    row, column = np.divmod(key, width + 1)
    flat = (row % height) * width + column
    _set_runs(mask, flat[::2], flat[1::2])


def _set_runs(mask: Bools, begin: Integers, end: Integers) -> None:
    pixels = mask.reshape(-1)
    for first, stop in zip(begin.tolist(), end.tolist(), strict=True):
        pixels[first:stop] = True


def _is_clockwise(xy: Floats) -> bool:
    """Orientation of a ring as OGR decides it: the turn at its lowest, then rightmost, vertex.

    Where that vertex is repeated or within 1e-5 of a neighbour the signed area decides. For simple rings the
    two agree; for self-intersecting ones only this rule says which horizontal edges GDAL fills.
    """
    corners = xy[:-1]
    lowest = np.flatnonzero(corners[:, 1] == corners[:, 1].min())
    pivot = lowest[np.argmax(corners[lowest, 0])]
    back, ahead = corners[pivot - 1] - corners[pivot], corners[(pivot + 1) % len(corners)] - corners[pivot]
    repeated = np.count_nonzero((corners == corners[pivot]).all(axis=1)) > 1
    if not repeated and (abs(back) >= 1e-5).any() and (abs(ahead) >= 1e-5).any():
        turn = ahead[0] * back[1] - back[0] * ahead[1]
        if turn:
            return bool(turn < 0)
    neighbours = np.roll(xy[:, 1], -1) - np.roll(xy[:, 1], 1)
    return bool(np.add.accumulate(xy[:, 0] * neighbours)[-1] < 0)
