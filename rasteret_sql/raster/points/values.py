"""Values of rasters at points: every block that holds one is read once, and only numbers are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats, is_inexact
from rasteret_sql.blocks.pipeline import read_blocks
from rasteret_sql.blocks.point_read import BlockedPixels, PixelRead
from rasteret_sql.blocks.selection import Selection, mask_sample, select_cells, select_mask_cells
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geo.turns import wrapped
from rasteret_sql.geotiff.header import Level
from rasteret_sql.geotiff.nodata import fill_value, is_nodata
from rasteret_sql.raster.algebra.bound_math import BoundMath
from rasteret_sql.raster.algebra.sql.values import Array
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.physical import physical_pixels
from rasteret_sql.raster.points.neighbours import PixelNeighbours, interpolate, pixel_neighbours
from rasteret_sql.raster.points.projected_points import (
    PointGrids,
    PointRequest,
    Points,
    PointsOnGrid,
    ProjectedPoints,
    crs_of,
)
from rasteret_sql.raster.read.raster_level import deciding_alpha, refuse_unsupported
from rasteret_sql.store.redact import display_href

PIXELS_AT_ONCE = 1 << 21
BLOCKS_AT_ONCE = 1 << 12
"""Of one batch of reads, unless a single request is larger; bounds the memory of their bookkeeping."""


Answer = tuple[int, Floats, Bools]


def values_at(points: Points, requests: Sequence[PointRequest]) -> Iterator[Answer]:
    """Number, values and validity of every request, file by file; the first error is raised.

    There is no value outside the raster, where a point has no image in its CRS, and, by the first of these
    that the raster has, where the mask is 0, the pixel nodata, or alpha 0. ``UnsupportedError``: complex
    pixels, and 64-bit integers beyond 2^53.
    """
    projected = ProjectedPoints(points, [(crs_of(request.header), request.points) for request in requests])
    grids = PointGrids(projected)
    order = sorted(range(len(requests)), key=lambda number: requests[number].header.href)
    batch: list[_Reading] = []
    pixels = blocks = 0
    for number in order:
        reading = _reading(number, requests[number], grids)
        pixels += len(reading.neighbours.rows)
        blocks += reading.block_count
        if batch and (pixels > PIXELS_AT_ONCE or blocks > BLOCKS_AT_ONCE):
            yield from _read(batch)
            batch, pixels, blocks = [], len(reading.neighbours.rows), reading.block_count
        batch.append(reading)
    yield from _read(batch)


def values_in(
    chip: Chip, xy: Floats, sample: int, interpolation: str, math: BoundMath | None = None
) -> tuple[Floats, Bools]:
    """Values and validity of one band of a chip (from 0), or of an expression, at points in its CRS.

    A pixel of several bands is valid where one of them is not nodata, so the band's own is looked at as well.
    """
    _refuse_complex(chip.pixels.dtype, display_href(chip.name))
    _, rows, columns = chip.pixels.shape
    xy = wrapped(xy, crs_of(chip), chip.transform, columns, rows)
    neighbours = pixel_neighbours(xy, chip.transform, columns, rows, interpolation)
    wanted = (sample,) if math is None else math.read
    bands = [chip.pixels[band, neighbours.rows, neighbours.columns] for band in wanted]
    shown = None if chip.valid is None else chip.valid[neighbours.rows, neighbours.columns]
    valid = shown
    missing = is_nodata(bands[0], chip.nodata) if len(chip.pixels) > 1 else None
    if missing is not None:
        valid = ~missing if valid is None else valid & ~missing
    pixels, valid = _through(math, bands, shown, chip.nodata, valid)
    return _spread(neighbours, pixels, valid, len(xy), display_href(chip.name))


def _through(
    math: BoundMath | None,
    bands: Sequence[Array],
    shown: Bools | None,
    nodata: float | None,
    own: Bools | None,
) -> tuple[Array, Bools | None]:
    """The pixels that the points have their values of: the first band's, or what is made of all."""
    if math is None:
        return bands[0], own
    pixels, valid = math.values(bands, shown, nodata, own)
    if pixels is None and math.physical is not None:
        pixels = physical_pixels(bands[0][None], None, None, math.physical)[0]
    return bands[0] if pixels is None else pixels, valid


@dataclass(frozen=True, kw_only=True)
class _Reading:
    number: int
    request: PointRequest
    neighbours: PixelNeighbours
    bands: tuple[PixelRead, ...]
    """The band, or those of an expression."""
    shown: tuple[PixelRead, ...]
    """What decides which of their pixels are valid, if that is not the band itself: all of it must."""

    @property
    def block_count(self) -> int:
        return sum(len(read.selection.blocks) for read in self.reads)

    @property
    def reads(self) -> tuple[PixelRead, ...]:
        return (*self.bands, *self.shown)


def _reading(number: int, request: PointRequest, grids: PointGrids) -> _Reading:
    header, level = request.header, request.header.levels[request.level]
    _refuse_complex(np.dtype(header.dtype), display_href(header.name))
    grid = grids.of(request)
    wanted = (request.band,) if request.math is None else request.math.read
    alpha = deciding_alpha(header, request.level)
    shown: tuple[PixelRead, ...] = ()
    if level.mask is not None:
        shown = _mask_reads(request, grid, level.mask, wanted)
    elif alpha is not None:
        shown = (_band_read(request, grid, alpha),)
    return _Reading(
        number=number,
        request=request,
        neighbours=grid.neighbours,
        bands=tuple(_band_read(request, grid, band) for band in wanted),
        shown=shown,
    )


def _mask_reads(
    request: PointRequest, grid: PointsOnGrid, mask: Level, bands: Sequence[int]
) -> tuple[PixelRead, ...]:
    """The internal mask: one read, or one for each band where it has as many samples."""
    header, pixels = request.header, grid.blocks(mask)
    firsts = {mask_sample(header.mask_bands, band): band for band in bands}
    chosen = (select_mask_cells(header, mask, pixels.cells, band) for band in firsts.values())
    return tuple(_read_of(request, own, pixels, sample=sample, fill=0) for own, sample in chosen)


def _band_read(request: PointRequest, grid: PointsOnGrid, band: int) -> PixelRead:
    header, level = request.header, request.header.levels[request.level]
    pixels = grid.blocks(level)
    chosen = select_cells(header, level, pixels.cells, band)
    sample = 0 if level.interleave == "band" else band
    return _read_of(request, chosen, pixels, sample=sample, fill=fill_value(header.dtype, header.nodata))


def _read_of(
    request: PointRequest, chosen: Selection, pixels: BlockedPixels, *, sample: int, fill: float | int
) -> PixelRead:
    if len(pixels):
        refuse_unsupported(chosen)
    out = np.empty(len(pixels), chosen.stored.image.block.dtype)
    return PixelRead(selection=chosen, pixels=pixels, sample=sample, out=out, fill=fill, whole=request.whole)


def _read(batch: Sequence[_Reading]) -> Iterator[Answer]:
    for error in read_blocks([read for reading in batch for read in reading.reads]):
        if error is not None:
            raise error
    for reading in batch:
        request, header = reading.request, reading.request.header
        bands = [band.out for band in reading.bands]
        shown: Bools | None = None
        if reading.shown:
            shown = np.all([read.out != 0 for read in reading.shown], axis=0)
        missing = is_nodata(bands[0], header.nodata) if shown is None else None
        own = shown if missing is None else ~missing
        pixels, valid = _through(request.math, bands, shown, header.nodata, own)
        yield (
            reading.number,
            *_spread(reading.neighbours, pixels, valid, len(request.points), display_href(header.name)),
        )


def _spread(
    neighbours: PixelNeighbours, pixels: npt.NDArray[Any], valid: Bools | None, count: int, name: str
) -> tuple[Floats, Bools]:
    """From the points inside to all ``count`` of them."""
    _refuse_inexact(pixels, valid, name)
    values, there = np.zeros(count), np.zeros(count, np.bool_)
    found, valid = interpolate(neighbours, pixels, valid)
    values[neighbours.inside] = found
    there[neighbours.inside] = True if valid is None else valid
    return values, there


def _refuse_complex(dtype: np.dtype[Any], name: str) -> None:
    """Raise for pixels that are not real numbers."""
    if dtype.kind == "c":
        raise UnsupportedError(
            f"{name}: {dtype} pixels are not numbers of DOUBLE; take them from the data column of read_cog"
        )


def _refuse_inexact(pixels: npt.NDArray[Any], valid: Bools | None, name: str) -> None:
    if is_inexact(pixels, valid):
        raise UnsupportedError(
            f"{name}: {pixels.dtype} pixels beyond 2^53 are not exact as DOUBLE; "
            "take them from the data column of read_cog"
        )
