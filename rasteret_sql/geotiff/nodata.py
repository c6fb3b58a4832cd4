"""Nodata as GDAL applies it: what sparse blocks hold, and which pixels are not valid."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.native.values import has_value
from rasteret_sql.errors import ArgumentError

FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
EPSILON: Final = np.finfo(np.float32).eps
"""GDAL's ``ARE_REAL_EQUAL`` takes the one of float32 for float64 too."""
HALF_PRECISION: Final = 2.0**-11
"""Largest relative error of rounding to a normal float16."""


def fill_value(dtype: str, nodata: float | None) -> float | int:
    """What a sparse block holds: nodata brought into the range of ``dtype``, else 0 (GDAL's GTiff driver).

    Fractions are rounded here, halves away from zero, where ``is_nodata`` truncates: both as in GDAL.
    """
    kind = np.dtype(dtype)
    if nodata is None or (nodata != nodata and kind.kind in "iu"):
        return 0
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        inside = min(max(nodata, float(limits.min)), float(limits.max))
        rounded = int(math.copysign(math.floor(abs(inside) + 0.5), inside))
        return min(max(rounded, int(limits.min)), int(limits.max))  # a float is not an edge of 64 bits
    with np.errstate(over="ignore"):
        return float(kind.type(nodata).real)


@lru_cache(maxsize=1024)
def applies(dtype: str, nodata: float | None) -> bool:
    """Whether pixels of ``dtype`` can be nodata at all: -9999 means nothing for uint8."""
    kind = np.dtype(dtype)
    if nodata is None:
        return False
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        # GDAL compares the number as it is with the range, except that it makes an int8 of it first
        number = math.trunc(nodata) if dtype == "int8" and math.isfinite(nodata) else nodata
        return bool(limits.min <= number <= limits.max)
    narrow = dtype in ("float16", "complex64")
    return not (narrow and math.isfinite(nodata) and abs(nodata) > FLOAT32_MAX)


def is_nodata(pixels: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_] | None:
    """True where a pixel is nodata; None when none can be.

    Integers: equal to nodata without its fraction. Floats: NaN when nodata is NaN, else equal within two
    units of float32's rounding, as GDAL's mask bands compare (``ARE_REAL_EQUAL``), because nodata is stored
    as decimal text. Complex numbers: the real part decides. float16 is compared as float32, like in GDAL; a
    nodata that is not a value of float16 is also the one it rounds to, which is what a writer stored for it.
    """
    if nodata is None or not applies(pixels.dtype.name, nodata):
        return None
    if pixels.dtype.kind in "iu":
        equal: npt.NDArray[np.bool_] = pixels == pixels.dtype.type(math.trunc(nodata))
        return equal
    real = pixels.real if pixels.dtype.kind == "c" else pixels
    if nodata != nodata:
        nan: npt.NDArray[np.bool_] = np.isnan(real)
        return nan
    if real.dtype == np.float16:
        return _is_nodata_of_half(real, nodata)
    return _near(real, nodata)


def has_nodata(pixels: npt.NDArray[Any], nodata: float | None) -> bool:
    """Whether any of the pixels is, as ``is_nodata`` says."""
    if nodata is None or not applies(pixels.dtype.name, nodata):
        return False
    found = has_value(pixels, math.trunc(nodata) if pixels.dtype.kind in "iu" else nodata)
    if found is None:
        bad = is_nodata(pixels, nodata)
        return bad is not None and bool(bad.any())
    return found


def _near(real: npt.NDArray[Any], nodata: float) -> npt.NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        value = real.dtype.type(nodata)
        distance = np.abs(real - value)
        near: npt.NDArray[np.bool_] = (real == value) | (distance < EPSILON * np.abs(real + value) * 2)
    return near


def _is_nodata_of_half(real: npt.NDArray[np.float16], nodata: float) -> npt.NDArray[np.bool_]:
    near = _near(real.astype(np.float32), nodata)
    with np.errstate(over="ignore"):
        rounded = np.float16(nodata)
    overflows = math.isinf(rounded) and math.isfinite(nodata)
    if overflows or abs(float(rounded) - nodata) <= HALF_PRECISION * abs(nodata):
        near |= real == rounded
    return near


def require_fits(nodata: float, dtype: np.dtype[Any], instead: str = "") -> None:
    """ArgumentError where the samples are integers that cannot be ``nodata``; ``instead``: other ways out."""
    if dtype.kind not in "iu":
        return
    limits = np.iinfo(dtype)
    if not math.isfinite(nodata) or nodata != int(nodata) or not limits.min <= nodata <= limits.max:
        raise ArgumentError(
            f"nodata := {nodata:g} does not fit {dtype.name}; pass one from {limits.min} to "
            f"{limits.max}{instead}"
        )
