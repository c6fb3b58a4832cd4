"""Which blocks of one level a window needs, and what it takes to decode them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import UInt64s
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.image_layout import ImageLayout


@dataclass(frozen=True, kw_only=True)
class StoredLevel:
    """What all blocks of one level of one raster, or of its mask, have in common."""

    href: str
    etag: str | None
    file_size: int | None
    image: ImageLayout


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Some blocks of one level of one raster: a read needs nothing of the header beyond this.

    ``blocks`` holds flat block numbers (``ImageLayout``). ``offsets`` and ``byte_counts`` run beside it; zero
    and zero is a sparse block.
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
    """A level of a raster, or the mask of one, as it is stored."""
    return StoredLevel(href=header.href, etag=header.etag, file_size=header.file_size, image=level.image)


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
    plane = band * level.image.across * level.image.down if level.interleave == "band" else 0
    return select(stored_level(header, level), level, cells + plane)


def select_mask_cells(
    header: Header, mask: Level, cells: npt.NDArray[np.int64], band: int
) -> tuple[Selection, int]:
    """The same of an internal mask, ``level.mask``; and which of the samples in its blocks is that band's."""
    stored, own = stored_level(header, mask), mask_sample(header.mask_bands, band)
    if mask.interleave == "band":
        return select(stored, mask, cells + own * mask.image.across * mask.image.down), 0
    return select(stored, mask, cells), own


def mask_sample(mask_bands: int, band: int) -> int:
    """Which sample of an internal mask applies to a band (both from 0)."""
    return band if mask_bands > 1 else 0
