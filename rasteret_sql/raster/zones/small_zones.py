"""Zones of a few thousand pixels, file by file: read together and counted together.

A chip, a mask and a tally for each of a thousand fields cost more than decoding the tiles they lie in. Here
the pixels of all fields of a file are one array, in which each field is a stretch, and what is counted is
counted for all stretches at once. It is done for integers of up to 16 bits, whose statistics are exact in
any order: of whole pixels the answers are the same to the last bit, of fractions of pixels to 1e-12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools
from rasteret_sql.blocks.pipeline import read_blocks
from rasteret_sql.blocks.selection import Selection, select_cells, select_mask_cells
from rasteret_sql.blocks.zone_read import Patches, PatchRead, by_block
from rasteret_sql.cache import Lru
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.nodata import fill_value, is_nodata
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read.plan import pick_bands
from rasteret_sql.raster.read.raster_level import deciding_alpha, refuse_unsupported
from rasteret_sql.raster.zones.footprint import Footprint
from rasteret_sql.raster.zones.tallies import MAX_PIXELS, statistics_of_many
from rasteret_sql.raster.zones.tally import Statistics
from rasteret_sql.raster.zones.zone import Zone

MAX_GROUP_BYTES = 32 << 20
"""Pixels that are read together."""
CACHE_BYTES = 32 << 20
"""Shapes that are kept for the next file on the same grid."""
NARROW = ("uint8", "int8", "uint16", "int16")


def is_small(zone: Zone) -> bool:
    """Whether ``small_zone_statistics`` takes a zone."""
    window = zone.footprint.window
    return (
        zone.file is not None
        and _in_same_blocks(zone.file.levels[zone.level])
        and zone.file.dtype in NARROW
        and zone.footprint.geometry is None
        and zone.footprint.beyond is None
        and window.width * window.height <= MAX_PIXELS
    )


def _in_same_blocks(level: Level) -> bool:
    """Whether the mask is cut as the image is: pixels of a zone are in the order of blocks."""
    mask = level.mask
    return mask is None or (mask.tile_width, mask.tile_height) == (level.tile_width, level.tile_height)


def small_zone_statistics(zones: Sequence[Zone]) -> Iterator[tuple[int, Statistics]]:
    """Row and statistics of each zone, in any order; the first error is raised."""
    files: dict[Any, list[Zone]] = {}
    for zone in zones:
        rule, name = zone.request.rule, zone.request.bands[0]
        files.setdefault((zone.grid.name, id(zone.source), zone.level, name, rule), []).append(zone)
    readings = (
        _reading(part)
        for _, mine in sorted(files.items(), key=lambda item: item[0][0])
        for part in groups(mine, _size, most=MAX_GROUP_BYTES)
    )
    for batch in groups(
        readings, lambda one: sum(read.out.nbytes for read in one.reads), most=MAX_GROUP_BYTES
    ):
        for error in read_blocks([read for one in batch for read in one.reads]):
            if error is not None:
                raise error
        for one in batch:
            statistics = one.statistics()
            yield from zip((zone.row for zone in one.zones), statistics, strict=True)


def _size(zone: Zone) -> int:
    return zone.footprint.window.width * zone.footprint.window.height * 2


@dataclass(frozen=True, kw_only=True)
class _Shapes:
    """Zones on one grid of blocks: the same for all files that share it."""

    patches: Patches
    owner: npt.NDArray[np.int64]
    """Number of the zone of each pixel."""
    pixels: tuple[float, ...]
    """That each zone covers."""

    @property
    def byte_count(self) -> int:
        """Of memory, about."""
        return (24 if self.patches.weights is None else 32) * len(self.owner) + 500 * len(self.pixels)


def _shapes(zones: Sequence[Zone], level: Level) -> _Shapes:
    weighted = zones[0].request.rule.coverage
    shapes = [(zone.footprint.window, zone.footprint.whole) for zone in zones]
    patches = by_block(level, shapes, weighted=weighted)
    lengths = np.diff(patches.bounds)
    return _Shapes(
        patches=patches,
        owner=np.repeat(np.arange(len(zones)), lengths),
        pixels=tuple(map(_covered, zones) if weighted else map(float, lengths.tolist())),
    )


def _covered(zone: Zone) -> float:
    cover, window = zone.footprint.whole, zone.footprint.window
    return float(window.width * window.height if cover is None else cover.sum())


class ShapesCache:
    """Shapes last used, up to ``CACHE_BYTES`` of arrays; safe from many threads.

    A vector of rows holds the zones of one scene or two, and the next vector those of the next.
    """

    def __init__(self) -> None:
        self._kept = Lru[Any, tuple[_Shapes, list[Footprint]]](
            CACHE_BYTES, lambda _, kept: kept[0].byte_count
        )

    def on(self, level: Level, zones: Sequence[Zone]) -> _Shapes:
        """Zones of one rule in the blocks of a level."""
        footprints = [zone.footprint for zone in zones]
        blocks = level.width, level.height, level.tile_width, level.tile_height
        key = (zones[0].request.rule, *map(id, footprints), blocks)
        kept = self._kept.get(key)
        if kept is not None:
            return kept[0]
        shapes = _shapes(zones, level)
        self._kept.put(key, (shapes, footprints))  # footprints too, so that their ids stay their own
        return shapes

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


SHAPES = ShapesCache()


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """Zones of one band of one file."""

    zones: Sequence[Zone]
    shapes: _Shapes
    header: Header
    reads: tuple[PatchRead, ...]
    """The band; and what decides which of its pixels are valid, if that is not the band itself."""

    def statistics(self) -> list[Statistics]:
        """Of each zone, when all has been read."""
        values, owner, weights = self.reads[0].out, self.shapes.owner, self.shapes.patches.weights
        counted = self._counted()
        if counted is not None:
            values, owner = values[counted], owner[counted]
            weights = None if weights is None else weights[counted]
        weighted = self.zones[0].request.rule.coverage
        return statistics_of_many(values, owner, weights, self.shapes.pixels, weighted=weighted)

    def _counted(self) -> Bools | None:
        """Which pixels count; None: all."""
        exclude = np.array([zone.request.exclude_nodata for zone in self.zones])
        if not exclude.any():
            return None
        band, *shown = self.reads
        if shown:
            valid: Bools | None = shown[0].out != 0
        else:
            missing = is_nodata(band.out, self.header.nodata)
            valid = None if missing is None else ~missing
        if valid is None or valid.all():
            return None
        return valid if exclude.all() else valid | ~exclude[self.shapes.owner]


def _reading(zones: Sequence[Zone]) -> _Reading:
    header, number = zones[0].file, zones[0].level
    assert header is not None, "small zones are those of files"
    level = header.levels[number]
    (band,) = pick_bands(header, zones[0].request.bands)
    shapes = SHAPES.on(level, zones)
    reads = [_band_read(header, level, shapes, band)]
    alpha = deciding_alpha(header, number)
    if alpha is not None:
        reads.append(_band_read(header, level, shapes, alpha))
    if level.mask is not None:
        patches = SHAPES.on(level.mask, zones).patches
        chosen, sample = select_mask_cells(header, level.mask, patches.cells, band)
        reads.append(_read_of(chosen, patches, sample=sample, fill=0))
    return _Reading(zones=zones, shapes=shapes, header=header, reads=tuple(reads))


def _band_read(header: Header, level: Level, shapes: _Shapes, band: int) -> PatchRead:
    chosen = select_cells(header, level, shapes.patches.cells, band)
    sample = 0 if level.interleave == "band" else band
    return _read_of(chosen, shapes.patches, sample=sample, fill=fill_value(header.dtype, header.nodata))


def _read_of(chosen: Selection, patches: Patches, *, sample: int, fill: float | int) -> PatchRead:
    if len(patches.cells):
        refuse_unsupported(chosen)
    out = np.empty(int(patches.bounds[-1]), chosen.stored.image.block.dtype)
    return PatchRead(selection=chosen, patches=patches, sample=sample, out=out, fill=fill)
