"""From a header and a target grid to the blocks that warping reads, and from these to pixels on that grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.geo.masks.rasterize import covers_grid, inside
from rasteret_sql.geo.window import Affine
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.read.chip_plan import ChipPlan, with_joined_masks
from rasteret_sql.raster.read.plan import ReadRequest, pick_level, plan_chip, without_crs
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.warp.resample import reach
from rasteret_sql.raster.warp.resample_area import REDUCTIONS
from rasteret_sql.raster.warp.source_blocks import boxes, keep_blocks_touching, window_of
from rasteret_sql.raster.warp.warp import require_resampling, warp
from rasteret_sql.store.redact import display_href

AS_FINE = 0.1
"""An overview may be coarser than the target by this share of a full pixel; gdalwarp's rule too."""
REMEMBERED = 128
"""Pairs of grids whose arithmetic is kept."""


@dataclass(frozen=True, kw_only=True)
class WarpPlan:
    """All that one chip on a target grid takes; made without a request when the header is known."""

    source: ChipPlan
    source_crs: str
    target: Grid
    resampling: str
    steps: tuple[float, float]
    """Columns and rows of the source level that one pixel of the target takes."""
    aoi: bytes | None = None
    """WKB in the target's CRS; None: every pixel of the target is inside."""
    all_touched: bool = False

    @property
    def to_read(self) -> ChipPlan:
        return with_joined_masks(self.source)

    @property
    def transform(self) -> Affine:
        """Of the target's pixels."""
        return self.target.transform

    @property
    def bands(self) -> tuple[int, ...]:
        return self.source.bands

    @property
    def nodata(self) -> float | None:
        return self.source.nodata

    @property
    def dtype(self) -> str:
        return self.source.dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.bands), self.target.height, self.target.width

    def finish(self, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools:
        """Fill ``out`` from the pixels of the source, and say which of it are valid."""
        return self.finish_as(pixels, valid, out, nodata=self.nodata)

    def finish_as(self, pixels: Pixels, valid: Bools | None, out: Pixels, *, nodata: float | None) -> Bools:
        """The same of pixels that were made of those of the source, and have a nodata of their own."""
        window = self.source.window
        source = Grid(
            crs=self.source_crs, transform=self.source.transform, width=window.width, height=window.height
        )
        good = warp(
            pixels,
            valid,
            Mapping(target=self.target, source=source),
            out=out,
            resampling=self.resampling,
            nodata=nodata,
            steps=self.steps,
        )
        if self.aoi is not None:
            geometry = shapely.from_wkb(self.aoi)
            rows, columns = good.shape
            if not covers_grid(geometry, self.transform, rows, columns):
                good &= inside(geometry, self.transform, rows, columns, all_touched=self.all_touched)
        return good


def grid_of(raster: Raster, level: int = 0) -> Grid:
    """The grid of a raster's level; ArgumentError without a CRS."""
    if raster.crs is None:
        name = without_crs(display_href(raster.name), raster.crs_note)
        raise ArgumentError(f"{name}, so it cannot be placed on another grid")
    return raster.grid(level)


def plan_warp(
    header: Header,
    target: Grid,
    resampling: str,
    *,
    bands: tuple[int | str, ...] | None = None,
    level: int | None = None,
) -> tuple[int, WarpPlan] | None:
    """The level that is read and the plan; None where the target holds nothing of the raster.

    Without ``level`` it is the coarsest whose pixels are no larger than the target's, as ``gdalwarp -ovr
    AUTO`` chooses.
    """
    require_resampling(header.dtype, resampling, display_href(header.href))
    full = grid_of(header)
    number = pick_level(header, level, None)
    steps = steps_between(target, full)
    if level is None:
        number = _level_for(header, min(steps))
    source = grid_of(header, number)
    steps = steps[0] * source.width / full.width, steps[1] * source.height / full.height
    margin = max(reach(resampling, step) for step in steps)
    source_boxes = _boxes(target, source, margin, resampling in REDUCTIONS)
    window = window_of(source_boxes, source.width, source.height)
    if window is None:
        return None
    planned = plan_chip(header, ReadRequest(area=window, bands=bands, level=number))
    assert planned is not None, "the window was clipped to the raster"
    chip = planned[1]
    chip = replace(
        chip,
        selection=keep_blocks_touching(chip.selection, source_boxes),
        mask=None if chip.mask is None else keep_blocks_touching(chip.mask, source_boxes),
    )
    return number, WarpPlan(
        source=chip, source_crs=source.known_crs, target=target, resampling=resampling, steps=steps
    )


# scenes of one tile of Sentinel-2 or path and row of Landsat lie on one grid, so that dates share these


@lru_cache(REMEMBERED)
def steps_between(target: Grid, source: Grid) -> tuple[float, float]:
    """Columns and rows of the source that one pixel of the target takes."""
    return Mapping(target=target, source=source).scales()


@lru_cache(REMEMBERED)
def _boxes(target: Grid, source: Grid, margin: float, corners: bool) -> npt.NDArray[np.float64]:
    return boxes(Mapping(target=target, source=source), margin, corners=corners)


def _level_for(header: Header, step: float) -> int:
    best = 0
    for number, level in header.choices:
        if header.full.width / level.width <= step + AS_FINE:
            best = number
    return best
