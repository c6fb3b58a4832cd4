"""Kernels of zonal statistics: RS_ZonalStats, RS_ZonalStatsAll, RS_Histogram."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import (
    asked_area,
    sql,
)
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.chip_values import rasters_or_chips
from rasteret_sql.duck.arguments.named_rasters import is_named
from rasteret_sql.duck.arguments.touching import any_touched, note_touching
from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.duck.kernels.stats_rows import Row, number_lists, statistics_row
from rasteret_sql.duck.kernels.zonal_math import of_bands, of_rasters
from rasteret_sql.errors import ArgumentError, RasteretError, value_or_raise
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.zones.distribution import require_percentile
from rasteret_sql.raster.zones.footprint import Rule
from rasteret_sql.raster.zones.scaled_statistics import scaled_statistics
from rasteret_sql.raster.zones.statistics import zonal_statistics
from rasteret_sql.raster.zones.tally import Statistics
from rasteret_sql.raster.zones.zone import ZoneRequest
from rasteret_sql.store.redact import display_href

MOMENTS = ("count", "sum", "mean", "stddev", "variance", "min", "max", "valid_fraction", "pixels", "m2")
SPREAD = ("median", "mode", "majority", "minority", "unique_count")
ALIASES = {
    "average": "mean", "avg": "mean", "sd": "stddev", "std": "stddev", "var": "variance",
    "minimum": "min", "maximum": "max", "unique": "unique_count", "variety": "unique_count",
}  # fmt: skip
"""What Sedona, rasterstats and exactextract call them as well."""
PERCENTILE = re.compile(r"percentile_(\d+(?:\.\d+)?)")
MAX_BINS = 1_000_000


@by_name
def zonal_stats(call: Call) -> list[float | None]:
    """One statistic of each row's zone."""
    bands, names = _bands_and_names(call)
    statistics = _statistics("RS_ZonalStats", call, bands, [name not in MOMENTS for name, _ in names])
    return [
        None if one is None else _value(one, name, percent)
        for one, (name, percent) in zip(statistics, names, strict=True)
    ]


@by_name
def zonal_stats_all(call: Call) -> list[Row | None]:
    """All statistics of each row's zone."""
    percents = number_lists(call["percentiles"], "percentiles")
    for listed in percents:
        for percent in listed or ():
            require_percentile(percent)
    wanted = call.flags("histogram")
    statistics = _statistics("RS_ZonalStatsAll", call, call.one_band(), [True] * len(call))
    return [
        None if one is None else statistics_row(one, listed, histogram=kept)
        for one, listed, kept in zip(statistics, percents, wanted, strict=True)
    ]


@by_name
def histogram(call: Call) -> list[list[Row] | None]:
    """The pixels in bins of equal width, of each row's zone or whole raster."""
    counts = [_bin_count(number) for number in call.integers("bins")]
    spans = [_span(listed) for listed in number_lists(call["range"], "range")]
    statistics = _statistics("RS_Histogram", call, call.one_band(), [True] * len(call))
    return [
        None if one is None else _bins(one, count, ends)
        for one, count, ends in zip(statistics, counts, spans, strict=True)
    ]


def _bin_count(number: int | None) -> int:
    if number is None or not 1 <= number <= MAX_BINS:
        raise ArgumentError(f"bins := {sql(number)}: a number from 1 to {MAX_BINS:,} was expected")
    return number


def _span(ends: Sequence[float] | None) -> tuple[float, float] | None:
    if ends is None:
        return None
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ArgumentError(f"range := {sql(list(ends))}: two numbers [least, greatest] were expected")
    return ends[0], ends[1]


def _bins(statistics: Statistics, count: int, span: tuple[float, float] | None) -> list[Row]:
    if statistics.distribution is None:
        return []
    edges, counts = statistics.distribution.bins(count, span)
    return [
        {"lower": lower, "upper": upper, "count": number}
        for lower, upper, number in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]


def _bands_and_names(call: Call) -> tuple[list[int | str], list[tuple[str, float]]]:
    """Band and statistic of each row; Sedona's short form leaves the band out: (raster, zone, 'mean')."""
    names, bands = call.values("stat"), call.values("band")
    short = [name is None and isinstance(band, str) for name, band in zip(names, bands, strict=True)]
    if any(short):
        names = [band if shortly else name for band, name, shortly in zip(bands, names, short, strict=True)]
        left = [None if shortly else band for band, shortly in zip(bands, short, strict=True)]
        call = call.with_column("band", array_of(left, "VARCHAR"))
    pairs = list(zip(call.one_band(), names, strict=True))
    known: dict[Any, tuple[str, float]] = {}
    for _, name in pairs:
        if not isinstance(name, str):
            _statistic(name)  # which refuses it
        if name not in known:
            known[name] = _statistic(name)
    return [given for given, _ in pairs], [known[name] for _, name in pairs]


def _statistic(name: Any) -> tuple[str, float]:
    """The statistic's own name, and which percentile it is."""
    plain = name.strip().lower() if isinstance(name, str) else ""
    plain = ALIASES.get(plain, plain)
    percentile = PERCENTILE.fullmatch(plain)
    if percentile:
        require_percentile(float(percentile[1]))
        return "percentile", float(percentile[1])
    if plain not in MOMENTS and plain not in SPREAD:
        expected = ", ".join(map(sql, (*MOMENTS, *SPREAD, "percentile_90")))
        raise ArgumentError(f"stat := {sql(name)}: one of {expected} was expected")
    return plain, 0.0


def _value(statistics: Statistics, name: str, percent: float) -> float | None:
    if name != "percentile":
        value: float | None = statistics_row(statistics, None, histogram=False).get(name)
        return value
    return None if statistics.distribution is None else statistics.distribution.percentile(percent)


def _statistics(
    speaker: str, call: Call, bands: Sequence[int | str], distribution: Sequence[bool]
) -> list[Statistics | None]:
    requests = _requests(call, bands, distribution)
    math = call.math() if "expression" in call else [None] * len(call)
    scales = call.scales()
    if is_named(call.raster.type):
        counted = of_rasters(call.raster, [None if r is None else value_or_raise(r) for r in requests], math)
    else:
        sources = _sources(call.raster, requests)
        for source, request in zip(sources, requests, strict=True):
            if source is not None and isinstance(request, RasteretError):
                raise request
        there = [None if isinstance(request, RasteretError) else request for request in requests]
        counted = of_bands(sources, there, math)
    statistics = zonal_statistics(counted.sources, counted.requests, counted.through)
    statistics = [
        one if one is None or scaling is None else scaled_statistics(one, scaling)
        for one, scaling in zip(statistics, counted.scalings(scales), strict=True)
    ]
    if "lenient" in call:
        _require_overlap(statistics, counted.sources, counted.requests, call.flags("lenient", default=True))
    note_touching(
        speaker,
        call[ASKED],
        touched=any_touched(
            [None if request is None else request.area for request in counted.requests], statistics
        ),
        first=lambda: _first(counted.sources, counted.requests),
    )
    return statistics


def _first(
    sources: Sequence[Raster | None], requests: Sequence[ZoneRequest | None]
) -> tuple[Aoi, Raster] | None:
    for source, request in zip(sources, requests, strict=True):
        if source is not None and request is not None and isinstance(request.area, Aoi):
            return request.area, source
    return None


def _require_overlap(
    statistics: Sequence[Statistics | None],
    sources: Sequence[Raster | None],
    requests: Sequence[ZoneRequest | None],
    lenient: Sequence[bool],
) -> None:
    for one, source, request, allowed in zip(statistics, sources, requests, lenient, strict=True):
        if one is None and source is not None and request is not None and not allowed:
            raise ArgumentError(
                f"the zone does not overlap {display_href(source.name)}; with lenient := true the answer "
                "is NULL"
            )


def _requests(
    call: Call, bands: Sequence[int | str], distribution: Sequence[bool]
) -> list[ZoneRequest | RasteretError | None]:
    zones, levels, resolutions = call.areas(), call.levels(), call.numbers("resolution")
    touched, nodata = call.flags("all_touched"), call.flags("exclude_nodata", default=True)
    fractions = call.flags("coverage")
    rules: dict[tuple[bool, bool], Rule] = {}
    requests: list[ZoneRequest | RasteretError | None] = []
    for row, area in enumerate(zones):
        if isinstance(area, RasteretError) or area is None:
            requests.append(area)
            continue
        pair = touched[row], fractions[row]
        if pair == (True, True):
            raise ArgumentError(
                "all_touched and coverage exclude each other: coverage counts parts of pixels"
            )
        requests.append(
            ZoneRequest(
                area=asked_area(area),
                bands=(bands[row],),
                level=levels[row],
                resolution=resolutions[row],
                rule=rules.setdefault(pair, Rule(all_touched=pair[0], coverage=pair[1])),
                exclude_nodata=nodata[row],
                distribution=distribution[row],
            )
        )
    return requests


def _sources(raster: pa.Array, requests: Sequence[ZoneRequest | RasteretError | None]) -> list[Raster | None]:
    """The raster of each row: an href, an index row or a chip."""
    overviews = [
        isinstance(request, ZoneRequest) and bool(request.level or request.resolution is not None)
        for request in requests
    ]
    return rasters_or_chips(raster, [request is not None for request in requests], overviews)
