"""Overviews: a raster at half its size, and half again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.nodata import is_nodata

Pixels = npt.NDArray[Any]
"""Shape (bands, rows, columns)."""
Valid = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The pixels of one resolution and, where there is a mask, which of them are valid."""

    pixels: Pixels
    valid: Valid | None = None
    """Shape (rows, columns)."""


def pyramid(
    full: Resolution, *, overviews: int | str, until: int, resampling: str, nodata: float | None
) -> list[Resolution]:
    """The full resolution and its overviews, each half of the one before, sizes rounded up as GDAL does.

    ``overviews`` is their number, or ``'auto'``: as many as bring both sides down to ``until`` pixels.
    ``ArgumentError``: no such resampling, or a single pixel cannot be halved that often.
    """
    if resampling not in RESAMPLINGS:
        raise ArgumentError(f"resampling {resampling!r} of overviews: one of {', '.join(RESAMPLINGS)}")
    longest = max(full.pixels.shape[1:])
    possible = (longest - 1).bit_length()
    count = overviews
    if overviews == "auto":
        count = next(k for k in range(possible + 1) if -(-longest // 2**k) <= until)
    if not isinstance(count, int) or not 0 <= count <= possible:
        raise ArgumentError(f"overviews={overviews!r}: 'auto', or 0 to {possible} for {longest} pixels")
    levels = [full]
    for _ in range(count):
        levels.append(RESAMPLINGS[resampling](levels[-1], nodata))
    return levels


def _nearest(level: Resolution, nodata: float | None) -> Resolution:
    """The upper left pixel of every four."""
    valid = None if level.valid is None else level.valid[::2, ::2]
    return Resolution(pixels=level.pixels[:, ::2, ::2], valid=valid)


def _average(level: Resolution, nodata: float | None) -> Resolution:
    """The mean of the valid pixels of every four, integers rounded half away from zero.

    A pixel is valid where one of its four was. Where none was it keeps the upper left value. A mean that
    happens to equal nodata is moved to the number next to it.
    """
    pixels = level.pixels
    nothing = is_nodata(pixels, nodata)
    usable = np.ones(pixels.shape, bool) if nothing is None else ~nothing
    if level.valid is not None:
        usable &= level.valid
    count = _quads(usable).sum(axis=(2, 4))
    values = _quads(np.where(usable, pixels, pixels.dtype.type(0)))
    mean = (_integer_mean if pixels.dtype.kind in "iu" else _real_mean)(values, np.maximum(count, 1))
    mean = np.where(count > 0, mean.astype(pixels.dtype), pixels[:, ::2, ::2])
    if nodata is not None and np.isfinite(nodata):
        by_chance = is_nodata(mean, nodata)
        if by_chance is not None:
            mean[by_chance & (count > 0)] = _next_to(nodata, pixels.dtype)
    valid = None if level.valid is None else _quads(level.valid[np.newaxis])[0].any(axis=(1, 3))
    return Resolution(pixels=mean, valid=valid)


def _quads(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(bands, rows, columns) as (bands, rows / 2, 2, columns / 2, 2), odd sides filled up with zeros."""
    bands, rows, columns = values.shape
    if rows % 2 or columns % 2:
        values = np.pad(values, ((0, 0), (0, rows % 2), (0, columns % 2)))
    return values.reshape(bands, -(-rows // 2), 2, -(-columns // 2), 2)


def _integer_mean(values: npt.NDArray[Any], count: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # Divided before they are added, so that four numbers of 64 bits do not overflow.
    wide = np.int64 if values.dtype.kind == "i" else np.uint64
    each, number = values.astype(wide), count.astype(wide)
    share = number[:, :, np.newaxis, :, np.newaxis]
    quotient = each // share
    rest = (each - quotient * share).sum(axis=(2, 4), dtype=wide)
    whole = quotient.sum(axis=(2, 4), dtype=wide)
    mean: npt.NDArray[Any] = whole + (2 * rest + number) // (2 * number)
    if wide is np.int64:
        negative = whole + rest // number < 0
        mean = np.where(negative, whole - (number - 2 * rest) // (2 * number), mean)
    return mean


def _real_mean(values: npt.NDArray[Any], count: npt.NDArray[Any]) -> npt.NDArray[Any]:
    wide = np.complex128 if values.dtype.kind == "c" else np.float64
    with np.errstate(invalid="ignore"):
        return np.asarray(values.sum(axis=(2, 4), dtype=wide) / count)


def _next_to(nodata: float, dtype: np.dtype[Any]) -> float | int:
    """A number beside nodata that no reader takes for it."""
    if dtype.kind in "iu":
        return int(nodata) + (1 if nodata < np.iinfo(dtype).max else -1)
    return float(nodata + 8 * np.spacing(dtype.type(nodata).real))


RESAMPLINGS: Mapping[str, Callable[[Resolution, float | None], Resolution]] = {
    "nearest": _nearest,
    "average": _average,
}
