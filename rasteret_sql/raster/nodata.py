"""Nodata as GDAL applies it: what sparse blocks hold, and which pixels are not valid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def fill_value(dtype: str, nodata: float | None) -> float | int:
    """What a sparse block holds: nodata brought into the range of ``dtype``, else 0 (GDAL's GTiff driver)."""
    kind = np.dtype(dtype)
    if nodata is None or (nodata != nodata and kind.kind in "iu"):
        return 0
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return int(min(max(_rounded(nodata, limits), limits.min), limits.max))
    return nodata


def _rounded(nodata: float, limits: Any) -> int:
    if nodata in (float("inf"), float("-inf")):
        return int(limits.max if nodata > 0 else limits.min)
    return int(np.floor(nodata + 0.5))


def applies(dtype: str, nodata: float | None) -> bool:
    """Whether pixels of ``dtype`` can be nodata at all: -9999 means nothing for uint8."""
    kind = np.dtype(dtype)
    if nodata is None or kind.kind not in "iu":
        return nodata is not None
    limits = np.iinfo(kind)
    return bool(limits.min <= nodata <= limits.max and nodata == int(nodata))


def is_nodata(pixels: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_] | None:
    """True where a pixel is nodata; None when none can be.

    Integers: equal to nodata, which must be a value of the dtype. Floats: NaN when nodata is NaN, else equal
    within two units of rounding, as GDAL's mask bands compare (``ARE_REAL_EQUAL``), because nodata is stored
    as decimal text. Complex numbers: the real part decides.
    """
    if nodata is None or not applies(pixels.dtype.name, nodata):
        return None
    if pixels.dtype.kind in "iu":
        equal: npt.NDArray[np.bool_] = pixels == pixels.dtype.type(int(nodata))
        return equal
    real = pixels.real if pixels.dtype.kind == "c" else pixels
    if nodata != nodata:
        nan: npt.NDArray[np.bool_] = np.isnan(real)
        return nan
    with np.errstate(all="ignore"):
        value = real.dtype.type(nodata)
        distance = np.abs(real - value)
        equal = (real == value) | (distance < np.finfo(real.dtype).eps * np.abs(real + value) * 2)
    return np.asarray(equal, np.bool_)
