"""Zonal statistics: the pixels of many rasters inside many zones, counted as their tiles arrive.

Zones are worked through file by file in the order of their tiles, a few tens of megabytes of pixels at a
time. What many zones share is fetched and decoded once while it lies in the block cache; a zone larger than
``PIECE_PIXELS`` comes in pieces, and its statistics are those of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Pixels
from rasteret_sql.geo.window import Window, window_transform
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read import chip_plan
from rasteret_sql.raster.read import chips as reading
from rasteret_sql.raster.read.chip_plan import ChipPlan, pixel_bytes
from rasteret_sql.raster.read.plan import ReadRequest, pick_bands, pick_level, plan_chip
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.zones.footprint import Cover, Footprint, ZoneGrid
from rasteret_sql.raster.zones.footprints import footprints, pieces
from rasteret_sql.raster.zones.small_zones import is_small, small_zone_statistics
from rasteret_sql.raster.zones.tally import Statistics, Tally
from rasteret_sql.raster.zones.zone import Zone, ZoneRequest

GROUP_BYTES = 64 << 20
"""Pixels that are read together."""

Through = Callable[[Sequence[tuple[int, Chip]]], Iterable[Chip]]
"""From zones' numbers and pixels, a group at a time, to what is counted: a first band on the same pixels."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """As much of a zone as is looked at together."""

    zone: Zone
    footprint: Footprint
    """The zone's, or what of it lies beyond the end of a global grid."""
    part: Window
    last: bool


def zonal_statistics(
    sources: Sequence[Raster | None],
    requests: Sequence[ZoneRequest | None],
    through: Through | None = None,
) -> list[Statistics | None]:
    """The statistics of each zone on its raster; None where there is none, or no overlap.

    Chips are counted where they lie, and what they say is not valid never counts. Of files a few tens of
    megabytes of pixels are in memory at once, besides what the block cache holds. The first error is raised.
    """
    answers: list[Statistics | None] = [None] * len(sources)
    tallies: dict[int, Tally] = {}
    zones = _zones(sources, requests)
    if through is None:
        small = [zone for zone in zones if is_small(zone)]
        zones = [zone for zone in zones if not is_small(zone)]
        for row, statistics in small_zone_statistics(small):
            answers[row] = statistics
    for group in _pixels(zones):
        chips: Iterable[Chip] = [chip for _, chip in group]
        if through is not None:
            chips = through([(piece.zone.row, chip) for piece, chip in group])
        for (piece, _), chip in zip(group, chips, strict=True):
            zone, row = piece.zone, piece.zone.row
            if row not in tallies:
                tallies[row] = _tally(zone)
            _count(tallies[row], chip, piece.footprint.cover(piece.part))
            if piece.last:
                answers[row] = tallies.pop(row).finish()
    return answers


def _tally(zone: Zone) -> Tally:
    request = zone.request
    return Tally(weighted=request.rule.coverage, distribution=request.distribution, name=zone.grid.name)


def _count(tally: Tally, chip: Chip, cover: Cover | None) -> None:
    """Add the first band of a piece: what is covered, and of that what is valid."""
    pixels = chip.pixels[0]
    if tally.weighted:
        weights = np.ones(pixels.shape) if cover is None else cover.astype(np.float64, copy=False)
        counted = weights > 0
        if chip.valid is not None:
            counted &= chip.valid
        tally.add(pixels[counted], weights[counted], float(weights.sum()))
        return
    if cover is None:
        values = pixels.reshape(-1) if chip.valid is None else pixels[chip.valid]
        tally.add(values, None, float(pixels.size))
        return
    inside = cover.astype(np.bool_, copy=False)
    values = pixels[inside if chip.valid is None else inside & chip.valid]
    tally.add(values, None, float(np.count_nonzero(inside)))


def _zones(sources: Sequence[Raster | None], requests: Sequence[ZoneRequest | None]) -> list[Zone]:
    """The zones that overlap their rasters."""
    asked: list[tuple[int, Raster, ZoneRequest, int, ZoneGrid]] = []
    grids: dict[tuple[int, int], ZoneGrid] = {}
    for row, (source, request) in enumerate(zip(sources, requests, strict=True)):
        if source is None or request is None:
            continue
        level = pick_level(source, request.level, request.resolution) if isinstance(source, Header) else 0
        grid = grids.get((id(source), level))
        if grid is None:
            grid = grids[id(source), level] = _grid(source, level)
        asked.append((row, source, request, level, grid))
    placed = footprints(
        [grid for *_, grid in asked],
        [request.area for _, _, request, _, _ in asked],
        [request.rule for _, _, request, _, _ in asked],
    )
    return [
        Zone(row=row, source=source, request=request, level=level, grid=grid, footprint=footprint)
        for (row, source, request, level, grid), footprint in zip(asked, placed, strict=True)
        if footprint is not None
    ]


def _grid(raster: Raster, level: int) -> ZoneGrid:
    across, down = raster.tile_size(level)
    return ZoneGrid(
        **vars(raster.grid(level)),
        tile_width=across,
        tile_height=down,
        name=raster.name,
        note=raster.crs_note,
    )


def _pixels(zones: Sequence[Zone]) -> Iterator[Sequence[tuple[_Piece, Chip]]]:
    """Every piece of every zone with its pixels, in groups; the pieces of one zone follow each other."""
    chips = [(zone, zone.source) for zone in zones if isinstance(zone.source, Chip)]
    cut = ((piece, _cut(piece, chip)) for zone, chip in chips for piece in _pieces(zone))
    yield from groups(cut, lambda one: one[1].pixels.nbytes, most=GROUP_BYTES)
    files = [(zone, zone.file) for zone in zones if zone.file is not None]
    files.sort(key=lambda pair: _place(pair[0]))
    planned = ((piece, _plan(piece, header)) for zone, header in files for piece in _pieces(zone))
    for group in groups(planned, lambda one: pixel_bytes(one[1]), most=GROUP_BYTES):
        yield _read(group)


def _place(zone: Zone) -> tuple[str, int, int, int]:
    """Zones whose tiles lie close together follow each other."""
    window, grid = zone.footprint.window, zone.grid
    return grid.name, zone.level, window.y_off // grid.tile_height, window.x_off // grid.tile_width


def _pieces(zone: Zone) -> Iterator[_Piece]:
    footprint: Footprint | None = zone.footprint
    while footprint is not None:
        parts = list(pieces(footprint.window, zone.grid))
        for number, part in enumerate(parts, 1):
            last = number == len(parts) and footprint.beyond is None
            yield _Piece(zone=zone, footprint=footprint, part=part, last=last)
        footprint = footprint.beyond


def _plan(piece: _Piece, header: Header) -> ChipPlan:
    zone = piece.zone
    request = ReadRequest(area=piece.part, bands=zone.request.bands, level=zone.level)
    planned = plan_chip(header, request)
    assert planned is not None, "a piece lies inside its raster"
    return chip_plan.with_joined_masks(planned[1])


def _read(group: Sequence[tuple[_Piece, ChipPlan]]) -> list[tuple[_Piece, Chip]]:
    plans = [plan for _, plan in group]
    _, arrays = reading.allocate(plans)
    valid, errors = reading.read_chips(plans, arrays)
    for error in errors:
        if error is not None:
            raise error
    return [
        (piece, _chip(piece, plan, pixels, mask if piece.zone.request.exclude_nodata else None))
        for (piece, plan), pixels, mask in zip(group, arrays, valid, strict=True)
    ]


def _chip(piece: _Piece, plan: ChipPlan, pixels: Pixels, valid: npt.NDArray[np.uint8] | None) -> Chip:
    return Chip(
        pixels=pixels,
        valid=None if valid is None else valid.view(np.bool_),
        transform=plan.transform,
        crs=piece.zone.grid.crs,
        nodata=plan.nodata if piece.zone.request.exclude_nodata else None,
        href=plan.selection.stored.href,
        bands=tuple(band + 1 for band in plan.bands),
        level=piece.zone.level,
        x_off=plan.window.x_off,
        y_off=plan.window.y_off,
    )


def _cut(piece: _Piece, chip: Chip) -> Chip:
    """The bands and pixels of a chip that a piece wants, as views where they can be."""
    part = piece.part
    rows, columns = slice(part.y_off, part.y_off + part.height), slice(part.x_off, part.x_off + part.width)
    chosen = pick_bands(chip, piece.zone.request.bands)
    return replace(
        chip,
        pixels=chip.pixels[list(chosen), rows, columns],
        valid=None if chip.valid is None else chip.valid[rows, columns],
        transform=window_transform(chip.transform, part),
        bands=tuple(chip.bands[number] for number in chosen) if chip.bands else (),
        facts=chip.facts.of(chosen),
        x_off=None if chip.x_off is None else chip.x_off + part.x_off,
        y_off=None if chip.y_off is None else chip.y_off + part.y_off,
    )
