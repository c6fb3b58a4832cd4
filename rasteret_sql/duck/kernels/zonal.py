"""Kernels of zonal statistics: RS_ZonalStats, RS_ZonalStatsAll, RS_Histogram."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import (
    areas,
    asked_area,
    band_lists,
    flags,
    integers,
    levels_of,
    numbers,
    sql,
    values_of,
)
from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.named_rasters import is_named
from rasteret_sql.duck.arguments.pixel_math import asked_math, scales_of
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arguments.touching import any_touched, note_touching
from rasteret_sql.duck.kernels.stats_rows import Row, number_lists, statistics_row
from rasteret_sql.duck.kernels.zonal_math import of_bands, of_rasters
from rasteret_sql.errors import ArgumentError, RasteretError, sound
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.zones.distribution import require_percentile
from rasteret_sql.raster.zones.footprint import Rule
from rasteret_sql.raster.zones.scaled_statistics import scaled_statistics
from rasteret_sql.raster.zones.statistics import zonal_statistics
from rasteret_sql.raster.zones.tally import Statistics
from rasteret_sql.raster.zones.zone import Source, ZoneRequest
from rasteret_sql.store.redact import place

MOMENTS = ("count", "sum", "mean", "stddev", "variance", "min", "max", "valid_fraction", "pixels", "m2")
SPREAD = ("median", "mode", "majority", "minority", "unique_count")
ALIASES = {
    "average": "mean", "avg": "mean", "sd": "stddev", "std": "stddev", "var": "variance",
    "minimum": "min", "maximum": "max", "unique": "unique_count", "variety": "unique_count",
}  # fmt: skip
"""What Sedona, rasterstats and exactextract call them as well."""
PERCENTILE = re.compile(r"percentile_(\d+(?:\.\d+)?)")
MOST_BINS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class _Arguments:
    """The columns that all of these functions share."""

    speaker: str
    """The function that asks."""
    raster: pa.Array
    zone: pa.Array
    zone_type: pa.Array
    aoi_crs: pa.Array
    bands: Sequence[int | str]
    all_touched: pa.Array
    exclude_nodata: pa.Array
    coverage: pa.Array
    level: pa.Array
    resolution: pa.Array
    math: Sequence[BandMath | None]
    scale: Sequence[bool | None]
    """Of each row whether physical values are counted where no expression says what is."""


def zonal_stats(
    raster: pa.Array, zone: pa.Array, zone_type: pa.Array, band: pa.Array, stat: pa.Array,
    all_touched: pa.Array, exclude_nodata: pa.Array, lenient: pa.Array, coverage: pa.Array,
    level: pa.Array, resolution: pa.Array, aoi_crs: pa.Array, expression: pa.Array, mask: pa.Array,
    scale: pa.Array,
) -> list[float | None]:  # fmt: skip
    """One statistic of each row's zone."""
    bands, names = _bands_and_names(band, stat)
    asked = _Arguments(
        speaker="RS_ZonalStats",
        raster=raster, zone=zone, zone_type=zone_type, aoi_crs=aoi_crs, bands=bands, all_touched=all_touched,
        exclude_nodata=exclude_nodata, coverage=coverage, level=level, resolution=resolution,
        math=asked_math(raster, expression, mask, scale), scale=scales_of(raster, scale),
    )  # fmt: skip
    found = _statistics(asked, [name not in MOMENTS for name, _ in names], lenient)
    return [
        None if one is None else _value(one, name, percent)
        for one, (name, percent) in zip(found, names, strict=True)
    ]


def zonal_stats_all(
    raster: pa.Array, zone: pa.Array, zone_type: pa.Array, band: pa.Array,
    all_touched: pa.Array, exclude_nodata: pa.Array, lenient: pa.Array, coverage: pa.Array,
    percentiles: pa.Array, histogram: pa.Array, level: pa.Array, resolution: pa.Array, aoi_crs: pa.Array,
    expression: pa.Array, mask: pa.Array, scale: pa.Array,
) -> list[Row | None]:  # fmt: skip
    """All statistics of each row's zone."""
    asked = _Arguments(
        speaker="RS_ZonalStatsAll",
        raster=raster, zone=zone, zone_type=zone_type, aoi_crs=aoi_crs, bands=_bands(band),
        all_touched=all_touched, exclude_nodata=exclude_nodata, coverage=coverage, level=level,
        resolution=resolution, math=asked_math(raster, expression, mask, scale),
        scale=scales_of(raster, scale),
    )  # fmt: skip
    percents = number_lists(percentiles, "percentiles")
    for listed in percents:
        for percent in listed or ():
            require_percentile(percent)
    wanted = flags(histogram, "histogram")
    found = _statistics(asked, [True] * len(raster), lenient)
    return [
        None if one is None else statistics_row(one, listed, histogram=kept)
        for one, listed, kept in zip(found, percents, wanted, strict=True)
    ]


def histogram(
    raster: pa.Array, band: pa.Array, bins: pa.Array, span: pa.Array, zone: pa.Array, zone_type: pa.Array,
    all_touched: pa.Array, exclude_nodata: pa.Array, coverage: pa.Array, level: pa.Array,
    resolution: pa.Array, aoi_crs: pa.Array, scale: pa.Array,
) -> list[list[Row] | None]:  # fmt: skip
    """The pixels in bins of equal width, of each row's zone or whole raster."""
    asked = _Arguments(
        speaker="RS_Histogram",
        raster=raster, zone=zone, zone_type=zone_type, aoi_crs=aoi_crs, bands=_bands(band),
        all_touched=all_touched, exclude_nodata=exclude_nodata, coverage=coverage, level=level,
        resolution=resolution, math=[None] * len(raster), scale=scales_of(raster, scale),
    )  # fmt: skip
    counts = [_bin_count(number) for number in integers(bins, "bins")]
    spans = [_span(listed) for listed in number_lists(span, "range")]
    found = _statistics(asked, [True] * len(raster), None)
    return [
        None if one is None else _bins(one, count, ends)
        for one, count, ends in zip(found, counts, spans, strict=True)
    ]


def _bin_count(number: int | None) -> int:
    if number is None or not 1 <= number <= MOST_BINS:
        raise ArgumentError(f"bins := {sql(number)}: a number from 1 to {MOST_BINS:,} was expected")
    return number


def _span(ends: Sequence[float] | None) -> tuple[float, float] | None:
    if ends is None:
        return None
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ArgumentError(f"range := {sql(list(ends))}: two numbers [least, greatest] were expected")
    return ends[0], ends[1]


def _bins(found: Statistics, count: int, span: tuple[float, float] | None) -> list[Row]:
    if found.distribution is None:
        return []
    edges, counts = found.distribution.bins(count, span)
    return [
        {"lower": lower, "upper": upper, "count": number}
        for lower, upper, number in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]


def _bands(band: pa.Array) -> list[int | str]:
    """One band a row; NULL is the first."""
    found: list[int | str] = []
    for listed in band_lists(band):
        if listed is not None and len(listed) != 1:
            raise ArgumentError(f"band := {sql(list(listed))}: one band at a time was expected")
        found.append(1 if listed is None else listed[0])
    return found


def _bands_and_names(band: pa.Array, stat: pa.Array) -> tuple[list[int | str], list[tuple[str, float]]]:
    """Band and statistic of each row; Sedona's short form leaves the band out: (raster, zone, 'mean')."""
    bands, names = _bands(band), values_of(stat)
    pairs = [
        (1, given) if name is None and isinstance(given, str) else (given, name)
        for given, name in zip(bands, names, strict=True)
    ]
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


def _value(found: Statistics, name: str, percent: float) -> float | None:
    if name != "percentile":
        value: float | None = statistics_row(found, None, histogram=False).get(name)
        return value
    return None if found.distribution is None else found.distribution.percentile(percent)


def _statistics(
    asked: _Arguments, distribution: Sequence[bool], lenient: pa.Array | None
) -> list[Statistics | None]:
    requests = _requests(asked, distribution)
    if is_named(asked.raster.type):
        counted = of_rasters(asked.raster, [None if r is None else sound(r) for r in requests], asked.math)
    else:
        sources = _sources(asked.raster, requests)
        for source, request in zip(sources, requests, strict=True):
            if source is not None and isinstance(request, RasteretError):
                raise request
        there = [None if isinstance(request, RasteretError) else request for request in requests]
        counted = of_bands(sources, there, asked.math)
    found = zonal_statistics(counted.sources, counted.requests, counted.through)
    found = [
        one if one is None or scaling is None else scaled_statistics(one, scaling)
        for one, scaling in zip(found, counted.scalings(asked.scale), strict=True)
    ]
    if lenient is not None:
        _require_overlap(found, counted.sources, counted.requests, _defaulted(lenient, "lenient"))
    note_touching(
        asked.speaker,
        asked.zone_type,
        touched=any_touched(
            [None if request is None else request.area for request in counted.requests], found
        ),
        first=lambda: _first(counted.sources, counted.requests),
    )
    return found


def _first(
    sources: Sequence[Source | None], requests: Sequence[ZoneRequest | None]
) -> tuple[Aoi, Source] | None:
    for source, request in zip(sources, requests, strict=True):
        if source is not None and request is not None and isinstance(request.area, Aoi):
            return request.area, source
    return None


def _require_overlap(
    found: Sequence[Statistics | None],
    sources: Sequence[Source | None],
    requests: Sequence[ZoneRequest | None],
    lenient: Sequence[bool],
) -> None:
    for one, source, request, allowed in zip(found, sources, requests, lenient, strict=True):
        if one is None and source is not None and request is not None and not allowed:
            raise ArgumentError(
                f"the zone does not overlap {place(source.href) if source.href else 'the chip'}; "
                "with lenient := true the answer is NULL"
            )


def _requests(asked: _Arguments, distribution: Sequence[bool]) -> list[ZoneRequest | RasteretError | None]:
    zones = areas(asked.zone, asked.zone_type, asked.aoi_crs)
    levels = levels_of(integers(asked.level, "level"), asked.zone)
    resolutions = numbers(asked.resolution, "resolution")
    touched, nodata = (
        flags(asked.all_touched, "all_touched"),
        _defaulted(asked.exclude_nodata, "exclude_nodata"),
    )
    fractions = flags(asked.coverage, "coverage")
    rules: dict[tuple[bool, bool], Rule] = {}
    found: list[ZoneRequest | RasteretError | None] = []
    for row, area in enumerate(zones):
        if isinstance(area, RasteretError) or area is None:
            found.append(area)
            continue
        pair = touched[row], fractions[row]
        if pair == (True, True):
            raise ArgumentError(
                "all_touched and coverage exclude each other: coverage counts parts of pixels"
            )
        found.append(
            ZoneRequest(
                area=asked_area(area),
                bands=(asked.bands[row],),
                level=levels[row],
                resolution=resolutions[row],
                rule=rules.setdefault(pair, Rule(all_touched=pair[0], coverage=pair[1])),
                exclude_nodata=nodata[row],
                distribution=distribution[row],
            )
        )
    return found


def _defaulted(column: pa.Array, name: str) -> list[bool]:
    """BOOLEAN; NULL is true."""
    flags(column, name)
    return [value is None or bool(value) for value in values_of(column)]


def _sources(raster: pa.Array, requests: Sequence[ZoneRequest | RasteretError | None]) -> list[Source | None]:
    """The raster of each row: an href, an index row or a chip."""
    if is_chip(raster.type):
        return list(chips_of(raster))
    overviews = [
        isinstance(request, ZoneRequest) and bool(request.level or request.resolution is not None)
        for request in requests
    ]
    found: list[Source | None] = []
    for header, request in zip(rasters(raster, overviews), requests, strict=True):
        if isinstance(header, RasteretError):
            if request is not None:
                raise header
            found.append(None)
        else:
            found.append(header)
    return found
