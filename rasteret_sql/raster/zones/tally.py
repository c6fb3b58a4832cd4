"""Statistics of pixels that come in pieces: exact, whatever the pieces.

Integers of up to 16 bits are counted value by value, and all else follows from the counts in whole numbers.
Of other pixels the moments are kept, each piece in two passes of float64, and merged as Chan, Golub and
LeVeque do; the values themselves are collected only where something is asked that needs them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Floats, is_inexact
from rasteret_sql.errors import LimitError, UnsupportedError
from rasteret_sql.raster.zones.distribution import Distribution, distribution, merged
from rasteret_sql.settings import settings

Values = npt.NDArray[Any]
EXACT_SQUARES = 1 << 30
"""So many squares of 16 bits add up within 63 bits."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Count, sum and spread: what merges without the pixels."""

    count: float
    """Pixels; with fractional coverage the sum of the fractions."""
    sum: float
    mean: float
    m2: float
    """Sum of the squared distances from the mean."""
    min: float
    max: float


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What is known of the pixels of one zone."""

    pixels: float
    """That the zone covers, usable or not."""
    moments: Moments | None
    """None when no pixel was counted."""
    distribution: Distribution | None
    """None also when it was not asked for."""
    weighted: bool

    @property
    def count(self) -> float:
        return 0.0 if self.moments is None else self.moments.count

    @property
    def valid_fraction(self) -> float | None:
        """Count over pixels; None where the zone covers no pixel."""
        if not self.pixels:
            return None
        # both are sums of the same fractions, in another order
        return 1.0 if math.isclose(self.count, self.pixels, rel_tol=1e-12) else self.count / self.pixels

    @property
    def variance(self) -> float | None:
        """Of whole pixels that of a sample (Sedona); of fractions that of a population (exactextract)."""
        if self.moments is None:
            return None
        return variance(self.moments, weighted=self.weighted)


def variance(moments: Moments, *, weighted: bool) -> float:
    """Sample variance (0 for one pixel), or population variance where pixels are fractions."""
    freedom = moments.count if weighted else moments.count - 1
    return moments.m2 / freedom if freedom > 0 else 0.0


class Tally:
    """Counts the pixels of one zone, piece by piece."""

    def __init__(self, *, weighted: bool, distribution: bool, name: str) -> None:
        self.weighted = weighted
        self._distribution = distribution
        self._name = name
        """What a message calls the raster."""
        self._pixels: list[float] = []
        self._parts: list[Distribution] = []
        self._moments: list[Moments] = []
        self._collected: list[tuple[Values, Floats | None]] = []
        self._collected_bytes = 0

    def add(self, values: Values, weights: Floats | None, pixels: float) -> None:
        """Flat values of usable pixels, the covered fraction of each, and how many the zone covers here."""
        self._pixels.append(pixels)
        if values.dtype.kind == "f":
            number = ~np.isnan(values)
            if not number.all():
                values, weights = values[number], None if weights is None else weights[number]
        if not values.size:
            return
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            self._parts.append(distribution(values, weights))
            if len(self._parts) > 1:
                self._parts = [merged(self._parts)]
            return
        self._require_exact(values)
        self._moments.append(_moments(values, weights))
        if self._distribution:
            self._collect(values, weights)

    def _require_exact(self, values: Values) -> None:
        if values.dtype.kind == "c":
            raise UnsupportedError(f"{self._name} has {values.dtype} pixels, which have no order and no mean")
        if is_inexact(values):
            raise UnsupportedError(
                f"{self._name} has {values.dtype} pixels beyond 2^53, which are not exact as DOUBLE"
            )

    def _collect(self, values: Values, weights: Floats | None) -> None:
        limit = settings().max_read_bytes
        self._collected_bytes += values.nbytes + (0 if weights is None else weights.nbytes)
        if self._collected_bytes > limit:
            raise LimitError(
                f"a zone on {self._name} has more than {limit:,} bytes of {values.dtype} values "
                "(max_read_bytes), and median, mode, percentiles and histograms need all of them in memory. "
                "Ask for count, sum, mean, stddev, min or max alone with RS_ZonalStats, take smaller zones "
                "or a coarser level, or raise max_read_bytes"
            )
        self._collected.append((values, weights))

    def finish(self) -> Statistics:
        """The statistics of all pieces."""
        moments: Moments | None = None
        spread: Distribution | None = None
        if self._parts:
            moments = _moments_of(self._parts[0])
            spread = self._parts[0] if self._distribution else None
        elif self._moments:
            moments, spread = merge_moments(self._moments), self._spread()
        return Statistics(
            pixels=math.fsum(self._pixels), moments=moments, distribution=spread, weighted=self.weighted
        )

    def _spread(self) -> Distribution | None:
        if not self._distribution:
            return None
        parts, self._collected = self._collected, []
        values = [values for values, _ in parts]
        weights = [weights for _, weights in parts if weights is not None]
        return distribution(
            np.concatenate(values) if len(values) > 1 else values[0],
            np.concatenate(weights) if weights else None,
        )


def _moments(values: Values, weights: Floats | None) -> Moments:
    """In two passes over float64: the mean, then the distances from it."""
    floats = values.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        if weights is None:
            count = float(floats.size)
            whole = values.dtype.kind in "iu" and values.dtype.itemsize <= 4
            total = float(int(values.sum(dtype=np.int64))) if whole else float(floats.sum())
            mean = total / count
            floats -= mean
            # the second term is 0 but for the rounding of the mean
            m2 = float(np.dot(floats, floats)) - _squared(float(floats.sum())) / count
        else:
            count, total = float(weights.sum()), float((floats * weights).sum())
            mean = total / count
            floats -= mean
            m2 = float((weights * floats * floats).sum()) - _squared(float((weights * floats).sum())) / count
    return Moments(
        count=count,
        sum=total,
        mean=mean,
        m2=m2 if m2 != m2 else max(m2, 0.0),
        min=float(values.min()),
        max=float(values.max()),
    )


def _moments_of(distribution: Distribution) -> Moments:
    """Whole pixels: in whole numbers, so that every result is the nearest DOUBLE."""
    if distribution.weighted:
        return _weighted_moments(distribution)
    values, counts = distribution.values.astype(np.int64), distribution.counts
    count = int(counts.sum())
    if count <= EXACT_SQUARES:
        products = values * counts
        total, squares = int(products.sum()), int(np.dot(products, values))
    else:
        pairs = list(zip(values.tolist(), counts.tolist(), strict=True))
        total = sum(value * number for value, number in pairs)
        squares = sum(value * value * number for value, number in pairs)
    return Moments(
        count=float(count),
        sum=float(total),
        mean=total / count,
        m2=(count * squares - total * total) / count,
        min=float(values[0]),
        max=float(values[-1]),
    )


def _weighted_moments(distribution: Distribution) -> Moments:
    values, weights = distribution.values.astype(np.float64), distribution.counts
    count, total = float(weights.sum()), float((values * weights).sum())
    mean = total / count
    away = values - mean
    m2 = float((weights * away * away).sum())
    return Moments(count=count, sum=total, mean=mean, m2=m2, min=float(values[0]), max=float(values[-1]))


def merge_moments(parts: Sequence[Moments]) -> Moments:
    """Moments of all pixels from those of disjoint parts (Chan, Golub and LeVeque 1983)."""
    if len(parts) == 1:
        return parts[0]
    count, total = _sum(p.count for p in parts), _sum(p.sum for p in parts)
    mean = _sum(p.mean * (p.count / count) for p in parts)
    m2 = _sum(p.m2 + p.count * _squared(p.mean - mean) for p in parts)
    return Moments(
        count=count,
        sum=total,
        mean=total / count,
        m2=m2,
        min=min(p.min for p in parts),
        max=max(p.max for p in parts),
    )


def _sum(terms: Iterable[float]) -> float:
    """Correctly rounded; infinities, NaN and sums that overflow as IEEE adds them."""
    listed = list(terms)
    if all(map(math.isfinite, listed)):
        with contextlib.suppress(OverflowError):
            return math.fsum(listed)
    with np.errstate(over="ignore"):
        return float(np.sum(listed))


def _squared(number: float) -> float:
    """Infinity where it overflows: a power of Python's raises."""
    return number * number
