"""RS_StatsMerge: statistics of disjoint pixels as those of all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import values_of
from rasteret_sql.duck.arrow.fits import duck_type, fields_of, list_like
from rasteret_sql.duck.kernels.stats_rows import NEEDED, Row, number_lists, statistics_of, statistics_row
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.zones.distribution import merged, require_percentile
from rasteret_sql.raster.zones.tally import Statistics, merge_moments


def stats_merge(stats: pa.Array, percentiles: pa.Array) -> list[Row | None]:
    """Each row's list of statistics as one; NULL where it holds none."""
    if not pa.types.is_null(stats.type):
        _require_statistics(stats)
    percents = number_lists(percentiles, "percentiles")
    merged_rows: list[Row | None] = []
    for listed, wanted in zip(values_of(stats), percents, strict=True):
        for percent in wanted or ():
            require_percentile(percent)
        parts = [statistics_of(row) for row in listed or () if row is not None]
        if not parts:
            merged_rows.append(None)
            continue
        whole = merge(parts)
        merged_rows.append(statistics_row(whole, wanted, histogram=whole.distribution is not None))
    return merged_rows


def merge(parts: Sequence[Statistics]) -> Statistics:
    """Of disjoint pixels; the distribution is known where every part that has pixels tells its own."""
    if len({part.weighted for part in parts}) > 1:
        raise ArgumentError(
            "some statistics were made with coverage := true and others without; "
            "merge those that count pixels in the same way"
        )
    counted = [part for part in parts if part.moments is not None]
    spreads = [part.distribution for part in counted if part.distribution is not None]
    return Statistics(
        pixels=math.fsum(part.pixels for part in parts),
        moments=merge_moments([part.moments for part in counted if part.moments]) if counted else None,
        distribution=merged(spreads) if spreads and len(spreads) == len(counted) else None,
        weighted=parts[0].weighted,
    )


def _require_statistics(stats: pa.Array) -> None:
    kind = stats.type
    names = fields_of(kind.value_type) if list_like(kind) else []
    if list_like(kind) and (pa.types.is_null(kind.value_type) or set(NEEDED) <= set(names)):
        return
    lacking = [name for name in NEEDED if name not in names]
    raise ArgumentError(
        f"stats is a value of type {duck_type(kind)[:200]}: a list of values of RS_ZonalStatsAll was expected"
        + (f"; it lacks {', '.join(lacking)}" if names else "")
    )
