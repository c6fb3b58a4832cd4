"""Statistics as rows of SQL, and back: the one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import plain, sql, values_of
from rasteret_sql.errors import ArgumentError, LimitError
from rasteret_sql.raster.zones.distribution import Distribution
from rasteret_sql.raster.zones.tally import Moments, Statistics

MAX_VALUES = 65_536
"""Distinct values in one histogram: all that 16 bits can hold."""
NEEDED = ("count", "sum", "mean", "min", "max", "m2", "pixels", "coverage")
"""What statistics must have to be merged."""

Row = dict[str, Any]


def number_lists(column: pa.Array, name: str) -> list[list[float] | None]:
    """A list of numbers, or NULL."""
    lists: list[list[float] | None] = []
    for value in values_of(column):
        listed = plain(value)
        if listed is not None and not (
            isinstance(listed, list) and all(isinstance(n, float) and np.isfinite(n) for n in listed)
        ):
            raise ArgumentError(f"{name} := {sql(value)}: a list of numbers was expected")
        lists.append(listed)
    return lists


def statistics_row(statistics: Statistics, percentiles: Sequence[float] | None, *, histogram: bool) -> Row:
    """One value of ``types.ZONAL_STATS``; without pixels that count all but their number is NULL."""
    row: Row = {
        "count": statistics.count,
        "pixels": statistics.pixels,
        "valid_fraction": statistics.valid_fraction,
        "coverage": statistics.weighted,
    }
    moments, spread, variance = statistics.moments, statistics.distribution, statistics.variance
    if moments is not None and variance is not None:
        row |= {
            "sum": moments.sum,
            "mean": moments.mean,
            "stddev": variance**0.5,
            "variance": variance,
            "min": moments.min,
            "max": moments.max,
            "m2": moments.m2,
        }
    row |= dict.fromkeys(("median", "mode", "majority", "minority", "unique_count"))
    if spread is not None:
        row |= {
            "median": spread.median,
            "mode": spread.mode,
            "majority": spread.majority,
            "minority": spread.minority,
            "unique_count": len(spread.values),
            "percentiles": None if percentiles is None else [spread.percentile(p) for p in percentiles],
            "histogram": _counts(spread) if histogram else None,
        }
    return row


def _counts(spread: Distribution) -> Mapping[float, float]:
    if len(spread.values) > MAX_VALUES:
        raise LimitError(
            f"histogram := true: a zone has {len(spread.values):,} distinct values, and a MAP of values "
            f"holds {MAX_VALUES:,}; count them in bins with RS_Histogram"
        )
    return dict(zip(spread.values.tolist(), spread.counts.tolist(), strict=True))


def statistics_of(row: Row) -> Statistics:
    """Statistics from a value of ``types.ZONAL_STATS``, as it comes out of SQL."""
    missing = [name for name in ("count", "pixels", "coverage") if row[name] is None]
    if missing:
        raise ArgumentError(
            f"statistics without {', '.join(missing)}: pass values of RS_ZonalStatsAll as they are"
        )
    weighted, moments = bool(row["coverage"]), None
    if row["count"]:
        moments = Moments(**{name: float(row[name]) for name in ("count", "sum", "mean", "m2", "min", "max")})
    listed = row.get("histogram")
    return Statistics(
        pixels=float(row["pixels"]),
        moments=moments,
        distribution=None if listed is None else _distribution(listed, weighted),
        weighted=weighted,
    )


def _distribution(listed: Any, weighted: bool) -> Distribution:
    pairs = sorted(listed.items() if isinstance(listed, Mapping) else listed)
    return Distribution(
        values=np.array([value for value, _ in pairs], np.float64),
        counts=np.array([count for _, count in pairs], np.float64 if weighted else np.int64),
    )
