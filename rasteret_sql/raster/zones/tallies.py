"""Statistics of many zones at once: pixels of integers of up to 16 bits, counted by zone and value.

What ``tally.Tally`` finds for one zone, found for all in a few passes over one array; of whole pixels to the
last bit, because both count in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Floats, Integers
from rasteret_sql.raster.zones.distribution import Distribution, Summary
from rasteret_sql.raster.zones.tally import Moments, Statistics

MAX_PIXELS = 1 << 14
"""Of one zone: its count times the sum of its squares then stays within 63 bits."""

CELLS_A_PIXEL, FREE_CELLS = 4, 65_536
"""A larger table than this takes longer than sorting."""


@dataclass(frozen=True, kw_only=True)
class _Runs:
    """Equal values of one zone, in the order of zones and values."""

    values: Integers
    counts: npt.NDArray[Any]
    """Pixels, int64; or the sum of their fractions, float64."""
    bounds: Integers
    """Where the runs of each zone begin, and the end."""
    zones: Integers
    """Those that have any."""

    @property
    def first(self) -> Integers:
        return self.bounds[self.zones]

    @property
    def end(self) -> Integers:
        return self.bounds[self.zones + 1]


def statistics_of_many(
    values: npt.NDArray[Any],
    owner: Integers,
    weights: Floats | None,
    pixels: Sequence[float],
    *,
    weighted: bool,
) -> list[Statistics]:
    """Of each of ``len(pixels)`` zones.

    ``values`` are usable pixels, ``owner`` the number of each one's zone, ``weights`` its covered fraction,
    and ``pixels`` what each zone covers, usable or not. No zone has more than ``MAX_PIXELS``.
    """
    answers = [
        Statistics(pixels=number, moments=None, distribution=None, weighted=weighted) for number in pixels
    ]
    if not len(values):
        return answers
    runs = _runs(values, owner, weights, len(pixels))
    moments = _weighted_moments(runs) if weighted else _whole_moments(runs)
    summaries = _summaries(runs, _weighted_medians(runs) if weighted else _medians(runs))
    narrow = runs.values.astype(values.dtype)
    spans = zip(runs.first.tolist(), runs.end.tolist(), strict=True)
    rows = zip(runs.zones.tolist(), spans, moments, summaries, strict=True)
    for zone, (first, end), own, summary in rows:
        answers[zone] = Statistics(
            pixels=pixels[zone],
            moments=own,
            distribution=Distribution(
                values=narrow[first:end], counts=runs.counts[first:end], summary=summary
            ),
            weighted=weighted,
        )
    return answers


def _runs(values: npt.NDArray[Any], owner: Integers, weights: Floats | None, zones: int) -> _Runs:
    """By a table with a place for each possible value of each zone, or sorted where that would be large."""
    lengths = np.bincount(owner, minlength=zones)
    there = np.flatnonzero(lengths)
    lengths = lengths[there]
    starts = np.cumsum(lengths) - lengths
    least = np.minimum.reduceat(values, starts).astype(np.int64)
    ends = np.cumsum(np.maximum.reduceat(values, starts) - least + 1)
    if ends[-1] > CELLS_A_PIXEL * len(values) + FREE_CELLS:
        return _sorted_runs(values, owner, weights, zones)
    shift = np.append(0, ends[:-1]) - least
    table = np.bincount(values + np.repeat(shift, lengths), weights, minlength=int(ends[-1]))
    cells = np.flatnonzero(table)
    edges = np.searchsorted(cells, np.append(0, ends))
    bounds = np.zeros(zones + 1, np.int64)
    bounds[there + 1] = np.diff(edges)
    return _Runs(
        values=cells - np.repeat(shift, np.diff(edges)),
        counts=table[cells],
        bounds=np.cumsum(bounds),
        zones=there,
    )


def _sorted_runs(values: npt.NDArray[Any], owner: Integers, weights: Floats | None, zones: int) -> _Runs:
    least = int(values.min())
    key = (owner << 16) + (values.astype(np.int64) - least)
    if weights is None:
        ordered = np.sort(key.astype(np.uint32) if zones < 1 << 16 else key)
    else:  # the number of the pixel beside its key is sorted faster than numbers by their keys
        both = np.sort((key << 32) + np.arange(len(key)))
        ordered, weights = both >> 32, weights[both & 0xFFFFFFFF]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    distinct = ordered[starts].astype(np.int64)
    lengths = np.diff(starts, append=len(ordered))
    bounds = np.searchsorted(distinct, np.arange(zones + 1) << 16)
    return _Runs(
        values=(distinct & 0xFFFF) + least,
        counts=lengths if weights is None else _sums(weights, lengths),
        bounds=bounds,
        zones=np.flatnonzero(np.diff(bounds)),
    )


def _sums(weights: Floats, lengths: Integers) -> Floats:
    """Of each run, added up one after the other."""
    sums: Floats = np.bincount(np.repeat(np.arange(len(lengths)), lengths), weights).astype(np.float64)
    return sums


def _whole_moments(runs: _Runs) -> list[Moments]:
    first = runs.first
    count = np.add.reduceat(runs.counts, first)
    total = np.add.reduceat(runs.values * runs.counts, first)
    squares = np.add.reduceat(runs.values * runs.values * runs.counts, first)
    spread = (count * squares - total * total).tolist()
    counts = count.tolist()
    # quotients of Python's whole numbers are rounded once
    m2 = [above / number for above, number in zip(spread, counts, strict=True)]
    return _moments(runs, counts, total.tolist(), (total / count).tolist(), m2)


def _weighted_moments(runs: _Runs) -> list[Moments]:
    first = runs.first
    values = runs.values.astype(np.float64)
    count = np.add.reduceat(runs.counts, first)
    total = np.add.reduceat(values * runs.counts, first)
    mean = total / count
    away = values - np.repeat(mean, runs.end - first)
    m2 = np.add.reduceat(runs.counts * away * away, first)
    return _moments(runs, count.tolist(), total.tolist(), mean.tolist(), m2.tolist())


def _moments(
    runs: _Runs, count: list[float], total: list[float], mean: list[float], m2: list[float]
) -> list[Moments]:
    least, most = runs.values[runs.first].tolist(), runs.values[runs.end - 1].tolist()
    return [
        Moments(count=float(a), sum=float(b), mean=c, m2=d, min=float(e), max=float(f))
        for a, b, c, d, e, f in zip(count, total, mean, m2, least, most, strict=True)
    ]


def _summaries(runs: _Runs, medians: Floats) -> list[Summary]:
    first, end, counts = runs.first, runs.end, runs.counts
    per_zone = end - first
    most = np.flatnonzero(counts == np.repeat(np.maximum.reduceat(counts, first), per_zone))
    fewest = np.flatnonzero(counts == np.repeat(np.minimum.reduceat(counts, first), per_zone))
    columns = (
        medians,
        runs.values[most[np.searchsorted(most, end) - 1]],
        runs.values[most[np.searchsorted(most, first)]],
        runs.values[fewest[np.searchsorted(fewest, first)]],
    )
    return [
        Summary(median=median, mode=float(mode), majority=float(majority), minority=float(minority))
        for median, mode, majority, minority in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _medians(runs: _Runs) -> Floats:
    """The middle pixel, or between the two in the middle."""
    ends = np.cumsum(runs.counts)
    count = np.add.reduceat(runs.counts, runs.first)
    begin = ends[runs.end - 1] - count
    low = runs.values[np.searchsorted(ends, begin + (count - 1) // 2, "right")]
    high = runs.values[np.searchsorted(ends, begin + count // 2, "right")]
    medians: Floats = (low + high) / 2
    return medians


def _weighted_medians(runs: _Runs) -> Floats:
    """As ``Distribution.percentile`` does it: the distinct values of a zone are the sample."""
    first, last, lengths = runs.first, runs.end - 1, runs.end - runs.first
    ends = np.cumsum(runs.counts)
    begin = ends[first] - runs.counts[first]
    rank = np.arange(len(ends)) - np.repeat(first, lengths)
    before = ends - runs.counts - np.repeat(begin, lengths)
    places = rank * runs.counts + np.repeat(lengths - 1, lengths) * before
    wanted = 0.5 * (lengths - 1) * (ends[last] - begin)
    right = first + np.add.reduceat((places <= np.repeat(wanted, lengths)).astype(np.int64), first)
    high, low = np.minimum(right, last), np.maximum(right - 1, first)
    step = np.where(high > low, places[high] - places[low], 1.0)
    medians: Floats = (
        runs.values[low] + (runs.values[high] - runs.values[low]) * (wanted - places[low]) / step
    )
    return medians
