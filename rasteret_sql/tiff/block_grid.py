"""How one image is cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BlockGrid:
    """How an image is cut into blocks, before its tables are read."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    tiled: bool
    band_count: int
    interleave: str
    offsets_tag: int
    counts_tag: int

    @property
    def blocks_down(self) -> int:
        return -(-self.height // self.tile_height)

    @property
    def plane_count(self) -> int:
        return self.band_count if self.interleave == "band" else 1

    @property
    def block_count(self) -> int:
        return -(-self.width // self.tile_width) * self.blocks_down * self.plane_count
