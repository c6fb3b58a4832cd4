"""What becomes of the pixels of several chips at one place: first, last, min, max, mean, median, count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Pixels
from rasteret_sql.errors import LimitError
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.mosaic.shared_grid import SharedGrid
from rasteret_sql.raster.valid_pixels import valid_mask

Valid = npt.NDArray[np.bool_]
Answer = tuple[Pixels, Valid]
"""Pixels and, of each, whether any chip had one."""
STRIP_BYTES = 32 << 20
"""Pixels of all chips that the median sorts at once."""
MAX_CHIPS_COUNTED = 2**16 - 1


@dataclass(frozen=True, kw_only=True)
class Job:
    """Chips and the grid that they are put on."""

    chips: Sequence[Chip]
    grid: SharedGrid

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.chips[0].pixels), self.grid.height, self.grid.width

    def pieces(self, *, last_first: bool = False) -> Iterator[tuple[tuple[slice, ...], Pixels, Valid]]:
        """Where each chip lies in the result, its pixels, and which of them are usable."""
        numbers = range(len(self.chips))
        for number in reversed(numbers) if last_first else numbers:
            window, chip = self.grid.windows[number], self.chips[number]
            rows = slice(window.y_off, window.y_off + window.height)
            columns = slice(window.x_off, window.x_off + window.width)
            yield (slice(None), rows, columns), chip.pixels, valid_mask(chip)


def _first(job: Job, *, last_first: bool = False) -> Answer:
    pixels, there = _empty(job, job.chips[0].pixels.dtype)
    for where, given, good in job.pieces(last_first=last_first):
        good &= ~there[where]
        np.copyto(pixels[where], given, where=good)
        there[where] |= good
    return pixels, there


def _last(job: Job) -> Answer:
    return _first(job, last_first=True)


def _extreme(choose: np.ufunc) -> Callable[[Job], Answer]:
    def extreme(job: Job) -> Answer:
        pixels, there = _empty(job, job.chips[0].pixels.dtype)
        for where, given, good in job.pieces():
            known = there[where]
            choose(pixels[where], given, out=pixels[where], where=good & known)
            np.copyto(pixels[where], given, where=good & ~known)
            known |= good
        return pixels, there

    return extreme


def _mean(job: Job) -> Answer:
    dtype = job.chips[0].pixels.dtype
    total = np.zeros(job.shape, np.complex128 if dtype.kind == "c" else np.float64)
    count = _count(job)[0]
    for where, given, good in job.pieces():
        np.add(total[where], given, out=total[where], where=good)
    there = count > 0
    np.divide(total, count, out=total, where=there)
    return total.astype(mean_dtype(dtype), copy=False), there


def _count(job: Job) -> Answer:
    if len(job.chips) > MAX_CHIPS_COUNTED:
        raise LimitError(f"{len(job.chips):,} chips of one mosaic; at most {MAX_CHIPS_COUNTED:,} are counted")
    count = np.zeros(job.shape, np.uint16)
    for where, _, good in job.pieces():
        count[where] += good
    return count, count > 0


def _median(job: Job) -> Answer:
    """Strip by strip: the usable pixels of all chips sorted to the front, and the middle one or two."""
    dtype = job.chips[0].pixels.dtype
    pixels, there = _empty(job, mean_dtype(dtype))
    bands, rows, columns = job.shape
    step = max(1, STRIP_BYTES // (len(job.chips) * bands * columns * dtype.itemsize))
    for top in range(0, rows, step):
        bottom = min(top + step, rows)
        stack, count = _strip(job, top, bottom)
        stack.sort(axis=0)
        low = np.take_along_axis(stack, np.maximum(count - 1, 0)[np.newaxis] // 2, axis=0)[0]
        high = np.take_along_axis(stack, np.minimum(count // 2, len(stack) - 1)[np.newaxis], axis=0)[0]
        middle = low.astype(np.float64)
        np.add(middle / 2, high.astype(np.float64) / 2, out=middle, where=low != high)
        pixels[:, top:bottom] = middle
        there[:, top:bottom] = count > 0
    return pixels, there


def _strip(job: Job, top: int, bottom: int) -> tuple[Pixels, npt.NDArray[np.intp]]:
    """Pixels of some rows, ``(chips, bands, rows, columns)``, the largest for none; and their number."""
    bands, _, columns = job.shape
    dtype = job.chips[0].pixels.dtype
    largest = np.iinfo(dtype).max if dtype.kind in "iu" else np.inf
    stack = np.full((len(job.chips), bands, bottom - top, columns), largest, dtype.newbyteorder("="))
    count = np.zeros(stack.shape[1:], np.intp)
    for layer, window, chip in zip(stack, job.grid.windows, job.chips, strict=True):
        start, stop = max(top, window.y_off), min(bottom, window.y_off + window.height)
        if start >= stop:
            continue
        own = slice(start - window.y_off, stop - window.y_off)
        part = _rows(chip, own)
        good = valid_mask(part)
        where = (
            slice(None),
            slice(start - top, stop - top),
            slice(window.x_off, window.x_off + window.width),
        )
        np.copyto(layer[where], part.pixels, where=good)
        count[where] += good
    return stack, count


def _rows(chip: Chip, rows: slice) -> Chip:
    return Chip(
        pixels=chip.pixels[:, rows],
        valid=None if chip.valid is None else chip.valid[rows],
        transform=chip.transform,
        crs=chip.crs,
        nodata=chip.nodata,
    )


def _empty(job: Job, dtype: np.dtype[Any]) -> Answer:
    return np.zeros(job.shape, dtype.newbyteorder("=")), np.zeros(job.shape, np.bool_)


def mean_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of means of integers; floats and complex numbers keep theirs."""
    if dtype.kind in "iu":
        return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
    return dtype.newbyteorder("=")


METHODS: Mapping[str, Callable[[Job], Answer]] = {
    "first": _first,
    "last": _last,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "mean": _mean,
    "median": _median,
    "count": _count,
}
