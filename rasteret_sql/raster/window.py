"""Whole-pixel windows around areas: the arithmetic of ``rasterio.features.geometry_window``.

The corners of the bounds, or the vertices of a geometry, go through the inverse affine; the window runs from
the floor of the least to the ceiling of the greatest column and row, clipped to the raster. There is no
tolerance: the operations and their order are those of rasterio 1.4, so a box that lies on grid lines gets the
same window, with the same extra column where rounding puts an edge past its line.

One rule is added. Pixels are half open, so a point, or a line along a grid line, belongs to the pixel that
begins there: a window is at least one pixel wide and high, where rasterio finds none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.cog.window import Window
from rasteret_sql.errors import ArgumentError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def geometry_window(area: Any, transform: Sequence[float], width: int, height: int) -> Window | None:
    """The smallest window over ``area`` inside a raster of ``width`` x ``height``; None without overlap.

    ``area`` is xmin, ymin, xmax, ymax or a shapely geometry, in the CRS of ``transform`` (a b c d e f). On a
    rotated raster bounds give the window of all their corners, a geometry only that of its vertices.
    """
    if isinstance(area, shapely.Geometry):
        areas: Any = np.array([area], dtype=object)
    else:
        areas = np.asarray(area, dtype=np.float64).reshape(1, 4)
    found, overlaps = geometry_windows(
        areas, np.array([transform[:6]]), np.array([width]), np.array([height])
    )
    if not overlaps[0]:
        return None
    x_off, y_off, columns, rows = found[0].tolist()
    return Window(x_off=x_off, y_off=y_off, width=columns, height=rows)


def geometry_windows(
    areas: Any, transforms: npt.ArrayLike, widths: npt.ArrayLike, heights: npt.ArrayLike
) -> tuple[Integers, Bools]:
    """The windows of ``n`` areas, each on its own raster, and which areas overlap theirs.

    Windows are ``(n, 4)``: x_off, y_off, width, height. ``areas`` is ``(n, 4)`` bounds, or ``(n,)`` shapely
    geometries; ``transforms`` is ``(n, 6)``. Rows without overlap, among them empty geometries and bounds
    that are NaN, are zero.
    """
    inverse = _invert(np.asarray(transforms, dtype=np.float64))
    areas = np.asarray(areas)
    if areas.dtype == object:
        xy, owner = shapely.get_coordinates(areas, return_index=True)
    else:
        xy = areas.astype(np.float64)[:, [0, 1, 0, 3, 2, 3, 2, 1]].reshape(-1, 2)
        owner = np.repeat(np.arange(len(areas)), 4)
    count = len(areas)
    low, high = np.full((count, 2), np.nan), np.full((count, 2), np.nan)
    if len(owner):
        a, b, c, d, e, f = inverse[owner].T
        x, y = xy.T
        pixels = np.column_stack((x * a + y * b + c, x * d + y * e + f))
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        low[owner[first]] = np.minimum.reduceat(pixels, first)
        high[owner[first]] = np.maximum.reduceat(pixels, first)
    sizes = np.column_stack((np.asarray(widths), np.asarray(heights)))
    start, stop = np.floor(low), np.ceil(high)
    stop = np.maximum(stop, start + 1)
    # In floats up to here, where overflow is harmless and NaN compares false.
    start, stop = np.maximum(start, 0), np.minimum(stop, sizes)
    overlaps: Bools = (start < stop).all(axis=1)
    windows = np.zeros((count, 4), dtype=np.int64)
    windows[overlaps] = np.column_stack((start, stop - start))[overlaps]
    return windows, overlaps


def _invert(transforms: Floats) -> Floats:
    """World to pixel for each affine, with the operations and the order of ``affine.Affine``."""
    a, b, c, d, e, f = transforms.T
    determinant = a * e - b * d
    if not determinant.all():
        row = int(np.flatnonzero(determinant == 0)[0])
        raise ArgumentError(
            f"the transform {transforms[row].tolist()} maps all pixels to one line; it has no inverse"
        )
    scale = 1.0 / determinant
    to_a, to_b, to_d, to_e = e * scale, -b * scale, -d * scale, a * scale
    return np.column_stack((to_a, to_b, -c * to_a - f * to_b, to_d, to_e, -c * to_d - f * to_e))
