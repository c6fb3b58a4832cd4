"""Zones of an expression or a mask: which bands are read, and what is counted of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from rasteret_sql.duck.arguments.expression_rows import Row, row_of
from rasteret_sql.duck.arguments.named_rasters import NamedRasters, named_rasters
from rasteret_sql.duck.kernels.expressions import answers_on
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath, bind_source, require_one
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.read.plan import ReadRequest, pick_bands
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.valid_pixels import with_validity_of
from rasteret_sql.raster.zones.statistics import Through
from rasteret_sql.raster.zones.zone import ZoneRequest

ONE_RASTER = (
    "several rasters by name are for expression :=, which says what is counted, as in "
    "RS_ZonalStatsAll({'nir': n, 'red': r}, zone, expression := 'nir - red')"
)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is counted in the zones: arguments of ``zonal_statistics``."""

    sources: Sequence[Raster | None]
    requests: Sequence[ZoneRequest | None]
    through: Through | None
    bands: Sequence[int | None]
    """Of each row the band (from 0) that is counted as it is stored; None where an answer is."""

    def scalings(self, scale: Sequence[bool | None]) -> list[Scaling | None]:
        """What makes physical values of the counted bands, where they are wanted."""
        return [
            source.scaling(band) if wanted and source is not None and band is not None else None
            for wanted, source, band in zip(scale, self.sources, self.bands, strict=True)
        ]


def of_bands(
    sources: Sequence[Raster | None],
    requests: Sequence[ZoneRequest | None],
    math: Sequence[BandMath | None],
) -> Counted:
    """Each row's expression or mask over the bands of its own raster."""
    known: dict[tuple[int, int, tuple[int | str, ...]], BoundMath] = {}  # a join repeats rasters and texts
    bound: dict[int, BoundMath] = {}
    counting, wanted = list(sources), list(requests)
    counted: list[int | None] = [None] * len(requests)
    for row, (source, request, asked) in enumerate(zip(sources, requests, math, strict=True)):
        if source is None or request is None:
            continue
        if asked is None or asked.expression is None:
            band = counted[row] = pick_bands(source, request.bands[:1])[0]
            if isinstance(source, Chip) and request.exclude_nodata:
                source = counting[row] = with_validity_of(source, band)
        if asked is not None and asked.expressions:
            key = id(source), id(asked), request.bands
            if key not in known:
                # what is counted under a mask stays as it is stored: its statistics are scaled
                names_only = replace(asked, scale=None if asked.scale else asked.scale)
                known[key] = bind_source(names_only, request.bands, source)
            one = bound[row] = known[key]
            wanted[row] = replace(request, bands=tuple(band + 1 for band in one.read))

    def through(pieces: Sequence[tuple[int, Chip]]) -> Iterator[Chip]:
        for row, chip in pieces:
            one, source = bound.get(row), sources[row]
            by_nodata = source is not None and not source.has_mask(chip.level or 0)
            yield chip if one is None else one.on(chip, by_nodata=by_nodata)

    return Counted(sources=counting, requests=wanted, through=through if bound else None, bands=counted)


def of_rasters(
    rasters: pa.Array, requests: Sequence[ZoneRequest | None], math: Sequence[BandMath | None]
) -> Counted:
    """Each row's expression over rasters by name, on the grid of the first that it names."""
    overviews = any(r is not None and (r.level or r.resolution is not None) for r in requests)
    rows: dict[int, Row] = {}
    sources: list[Raster | None] = [None] * len(requests)
    wanted: list[ZoneRequest | None] = [None] * len(requests)
    for i, named in enumerate(named_rasters(rasters, overviews=overviews)):
        request = requests[i]
        one = None if named is None or request is None else _row(i, named, request, math[i])
        if one is not None and request is not None:
            first = rows[i] = one
            raster = first.rasters[first.first]
            sources[i] = raster.raster
            wanted[i] = replace(request, bands=tuple(band + 1 for band in first.bands(first.first)))

    def through(pieces: Sequence[tuple[int, Chip]]) -> Iterable[Chip]:
        return answers_on([rows[row] for row, _ in pieces], [chip for _, chip in pieces])

    return Counted(sources=sources, requests=wanted, through=through, bands=[None] * len(requests))


def _row(number: int, named: NamedRasters, request: ZoneRequest, asked: BandMath | None) -> Row | None:
    if asked is None or asked.expression is None:
        raise ArgumentError(ONE_RASTER)
    require_one(asked, request.bands)
    if not request.exclude_nodata:
        raise ArgumentError("exclude_nodata := false is for one raster: of several, nodata is NULL")
    return row_of(number, asked, named, ReadRequest(level=request.level, resolution=request.resolution))
