"""Which pixels of which band of a chip are data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rasteret_sql.geotiff.nodata import is_nodata
from rasteret_sql.raster.chip import Chip


def valid_mask(chip: Chip) -> npt.NDArray[np.bool_]:
    """``(bands, rows, columns)``: True where a pixel is valid, not nodata in its band, and not NaN.

    Where all bands of a valid pixel are nodata the file has a mask that says otherwise, and the mask wins.
    """
    pixels = chip.pixels
    nothing = _nothing(chip)
    good = np.ones(pixels.shape, np.bool_) if nothing is None else ~nothing
    if pixels.dtype.kind in "fc":
        good &= ~np.isnan(pixels)
    if chip.valid is not None:
        good &= chip.valid
    return good


def with_validity_of(chip: Chip, band: int) -> Chip:
    """The chip with the validity of one band (from 0): what is nodata in that band is not valid."""
    nothing = _nothing(chip)
    if nothing is None or not nothing[band].any():
        return chip
    there = ~nothing[band]
    return replace(chip, valid=there if chip.valid is None else chip.valid & there)


def _nothing(chip: Chip) -> npt.NDArray[np.bool_] | None:
    """``(bands, rows, columns)``: True where a band alone is nodata; None where none can be."""
    nothing = is_nodata(chip.pixels, chip.nodata) if len(chip.pixels) > 1 else None
    return None if nothing is None else nothing & ~nothing.all(axis=0)
