"""Distinct values and how many pixels hold each: what medians, percentiles, modes and histograms need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Floats
from rasteret_sql.errors import ArgumentError

Values = npt.NDArray[Any]
SORTED = 1 << 14
"""Up to so many pixels sorting is faster than a table of all 65,536 values."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is asked of a distribution most often, where it was found for many at once."""

    median: float
    mode: float
    majority: float
    minority: float


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Values in ascending order without repetition, and the pixels of each."""

    values: Values
    counts: npt.NDArray[Any]
    """int64: whole pixels; float64: fractions of pixels (``coverage := true``)."""
    summary: Summary | None = None
    """Known already."""

    @property
    def weighted(self) -> bool:
        return self.counts.dtype.kind == "f"

    @cached_property
    def _cumulative(self) -> npt.NDArray[Any]:
        summed: npt.NDArray[Any] = np.cumsum(self.counts)
        return summed

    @property
    def median(self) -> float:
        """The 50th percentile."""
        return self.percentile(50.0) if self.summary is None else self.summary.median

    @property
    def mode(self) -> float:
        """The value of most pixels; of several the greatest (Sedona, exactextract)."""
        if self.summary is not None:
            return self.summary.mode
        return float(self.values[len(self.values) - 1 - int(np.argmax(self.counts[::-1]))])

    @property
    def majority(self) -> float:
        """The value of most pixels; of several the least (rasterstats)."""
        if self.summary is not None:
            return self.summary.majority
        return float(self.values[int(np.argmax(self.counts))])

    @property
    def minority(self) -> float:
        """The value of fewest pixels; of several the least (rasterstats, exactextract)."""
        if self.summary is not None:
            return self.summary.minority
        return float(self.values[int(np.argmin(self.counts))])

    def percentile(self, percent: float) -> float:
        """The value below which ``percent`` of 100 pixels lie, between neighbours in proportion.

        Whole pixels: Hyndman and Fan's seventh kind, as in NumPy and rasterstats. Fractions: exactextract's
        weighted form of it, in which the distinct values are the sample.
        """
        if self.weighted:
            return self._weighted_percentile(percent)
        last = int(self._cumulative[-1]) - 1
        place = percent / 100 * last
        below = min(int(place), last)
        low = float(self.values[np.searchsorted(self._cumulative, below, "right")])
        if place == below:
            return low
        high = float(self.values[np.searchsorted(self._cumulative, below + 1, "right")])
        return _between(low, high, place - below)

    def _weighted_percentile(self, percent: float) -> float:
        size = len(self.values)
        if size == 1:
            return float(self.values[0])
        before = self._cumulative - self.counts
        places = np.arange(size) * self.counts + (size - 1) * before
        wanted = percent / 100 * (size - 1) * float(self._cumulative[-1])
        right = int(np.searchsorted(places, wanted, "right"))
        if right == size:
            return float(self.values[-1])
        low, high = float(self.values[right - 1]), float(self.values[right])
        return _between(
            low, high, (wanted - float(places[right - 1])) / float(places[right] - places[right - 1])
        )

    def bins(self, count: int, span: tuple[float, float] | None) -> tuple[Floats, Floats]:
        """Edges of ``count`` bins of equal width over ``span``, and the pixels in each.

        A bin holds its lower edge, and the last one both, as in ``numpy.histogram``; the span is that of the
        values if it is not given, and half a unit to both sides of a single value.
        """
        low, high = span or (float(self.values[0]), float(self.values[-1]))
        try:
            counts, edges = np.histogram(
                self.values.astype(np.float64),
                bins=count,
                range=(low, high),
                weights=self.counts.astype(np.float64),
            )
        except ValueError as error:  # infinite pixels, or ends with no numbers between them
            raise ArgumentError(
                f"no {count} bins of equal width lie between {low:g} and {high:g}; "
                "give range := [least, greatest]"
            ) from error
        return edges, counts


def _between(low: float, high: float, fraction: float) -> float:
    """NumPy's ``lerp``: from the nearer end, so that equal ends give that very value."""
    step = high - low
    return high - step * (1 - fraction) if fraction >= 0.5 else low + step * fraction


def distribution(values: Values, weights: Floats | None) -> Distribution:
    """Of a flat array of pixels, with the covered fraction of each if they are weighted."""
    narrow = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    if narrow and (weights is not None or values.size > SORTED):
        return _tabled(values, weights)
    if weights is None:
        ordered = np.sort(values)
        starts = _starts(ordered)
        return Distribution(values=ordered[starts], counts=np.diff(starts, append=len(ordered)))
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = _starts(ordered)
    return Distribution(values=ordered[starts], counts=np.add.reduceat(weights[order], starts))


def _starts(ordered: Values) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def _tabled(values: Values, weights: Floats | None) -> Distribution:
    """By a table with a place for each possible value between the least and the greatest."""
    least = int(values.min())
    table = np.bincount(values.astype(np.int64) - least, weights)
    there = np.flatnonzero(table)
    return Distribution(values=(there + least).astype(values.dtype), counts=table[there])


def merged(parts: Sequence[Distribution]) -> Distribution:
    """Several distributions of one kind as one."""
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([part.values for part in parts])
    return collected(values, np.concatenate([part.counts for part in parts]))


def collected(values: Values, counts: npt.NDArray[Any]) -> Distribution:
    """The distribution of values in any order, of which some may repeat."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = _starts(ordered)
    return Distribution(values=ordered[starts], counts=np.add.reduceat(counts[order], starts))


def require_percentile(percent: float) -> None:
    """ArgumentError for what is not a percentile."""
    if not 0 <= percent <= 100:
        raise ArgumentError(f"{percent:g} is not a percentile: they lie between 0 and 100")
