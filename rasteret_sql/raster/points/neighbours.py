"""Where points fall on a grid of pixels, and what the pixels there make of a value.

``nearest``: the pixel that holds the point. Pixels are half open: a point on the left or top edge of a pixel
belongs to it, as in ``rasterio.transform.rowcol``.

``bilinear``: between the four pixel centres around the point, as GDALRasterInterpolateAtPoint does. Beyond
the outermost centres the pixels at the edge are repeated; there is no value unless all pixels are valid that
have a part in it. (GDAL asks it also of pixels whose part is nothing, where a point lies on a centre.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats, Integers
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.window import Affine

INTERPOLATIONS = ("nearest", "bilinear")


@dataclass(frozen=True, kw_only=True)
class PixelNeighbours:
    """The points of a list that lie on a grid, and the pixels that give them their values."""

    inside: npt.NDArray[np.intp]
    """Which of the points: m numbers."""
    rows: Integers
    """Of m pixels; or of 4 m: upper left, upper right, lower left, lower right of every point."""
    columns: Integers
    across: Floats | None
    """Of each point, the way from the left pixel centres to the right ones, 0 to 1; None: nearest."""
    down: Floats | None
    """From the upper ones to the lower ones."""


def pixel_neighbours(
    xy: Floats, transform: Affine, width: int, height: int, interpolation: str
) -> PixelNeighbours:
    """Points ``(n, 2)`` in the grid's CRS; those that are not finite lie outside."""
    a, b, c, d, e, f = invert(transform)
    x, y = xy[:, 0], xy[:, 1]
    with np.errstate(invalid="ignore"):
        column, row = x * a + y * b + c, x * d + y * e + f
        inside = np.flatnonzero((column >= 0) & (column < width) & (row >= 0) & (row < height))
    column, row = column[inside], row[inside]
    if interpolation == "nearest":
        return PixelNeighbours(
            inside=inside, rows=row.astype(np.int64), columns=column.astype(np.int64), across=None, down=None
        )
    left, up = np.floor(column - 0.5), np.floor(row - 0.5)
    lefts, ups = left.astype(np.int64), up.astype(np.int64)
    first, last = np.maximum(lefts, 0), np.minimum(lefts + 1, width - 1)
    top, bottom = np.maximum(ups, 0), np.minimum(ups + 1, height - 1)
    return PixelNeighbours(
        inside=inside,
        rows=np.concatenate((top, top, bottom, bottom)),
        columns=np.concatenate((first, last, first, last)),
        across=column - 0.5 - left,
        down=row - 0.5 - up,
    )


def interpolate(
    neighbours: PixelNeighbours, pixels: npt.NDArray[Any], valid: Bools | None
) -> tuple[Floats, Bools | None]:
    """Values of the m points from their pixels, and which there are (None: all)."""
    values = pixels.astype(np.float64)
    if neighbours.across is None or neighbours.down is None:
        return values, valid
    right, low = neighbours.across, neighbours.down
    left, up = 1 - right, 1 - low
    corners = values.reshape(4, -1)
    matters = np.array((left * up, right * up, left * low, right * low)) > 0
    corners[~matters] = 0  # NaN times nothing is NaN
    with np.errstate(invalid="ignore", over="ignore"):  # pixels may be NaN, infinite or nodata
        upper: Floats = corners[0] * left + corners[1] * right
        lower: Floats = corners[2] * left + corners[3] * right
        mixed = upper * up + lower * low
    if valid is None:
        return mixed, None
    complete: Bools = np.all(valid.reshape(4, -1) | ~matters, axis=0)
    return mixed, complete
