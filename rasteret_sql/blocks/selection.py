"""Which blocks of one level a window needs, and what it takes to decode them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header, Level

UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class StoredLevel:
    """What all blocks of one level of one raster, or of its mask, have in common."""

    href: str
    etag: str | None
    file_size: int | None
    dtype: str
    byte_order: str
    band_count: int
    width: int
    height: int
    tile_width: int
    tile_height: int
    tiled: bool
    compression: str
    predictor: int
    interleave: str
    photometric: str
    bits_per_sample: int
    fill_order: int
    jpeg_tables: bytes | None
    lerc_parameters: tuple[int, ...] | None

    @cached_property
    def across(self) -> int:
        return -(-self.width // self.tile_width)

    @cached_property
    def down(self) -> int:
        return -(-self.height // self.tile_height)

    @cached_property
    def layout(self) -> BlockLayout:
        """How every block of this level is packed."""
        return BlockLayout(
            width=self.tile_width,
            height=self.tile_height,
            samples=1 if self.interleave == "band" else self.band_count,
            dtype=self.dtype,
            byte_order=self.byte_order,
            bits_per_sample=self.bits_per_sample,
            compression=self.compression,
            predictor=self.predictor,
            fill_order=self.fill_order,
            photometric=self.photometric,
            jpeg_tables=self.jpeg_tables,
            lerc_parameters=self.lerc_parameters,
        )

    def place(self, block: int) -> tuple[int, int, int]:
        """Plane, row and column of a flat block number."""
        plane, rest = divmod(block, self.across * self.down)
        row, column = divmod(rest, self.across)
        return plane, row, column

    def stored_rows(self, row: int) -> tuple[int, int]:
        """Rows that a block in this row of blocks holds, less in the last strip; and those in the image."""
        inside = min(self.tile_height, self.height - row * self.tile_height)
        return (self.tile_height if self.tiled else inside), inside

    def blocks(self, window: Window, bands: Sequence[int]) -> npt.NDArray[np.int64]:
        """Flat numbers of the blocks that hold ``bands`` (from 0) inside ``window``."""
        columns = np.arange(
            window.x_off // self.tile_width, (window.x_off + window.width - 1) // self.tile_width + 1
        )
        rows = np.arange(
            window.y_off // self.tile_height, (window.y_off + window.height - 1) // self.tile_height + 1
        )
        planes = np.array(sorted(set(bands)) if self.interleave == "band" else [0])
        grid = self.across * self.down
        return (
            planes[:, None, None] * grid + rows[None, :, None] * self.across + columns[None, None, :]
        ).ravel()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Some blocks of one level of one raster: a read needs nothing of the header beyond this.

    ``blocks`` holds flat block numbers: ``plane * across * down + row * across + column``, where a plane
    is a band if the level is band-interleaved, and there is a single plane otherwise. ``offsets`` and
    ``byte_counts`` run beside it; zero and zero is a sparse block.
    """

    stored: StoredLevel
    blocks: npt.NDArray[np.uint32]
    offsets: UInt64s
    byte_counts: UInt64s

    def only(self, wanted: npt.NDArray[np.bool_]) -> Selection:
        """Those of the blocks that are ``wanted``."""
        return Selection(
            stored=self.stored,
            blocks=self.blocks[wanted],
            offsets=self.offsets[wanted],
            byte_counts=self.byte_counts[wanted],
        )


def stored_level(header: Header, level: Level) -> StoredLevel:
    """One of the levels of a raster as it is stored."""
    return _stored(header, level, header.band_count, header.dtype)


def stored_mask(header: Header, level: Level) -> StoredLevel | None:
    """The internal mask of a level as it is stored; None without a mask."""
    return None if level.mask is None else _stored(header, level.mask, header.mask_bands, "uint8")


def select(stored: StoredLevel, level: Level, blocks: npt.NDArray[np.int64]) -> Selection:
    """Blocks by their flat numbers; ``level`` is the one that ``stored`` was made of, or its mask."""
    return Selection(
        stored=stored,
        blocks=blocks.astype(np.uint32),
        offsets=level.tile_offsets[blocks],
        byte_counts=level.tile_byte_counts[blocks],
    )


def select_cells(header: Header, level: Level, cells: npt.NDArray[np.int64], band: int) -> Selection:
    """The blocks of one band (from 0) in some cells of the grid of blocks, ``row * across + column``."""
    plane = band * level.tiles_across * level.tiles_down if level.interleave == "band" else 0
    return select(stored_level(header, level), level, cells + plane)


def select_mask_cells(
    header: Header, mask: Level, cells: npt.NDArray[np.int64], band: int
) -> tuple[Selection, int]:
    """The same of an internal mask, ``level.mask``; and which of the samples in its blocks is that band's."""
    stored, own = _stored(header, mask, header.mask_bands, "uint8"), mask_sample(header.mask_bands, band)
    if mask.interleave == "band":
        return select(stored, mask, cells + own * mask.tiles_across * mask.tiles_down), 0
    return select(stored, mask, cells), own


def mask_sample(mask_bands: int, band: int) -> int:
    """Which sample of an internal mask speaks for a band (both from 0)."""
    return band if mask_bands > 1 else 0


def _stored(header: Header, level: Level, band_count: int, dtype: str) -> StoredLevel:
    return StoredLevel(
        href=header.href,
        etag=header.etag,
        file_size=header.file_size,
        dtype=dtype,
        byte_order=header.byte_order,
        band_count=band_count,
        width=level.width,
        height=level.height,
        tile_width=level.tile_width,
        tile_height=level.tile_height,
        tiled=level.tiled,
        compression=level.compression,
        predictor=level.predictor,
        interleave=level.interleave,
        photometric=level.photometric,
        bits_per_sample=level.bits_per_sample,
        fill_order=level.fill_order,
        jpeg_tables=level.jpeg_tables,
        lerc_parameters=level.lerc_parameters,
    )
