"""Stored pixels as physical values: scale * stored + offset of each band, in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import is_inexact
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.nodata import is_nodata
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.chip import Chip

"""Whole numbers up to here, and down to its negative, are exact as float64."""


def physical(chip: Chip) -> Chip:
    """The chip with physical values and NaN for nodata; the same chip where stored numbers are physical."""
    scalings = [chip.scaling(band) for band in range(len(chip.pixels))]
    if not any(scalings):
        return chip
    return replace(
        chip,
        pixels=physical_pixels(chip.pixels, chip.valid, chip.nodata, scalings),
        nodata=physical_nodata(chip.nodata),
        facts=chip.facts.physical,
    )


def physical_nodata(nodata: float | None) -> float | None:
    """Of physical values: NaN where the stored numbers have one, as it has no scale."""
    return None if nodata is None else math.nan


def physical_pixels(
    pixels: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_] | None,
    nodata: float | None,
    scalings: Sequence[Scaling | None],
) -> npt.NDArray[np.float64]:
    """Bands ``(bands, …)`` in float64, with NaN where a band is nodata.

    Where all bands of a valid pixel are nodata the file has a mask that says otherwise, and the mask wins.
    UnsupportedError: complex pixels, and 64-bit integers of a band without scale that float64 would round.
    """
    require_real(pixels.dtype)
    values = np.empty(pixels.shape, np.float64)
    for band, (stored, scaling) in enumerate(zip(pixels, scalings, strict=True)):
        if scaling is None:
            _require_exact(stored)
            values[band] = stored
        else:
            values[band] = scaling.of(stored)
    missing = is_nodata(pixels, nodata)
    if missing is not None:
        there = True if valid is None else valid
        values[missing & ~(missing.all(axis=0) & there)] = math.nan
    return values


def require_real(dtype: np.dtype[Any]) -> None:
    """UnsupportedError for complex pixels."""
    if dtype.kind == "c":
        raise UnsupportedError(f"scale := true: {dtype} pixels are not real numbers; read them as stored")


def _require_exact(stored: npt.NDArray[Any]) -> None:
    if is_inexact(stored):
        raise UnsupportedError(
            f"scale := true: {stored.dtype} pixels beyond 2^53 of a band without scale are not exact as "
            "DOUBLE; read that band apart"
        )
