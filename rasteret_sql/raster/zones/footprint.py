"""The pixels of a grid that one zone covers, wholly or by a fraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.coverage import fractions
from rasteret_sql.geo.masks.rasterize import Outline, covers_grid
from rasteret_sql.geo.window import Affine, Window, window_transform

Cover = npt.NDArray[np.bool_] | npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ZoneGrid(Grid):
    """The pixels of one level of a raster, or of a chip, and its blocks."""

    tile_width: int
    tile_height: int
    name: str
    """What a message calls the raster."""
    note: str | None = None
    """Why it has no CRS."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a pixel counts."""

    all_touched: bool = False
    coverage: bool = False
    """By the fraction of it that the zone covers."""


WHOLE_PIXELS = Rule()


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The pixels of a grid that one zone covers."""

    window: Window
    whole: Cover | None = None
    """Of the window; None where all of it is covered, or where it is made part by part."""
    outline: Outline | None = None
    """In pixels of the window."""
    geometry: Any = None
    """In the grid's CRS, where there is no ``whole``; without an outline its fractions are what counts."""
    transform: Affine
    beyond: Footprint | None = None
    """The rest of the zone, at the other end of a global grid."""

    def cover(self, part: Window) -> Cover | None:
        """Which pixels of a part of the window count, or by how much; None: all, wholly."""
        if self.whole is not None and part == self.window:
            return self.whole
        if self.geometry is None:
            return None
        own = window_transform(self.transform, part)
        local = Window(
            x_off=part.x_off - self.window.x_off,
            y_off=part.y_off - self.window.y_off,
            width=part.width,
            height=part.height,
        )
        if self.outline is None:
            return fractions(self.geometry, self.transform, part)
        if covers_grid(self.geometry, own, part.height, part.width):
            return None
        return self.outline.burn(local)
