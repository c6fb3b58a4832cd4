"""The plan of one band on the grid of another raster, by the nearest pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.warp.align import onto


@dataclass(frozen=True, kw_only=True)
class AlignedPlan:
    """Pixels of a file in the CRS of the target, or in none as the target is; see ``warp.align``."""

    source: ChipPlan
    crs: str | None
    """Of the source."""
    target: Grid
    name: str
    """Of the raster, for messages."""

    @property
    def to_read(self) -> ChipPlan:
        return self.source

    @property
    def dtype(self) -> str:
        return self.source.dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.source.bands), self.target.height, self.target.width

    def finish(self, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools | None:
        """Fill ``out`` from the pixels of the source, and say which of it are valid (None: all)."""
        source = self.source
        chip = Chip(
            pixels=pixels, valid=valid, transform=source.transform, crs=self.crs, nodata=source.nodata
        )
        placed = onto(chip, chip_on(self.target), self.name)
        out[...] = placed.pixels
        return placed.valid


def chip_on(grid: Grid) -> Chip:
    """A chip without values."""
    pixels = np.broadcast_to(np.uint8(0), (1, grid.height, grid.width))
    return Chip(pixels=pixels, valid=None, transform=grid.transform, crs=grid.crs, nodata=None)
