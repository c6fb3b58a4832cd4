"""Resampling over the area of a target pixel: average, mode, min and max.

The area is a box of source pixels: that of the transformed corners of the target pixel's diagonal, as in
GDAL's warper. Where a target pixel is turned against the source by more than 15 degrees such a box is too
narrow, at 45 degrees a line; there the area is the pixel's outline, and every source pixel counts by the
part of it that lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats, Pixels
from rasteret_sql.raster.warp.resample_outline import outlines, shares, turned_pixels

Integers = npt.NDArray[np.intp]
Tap = tuple[Integers, Bools, Floats]
"""Flat index of a source pixel under each target pixel, whether it is there and valid, and its weight."""

TIE = 1e-8
"""Pixels by which a place may miss an edge and still lie on it. GDAL: 1e-10, but degrees are less exact."""
TORN = 3.0
"""A box wider than half the globe, and so many times wider than others, was torn by the antimeridian."""
MAX_PIXELS_AT_ONCE = 1 << 22
"""Source pixels looked at together."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The source columns, or rows, under each target pixel."""

    low: Floats
    high: Floats
    start: Integers
    stop: Integers

    @property
    def longest(self) -> int:
        return int((self.stop - self.start).max(initial=0))

    def weight(self, i: int) -> Floats:
        """How much of the ``i``-th pixel of each span lies inside: 1 but at both ends."""
        at = self.start + i
        single = self.stop - self.start == 1
        first = np.where(single, 1.0, 1.0 - (self.low - at))
        last = 1.0 - (self.stop - self.high)
        weight = np.where(i == 0, first, np.where(at + 1 == self.stop, last, 1.0))
        return np.where(at < self.stop, np.maximum(weight, 0.0), 0.0)

    def of(self, places: Integers) -> Span:
        """Those of some target pixels."""
        return Span(
            low=self.low[places], high=self.high[places], start=self.start[places], stop=self.stop[places]
        )


@dataclass(frozen=True, kw_only=True)
class Areas:
    """The source pixels under each target pixel."""

    columns: Span
    rows: Span
    turned: Bools
    """Whose area is the outline within the box."""
    x: Floats
    y: Floats
    """Outlines, (4, pixels)."""

    def of(self, places: Integers) -> Areas:
        """Those of some target pixels."""
        return Areas(
            columns=self.columns.of(places),
            rows=self.rows.of(places),
            turned=self.turned[places],
            x=self.x[:, places],
            y=self.y[:, places],
        )

    def groups(self, *, bounded: bool) -> list[Integers]:
        """Places of one kind with boxes of about one size: each costs as much as the largest of its group.

        ``bounded``: groups of no more pixels than may be looked at together.
        """
        columns, rows = self.columns, self.rows
        areas = (columns.stop - columns.start) * (rows.stop - rows.start)
        sizes = np.floor(np.log2(np.maximum(areas, 1)) / 4) * 2 + self.turned
        groups = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
        if not bounded:
            return groups
        cut = []
        for group in groups:
            each = max(1, columns.of(group).longest * rows.of(group).longest)
            cut.extend(np.array_split(group, math.ceil(len(group) * each / MAX_PIXELS_AT_ONCE)))
        return cut

    def taps(self, pixels: Pixels, valid: Bools | None) -> Iterator[Tap]:
        """Of pixels of one kind, row by row."""
        height, width = pixels.shape[1:]
        mask = None if valid is None else valid.ravel()
        columns, rows = self.columns, self.rows
        outlined = bool(self.turned.any())
        weights = [] if outlined else [columns.weight(i) for i in range(columns.longest)]
        for j in range(rows.longest):
            row, row_weight = np.minimum(rows.start + j, height - 1), rows.weight(j)
            row_there = rows.start + j < rows.stop
            across = (
                shares(self.x, self.y, columns.start, rows.start + j, across=columns.longest)
                if outlined
                else (row_weight * weight for weight in weights)
            )
            for i, weight in enumerate(across):
                at = row * width + np.minimum(columns.start + i, width - 1)
                there = row_there & (columns.start + i < columns.stop)
                if outlined:
                    there &= weight > 0
                if mask is not None:
                    there &= mask.take(at)
                yield at, there, weight


def areas_under(
    x: Floats, y: Floats, shape: tuple[int, int], steps: tuple[float, float], half_turn: float
) -> Areas:
    """What lies under each pixel, flat; ``x`` and ``y`` are places of the pixels' corners.

    ``shape``: rows and columns of the source. ``half_turn``: columns of the source around half the globe.
    """
    turned, areas = turned_pixels(x, y), []
    around = outlines(x), outlines(y)
    for places, size, step in ((around[0], shape[1], steps[0]), (around[1], shape[0], steps[1])):
        low, high = (
            np.where(turned, reduce.reduce(places), reduce(places[0], places[2]))
            for reduce in (np.minimum, np.maximum)
        )
        torn = high - low > max(TORN * step + 2, half_turn)
        if torn.any():
            low, turned = np.where(torn, np.maximum(high - step, low), low), turned & ~torn
        outside = ~((high > TIE) & (low < size - TIE))  # NaN compares false
        low, high = (np.clip(np.where(outside, 0.0, side), 0, size) for side in (low, high))
        start = np.floor(low + TIE).astype(np.intp)
        stop = np.minimum(np.ceil(high - TIE).astype(np.intp), size)
        stop = np.where((stop <= start) & (start < size), start + 1, stop)
        stop = np.where(outside, start, stop)
        areas.append(Span(low=low, high=high, start=start, stop=stop))
    return Areas(columns=areas[0], rows=areas[1], turned=turned, x=around[0], y=around[1])


def resample_area(pixels: Pixels, valid: Bools | None, areas: Areas, resampling: str) -> tuple[Pixels, Bools]:
    """Values of (bands, places), in float64 for the average, and which of them are valid."""
    run = REDUCTIONS[resampling]
    groups = areas.groups(bounded=resampling == "mode")
    if len(groups) == 1:
        return run(pixels, valid, areas)
    parts = [run(pixels, valid, areas.of(group)) for group in groups]
    back = np.argsort(np.concatenate(groups))
    return (
        np.concatenate([values for values, _ in parts], axis=1)[:, back],
        np.concatenate([good for _, good in parts])[back],
    )


def _average(pixels: Pixels, valid: Bools | None, areas: Areas) -> tuple[Floats, Bools]:
    """Mean by area of the valid pixels, as float64: (bands, places), and where there are any."""
    flat = pixels.reshape(len(pixels), -1)
    count = len(areas.turned)
    mean, weights = np.zeros((len(pixels), count)), np.zeros(count)
    for at, there, weight in areas.taps(pixels, valid):
        counted = np.where(there, weight, 0.0)
        weights += counted
        share = np.where(counted > 0, counted, 0.0) / np.where(weights > 0, weights, 1.0)
        # value by value, so that a mean of equal values is that value
        mean += share * np.where(counted > 0, flat.take(at, axis=1) - mean, 0.0)
    return mean, weights > 0


def _extreme(pixels: Pixels, valid: Bools | None, areas: Areas, *, largest: bool) -> tuple[Pixels, Bools]:
    """Least or greatest valid pixel, in the dtype of ``pixels``."""
    flat = pixels.reshape(len(pixels), -1)
    best = np.zeros((len(pixels), len(areas.turned)), pixels.dtype)
    seen = np.zeros(len(areas.turned), np.bool_)
    for at, there, _ in areas.taps(pixels, valid):
        values = flat.take(at, axis=1)
        better = values > best if largest else values < best
        best = np.where(there & (better | ~seen), values, best)
        seen |= there
    return best, seen


def _mode(pixels: Pixels, valid: Bools | None, areas: Areas) -> tuple[Pixels, Bools]:
    """The value of most valid pixels, whatever their share in a box; of several, the first to be so many.

    Within an outline, the value of most of its area.
    """
    taps = list(areas.taps(pixels, valid))
    if not taps:
        nothing = np.zeros(len(areas.turned), np.bool_)
        return np.zeros((len(pixels), len(nothing)), pixels.dtype), nothing
    at = np.stack([tap[0] for tap in taps], axis=1)
    there = np.stack([tap[1] for tap in taps], axis=1)
    seen: Bools = np.any(there, axis=1)
    if areas.turned.any():
        weights = np.stack([tap[2] for tap in taps], axis=1) * there
        return np.stack([_mode_by_weight(band.ravel().take(at), weights) for band in pixels]), seen
    return np.stack([_mode_of_rows(band.ravel().take(at), there) for band in pixels]), seen


def _mode_of_rows(values: Pixels, there: Bools) -> Pixels:
    """Of each row of ``values``."""
    count = values.shape[1]
    distinct, codes = np.unique(values, return_inverse=True)
    codes = np.where(there, codes.reshape(values.shape), len(distinct))
    order = np.argsort(codes, axis=1, kind="stable")
    ranked = np.take_along_axis(codes, order, axis=1)
    place = np.arange(count)
    begins = np.zeros(ranked.shape, np.intp)
    begins[:, 1:] = np.where(ranked[:, 1:] != ranked[:, :-1], place[1:], 0)
    so_many = place - np.maximum.accumulate(begins, axis=1) + 1
    score = np.where(ranked < len(distinct), so_many * count + (count - 1 - order), -1)
    winner = np.take_along_axis(order, score.argmax(axis=1)[:, None], axis=1)
    picked: Pixels = np.take_along_axis(values, winner, axis=1)[:, 0]
    return picked


def _mode_by_weight(values: Pixels, weights: Floats) -> Pixels:
    """Of each row of ``values``, the one whose weights are most; of several, the least."""
    order = np.argsort(values, axis=1, kind="stable")
    ranked, sums = (np.take_along_axis(each, order, axis=1) for each in (values, weights))
    for last in range(1, sums.shape[1]):  # what equals its neighbour takes over its sum
        sums[:, last] += np.where(ranked[:, last] == ranked[:, last - 1], sums[:, last - 1], 0.0)
    picked: Pixels = np.take_along_axis(ranked, np.round(sums, 9).argmax(axis=1)[:, None], axis=1)[:, 0]
    return picked


Reduction = Callable[[Pixels, Bools | None, Areas], tuple[Pixels, Bools]]
REDUCTIONS: Mapping[str, Reduction] = {
    "average": _average,
    "mode": _mode,
    "min": partial(_extreme, largest=False),
    "max": partial(_extreme, largest=True),
}
