"""Whole-pixel windows around areas: the arithmetic of ``rasterio.features.geometry_window``.

The corners of the bounds, or the vertices of a geometry, go through the inverse affine; the window runs from
the floor of the least to the ceiling of the greatest column and row, clipped to the raster. There is no
tolerance: the operations and their order are those of rasterio 1.4, so a box that lies on grid lines gets the
same window, with the same extra column where rounding puts an edge past its line.

One rule is added. Pixels are half open, so a point, or a line along a grid line, belongs to the pixel that
begins there: a window is at least one pixel wide and high, where rasterio finds none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.window import Window


def geometry_window(area: Any, transform: Sequence[float], width: int, height: int) -> Window | None:
    """The smallest window over ``area`` inside a raster of ``width`` x ``height``; None without overlap.

    ``area`` is xmin, ymin, xmax, ymax or a shapely geometry, in the CRS of ``transform`` (a b c d e f). On a
    rotated raster bounds give the window of all their corners, a geometry only that of its vertices.
    """
    if isinstance(area, shapely.Geometry):
        return geometry_windows(np.array([area], dtype=object), transform, width, height)[0]
    xmin, ymin, xmax, ymax = area
    xy = np.array(((xmin, ymin), (xmin, ymax), (xmax, ymax), (xmax, ymin)), np.float64)
    return _windows(xy, np.zeros(1, np.int64), transform, width, height)[0]


def geometry_windows(
    geometries: npt.NDArray[np.object_], transform: Sequence[float], width: int, height: int
) -> list[Window | None]:
    """The same of many geometries on one raster."""
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    if not len(xy):
        return [None] * len(geometries)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    windows: list[Window | None] = [None] * len(geometries)  # of empty ones, too
    for number, window in zip(
        owner[starts].tolist(), _windows(xy, starts, transform, width, height), strict=True
    ):
        windows[number] = window
    return windows


def _windows(
    xy: npt.NDArray[np.float64],
    starts: npt.NDArray[np.int64],
    transform: Sequence[float],
    width: int,
    height: int,
) -> list[Window | None]:
    """The windows around the vertices from each start to the next."""
    a, b, c, d, e, f = invert(transform)
    x, y = xy.T
    spans = []
    for places, size in ((x * a + y * b + c, width), (x * d + y * e + f, height)):
        low, high = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
        spans.append([_span(*ends, size) for ends in zip(low.tolist(), high.tolist(), strict=True)])
    return [
        None
        if columns is None or rows is None
        else Window(x_off=columns[0], y_off=rows[0], width=columns[1], height=rows[1])
        for columns, rows in zip(*spans, strict=True)
    ]


def _span(low: float, high: float, size: int) -> tuple[int, int] | None:
    """First pixel and number of pixels between the least and the greatest place on one axis."""
    if not (low < size and high >= 0):  # NaN compares false
        return None
    start = math.floor(max(low, 0.0))
    stop = math.ceil(min(high, float(size)))
    if low >= 0:
        stop = max(stop, start + 1)
    return (start, stop - start) if start < stop else None
