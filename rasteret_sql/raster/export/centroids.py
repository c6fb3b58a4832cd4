"""The pixels of one band as columns: where each one's centre is, its value, column and row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.raster.chip import Chip

Column = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Centroids:
    """Columns of equal length, one element a pixel, row by row."""

    x: Column
    y: Column
    """Centre of the pixel in the chip's CRS."""
    value: Column
    valid: npt.NDArray[np.bool_] | None
    """None: all are."""
    col: Column
    row: Column
    """From 0, in the chip."""


def centroids(chip: Chip, band: int, *, exclude_nodata: bool) -> Centroids:
    """Every pixel of a band (from 0), or the valid ones."""
    pixels, valid = chip.pixels[band], chip.valid
    if valid is not None and exclude_nodata:
        row, col = np.nonzero(valid)
        value, valid = pixels[row, col], None
    else:
        row, col = (axis.ravel() for axis in np.indices(pixels.shape))
        value = pixels.ravel()
    a, b, c, d, e, f = chip.transform
    right, down = col + 0.5, row + 0.5
    return Centroids(
        x=a * right + b * down + c,
        y=d * right + e * down + f,
        value=value,
        valid=None if valid is None else valid.ravel(),
        col=col,
        row=row,
    )
