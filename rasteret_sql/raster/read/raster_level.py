"""A level of a raster as a request reads it, whatever the area."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from rasteret_sql.arrays import UInt64s
from rasteret_sql.blocks.selection import Selection, StoredLevel, mask_sample, stored_level
from rasteret_sql.blocks.support import naming
from rasteret_sql.codec.block import require_supported
from rasteret_sql.codec.size import has_size, require_size
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.nodata import applies
from rasteret_sql.store.redact import display_href


@dataclass(frozen=True, kw_only=True)
class RasterLevel:
    """What all chips of a raster have in common; what cannot be read raises when it is requested."""

    number: int
    """0 is full resolution."""
    level: Level
    bands: tuple[int, ...]
    """From 0, in the order wanted."""
    grid: Grid
    """The very same object for levels on one grid that are read one after the other."""
    nodata: float | None
    alpha_band: int | None
    """From 0: which of the bands decides which pixels are valid."""
    alpha_problem: str | None
    """Why that is not known."""
    stored_level: StoredLevel
    mask_level: StoredLevel | None
    mask_samples: tuple[int, ...]
    """Samples of the internal mask that apply to the bands."""

    @property
    def alpha(self) -> int | None:
        if self.alpha_problem is not None:
            raise UnsupportedError(self.alpha_problem)
        return self.alpha_band

    @property
    def stored(self) -> StoredLevel:
        return _supported(self.stored_level)

    @property
    def stored_mask(self) -> StoredLevel | None:
        return None if self.mask_level is None else _supported(self.mask_level)

    @cached_property
    def parts(self) -> tuple[LevelPart, ...]:
        """Where the blocks of the bands lie, with those of the band alpha, and those of the mask."""
        stored, alpha, mask = self.stored, self.alpha, self.stored_mask
        needed = self.bands if alpha is None else (*self.bands, alpha)
        own = LevelPart(stored=stored, level=self.level, bands=needed)
        if mask is None or self.level.mask is None:
            return (own,)
        return own, LevelPart(stored=mask, level=self.level.mask, bands=self.mask_samples)

    @property
    def is_readable(self) -> bool:
        """Whether none of its blocks is too large."""
        return all(part.is_readable for part in self.parts)

    @cached_property
    def layout(self) -> tuple[Any, ...]:
        """Rasters with equal ones have chips on one grid that differ only in where their blocks lie."""
        return len(self.bands), self.stored.image.block.dtype, *(part.layout for part in self.parts)


def raster_level(header: Header, number: int, bands: tuple[int, ...]) -> RasterLevel:
    """Some bands of a level; the very same object as long as the header is kept."""
    return header.derived((RasterLevel, number, bands), lambda: _raster_level(header, number, bands))


def _raster_level(header: Header, number: int, bands: tuple[int, ...]) -> RasterLevel:
    level = header.levels[number]
    try:
        alpha, problem = deciding_alpha(header, number), None
    except UnsupportedError as error:
        alpha, problem = None, str(error)
    return RasterLevel(
        number=number,
        level=level,
        bands=bands,
        grid=_shared_grid(header.grid(number)),
        nodata=header.nodata,
        alpha_band=alpha,
        alpha_problem=problem,
        stored_level=stored_level(header, level),
        mask_level=None if level.mask is None else stored_level(header, level.mask),
        mask_samples=tuple(dict.fromkeys(mask_sample(header.mask_bands, band) for band in bands)),
    )


@lru_cache(maxsize=4096)
def _shared_grid(grid: Grid) -> Grid:
    return grid


@dataclass(frozen=True, kw_only=True)
class LevelPart:
    """The blocks of some bands of a level, or of its mask."""

    stored: StoredLevel
    level: Level
    """Of the mask where it is that of a mask."""
    bands: tuple[int, ...]

    @cached_property
    def layout(self) -> tuple[int, int, tuple[int, ...]]:
        """Which blocks a window touches depends on this."""
        image = self.stored.image
        return image.tile_width, image.tile_height, self.bands if image.interleave == "band" else ()

    @cached_property
    def largest(self) -> int:
        """Bytes of its largest block as it is stored."""
        return _most(self.level.tile_byte_counts)

    @property
    def is_readable(self) -> bool:
        """Whether none of its blocks is too large."""
        return _has_size(self.stored, self.largest)


def refuse_unsupported(selection: Selection) -> None:
    """Raise for blocks that this version does not read, or that are too large; the file is named."""
    _supported(selection.stored)
    refuse_large(selection)


def refuse_large(selection: Selection) -> None:
    """Raise for blocks that are too large; the file is named."""
    most = _most(selection.byte_counts)
    if not _has_size(selection.stored, most):
        with naming(selection.stored.href):
            require_size(selection.stored.image.block, most)


def _supported(stored: StoredLevel) -> StoredLevel:
    with naming(stored.href):
        require_supported(stored.image.block)
    return stored


def _has_size(stored: StoredLevel, most: int) -> bool:
    # a sparse block costs nothing, whatever its size
    return not most or has_size(stored.image.block, most)


def _most(byte_counts: UInt64s) -> int:
    return int(np.maximum.reduce(byte_counts, initial=0))


def deciding_alpha(header: Header, level_number: int) -> int | None:
    """The alpha band (from 0) where it decides which pixels are valid.

    GDAL's order: an internal mask does, else nodata, else alpha. ``UnsupportedError`` where the raster has a
    mask, and this level of it has none.
    """
    if header.levels[level_number].mask is not None:
        return None
    if any(other.mask is not None for other in header.levels):
        raise UnsupportedError(
            f"{display_href(header.href)} has an internal mask, but none for level {level_number}: it is "
            "not known "
            f"which of its pixels are valid; read level {_masked_levels(header)}, or say resolution :="
        )
    return None if applies(header.dtype, header.nodata) else header.alpha_band


def _masked_levels(header: Header) -> str:
    return " or ".join(str(number) for number, _ in header.choices)
