"""Which pixels of which band of a chip are data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rasteret_sql.raster.nodata import is_nodata
from rasteret_sql.raster.pixels import Chip


def usable(chip: Chip) -> npt.NDArray[np.bool_]:
    """``(bands, rows, columns)``: True where a pixel is valid, not nodata in its band, and not NaN.

    Where all bands of a valid pixel are nodata the file has a mask that says otherwise, and the mask wins.
    """
    pixels = chip.pixels
    good = np.ones(pixels.shape, np.bool_)
    nothing = is_nodata(pixels, chip.nodata) if len(pixels) > 1 else None
    if nothing is not None:
        np.logical_not(nothing, out=good)
        good |= nothing.all(axis=0)
    if pixels.dtype.kind in "fc":
        good &= ~np.isnan(pixels)
    if chip.valid is not None:
        good &= chip.valid
    return good
