"""The plan of a cube: for each time step the scenes that it is made of, all on one grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from rasteret_sql.arrays import Bools
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.rasterize import covers_grid, inside
from rasteret_sql.raster.read.chip_plan import pixel_bytes
from rasteret_sql.raster.stack.stack_plan import StackPlan


@dataclass(frozen=True, kw_only=True)
class CubePlan:
    """All that one cube takes; made without a request when the headers are known."""

    steps: tuple[tuple[StackPlan, ...], ...]
    """Of each time step its scenes, which have something on the grid: a pixel is the first valid one's."""
    band_count: int
    place: Grid
    dtype: str
    """NumPy's name of the samples."""
    nodata: float | None
    aoi: bytes | None
    """WKB in the CRS of the grid; None: every pixel is inside."""
    all_touched: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands of all time steps, rows, columns."""
        return len(self.steps) * self.band_count, self.place.height, self.place.width

    @property
    def scenes(self) -> Iterator[StackPlan]:
        for step in self.steps:
            yield from step

    @property
    def byte_count(self) -> int:
        """What reading it takes: its pixels, which of them are valid, and what is read besides."""
        pixels = self.place.height * self.place.width
        slices = pixel_bytes(self) // max(1, len(self.steps))
        fused = sum(max(0, len(step) - 1) for step in self.steps) * slices
        besides = sum(scene.byte_count - pixel_bytes(scene) for scene in self.scenes)
        return pixel_bytes(self) + len(self.steps) * pixels + fused + besides

    @property
    def stored_bytes(self) -> int:
        """Of the blocks that it needs, each counted once."""
        blocks: dict[tuple[str, int], int] = {}
        for scene in self.scenes:
            for member in scene.members:
                if member.plan is not None:
                    source = member.plan.source
                    for chosen in (source.selection, source.mask):
                        if chosen is not None:
                            blocks.update(_blocks(chosen))
        return sum(blocks.values())

    def inside(self) -> Bools | None:
        """Which pixels lie in the area; None: all."""
        if self.aoi is None:
            return None
        geometry, place = shapely.from_wkb(self.aoi), self.place
        if covers_grid(geometry, place.transform, place.height, place.width):
            return None
        found = inside(geometry, place.transform, place.height, place.width, all_touched=self.all_touched)
        return None if np.all(found) else found


def _blocks(chosen: Selection) -> Iterator[tuple[tuple[str, int], int]]:
    href = chosen.stored.href
    for offset, byte_count in zip(chosen.offsets.tolist(), chosen.byte_counts.tolist(), strict=True):
        yield (href, offset), byte_count
