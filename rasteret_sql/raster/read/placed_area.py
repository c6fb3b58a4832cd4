"""An area on the grid of a raster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.blocks.selection import Selection, select
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.window import Affine, Window
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.raster_level import LevelPart, RasterLevel, refuse_large


@dataclass(frozen=True, kw_only=True)
class PlacedArea:
    """The same for all rasters on that grid."""

    area: Aoi | Window | None
    """Kept, so that its ``id`` stays its own."""
    window: Window
    aoi: bytes | None
    """WKB in the raster's CRS."""
    transform: Affine
    """Of the window."""
    _blocks: dict[Any, npt.NDArray[np.int64]] = field(default_factory=dict)

    def blocks(self, part: LevelPart) -> npt.NDArray[np.int64]:
        """The blocks of the window; their numbers are the same for all rasters in tiles of one size."""
        blocks = self._blocks.get(part.layout)
        if blocks is None:
            blocks = self._blocks[part.layout] = part.stored.image.blocks(self.window, part.bands)
        return blocks

    def refuse_large(self, raster: RasterLevel) -> None:
        """LimitError where one of the blocks of the window is too large."""
        for part in raster.parts:
            self.select(part)

    def select(self, part: LevelPart) -> Selection:
        """The blocks of the window and where they lie; LimitError where one is too large."""
        selection = select(part.stored, part.level, self.blocks(part))
        if not part.is_readable:
            refuse_large(selection)
        return selection


def chip_of(raster: RasterLevel, placed: PlacedArea, *, all_touched: bool) -> ChipPlan:
    """The plan of one chip."""
    selections = [placed.select(part) for part in raster.parts]
    return ChipPlan(
        selection=selections[0],
        window=placed.window,
        bands=raster.bands,
        transform=placed.transform,
        nodata=raster.nodata,
        alpha_band=raster.alpha,
        mask=selections[1] if len(selections) > 1 else None,
        aoi=placed.aoi,
        all_touched=all_touched,
    )
