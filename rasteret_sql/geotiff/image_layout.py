"""How one image of a file is cut into blocks, and how its blocks are packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.geo.window import Window


@dataclass(frozen=True, kw_only=True)
class ImageLayout:
    """The blocks of one image: of one level of a raster, or of its mask.

    Flat block numbers are ``plane * across * down + row * across + column``, where a plane is a band if the
    image is band-interleaved, and there is a single plane otherwise.
    """

    width: int
    height: int
    band_count: int
    interleave: str
    """``pixel`` or ``band``."""
    tiled: bool
    """Strips are blocks as wide as the image; the last one holds only the rows that are left."""
    block: BlockLayout
    """How every block is packed."""

    @property
    def tile_width(self) -> int:
        return self.block.width

    @property
    def tile_height(self) -> int:
        return self.block.height

    @cached_property
    def across(self) -> int:
        """Blocks in a row of blocks."""
        return -(-self.width // self.block.width)

    @cached_property
    def down(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block.height)

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


def image_layout(
    *,
    width: int,
    height: int,
    tile_width: int,
    tile_height: int,
    band_count: int,
    interleave: str,
    tiled: bool,
    **packing: Any,
) -> ImageLayout:
    """A layout of the fields of a directory or an index row; ``packing`` are those of ``BlockLayout``."""
    return ImageLayout(
        width=width,
        height=height,
        band_count=band_count,
        interleave=interleave,
        tiled=tiled,
        block=BlockLayout(
            width=tile_width,
            height=tile_height,
            samples=1 if interleave == "band" else band_count,
            **packing,
        ),
    )
