"""From a header and a target grid to the blocks that warping reads, and to the pixels on that grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.cog.header import Header
from rasteret_sql.cog.selection import Selection
from rasteret_sql.cog.window import Affine
from rasteret_sql.errors import ArgumentError, LimitError, RasteretError
from rasteret_sql.raster import chip as reading
from rasteret_sql.raster.chip import ChipPlan
from rasteret_sql.raster.groups import GROUP_BYTES, groups
from rasteret_sql.raster.mapping import Grid, Mapping
from rasteret_sql.raster.needed import boxes, narrow, window_of
from rasteret_sql.raster.plan import ReadRequest, pick_level, plan_chip
from rasteret_sql.raster.rasterize import covers_grid, inside
from rasteret_sql.raster.resample import reach
from rasteret_sql.raster.resample_area import REDUCTIONS
from rasteret_sql.raster.warp import require_resampling, warp
from rasteret_sql.settings import settings
from rasteret_sql.store.redact import place

Pixels = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

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
    def selection(self) -> Selection:
        """Of the source."""
        return self.source.selection

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
    def shape(self) -> tuple[int, int, int]:
        return len(self.bands), self.target.height, self.target.width

    @property
    def byte_count(self) -> int:
        """Bytes of the pixels on the target grid."""
        bands, rows, columns = self.shape
        return bands * rows * columns * np.dtype(self.selection.dtype).itemsize


def grid_of(header: Header, level: int = 0) -> Grid:
    """The grid of a file's level; ArgumentError without a CRS."""
    if header.crs is None:
        raise ArgumentError(f"{place(header.href)} has no CRS, so it cannot be placed on another grid")
    size = header.levels[level]
    return Grid(crs=header.crs, transform=header.level_transform(level), width=size.width, height=size.height)


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
    require_resampling(header.dtype, resampling, place(header.href))
    full = grid_of(header)
    number = pick_level(header, level, None)
    steps = _steps(target, full)
    if level is None:
        number = _level_for(header, min(steps))
    source = grid_of(header, number)
    steps = steps[0] * source.width / full.width, steps[1] * source.height / full.height
    margin = max(reach(resampling, step) for step in steps)
    found = _boxes(target, source, margin, resampling in REDUCTIONS)
    window = window_of(found, source.width, source.height)
    if window is None:
        return None
    planned = plan_chip(header, ReadRequest(area=window, bands=bands, level=number))
    assert planned is not None, "the window was clipped to the raster"
    chip = planned[1]
    chip = replace(
        chip,
        selection=narrow(chip.selection, found),
        mask=None if chip.mask is None else narrow(chip.mask, found),
    )
    return number, WarpPlan(
        source=chip, source_crs=source.crs, target=target, resampling=resampling, steps=steps
    )


# scenes of one tile of Sentinel-2 or path and row of Landsat lie on one grid, so that dates share these


@lru_cache(REMEMBERED)
def _steps(target: Grid, source: Grid) -> tuple[float, float]:
    return Mapping(target=target, source=source).scales()


@lru_cache(REMEMBERED)
def _boxes(target: Grid, source: Grid, margin: float, corners: bool) -> npt.NDArray[np.float64]:
    return boxes(Mapping(target=target, source=source), margin, corners=corners)


def _level_for(header: Header, step: float) -> int:
    best = 0
    for number, level in enumerate(header.levels):
        if header.full.width / level.width <= step + AS_FINE:
            best = number
    return best


def read_plans(
    plans: Sequence[ChipPlan | WarpPlan], arrays: Sequence[Pixels], *, stop_at_error: bool = False
) -> tuple[list[npt.NDArray[np.uint8] | None], list[RasteretError | None]]:
    """Fill ``arrays`` and give each chip's validity and error, as ``chip.read_chips`` does.

    All files are read in one batch, or in a few where the pixels under target grids exceed ``GROUP_BYTES``.
    """
    valid: list[npt.NDArray[np.uint8] | None] = [None] * len(plans)
    errors: list[RasteretError | None] = [None] * len(plans)
    most = min(GROUP_BYTES, settings().max_read_bytes)
    for group in groups(range(len(plans)), lambda i: _source_bytes(plans[i]), most=most):
        try:
            sources, pixels = _sources([plans[i] for i in group], [arrays[i] for i in group])
        except LimitError as too_large:
            for i in group:
                errors[i] = too_large
            continue
        masks, found = reading.read_chips(sources, pixels, stop_at_error=stop_at_error)
        for i, source, mask, error in zip(group, pixels, masks, found, strict=True):
            plan, errors[i], valid[i] = plans[i], error, mask
            if error is None and isinstance(plan, WarpPlan):
                good = _warp(plan, source, None if mask is None else mask.view(np.bool_), arrays[i])
                valid[i] = None if good.all() else good.view(np.uint8)
        if stop_at_error and any(found):
            break
    return valid, errors


def _sources(
    plans: Sequence[ChipPlan | WarpPlan], arrays: Sequence[Pixels]
) -> tuple[list[ChipPlan], list[Pixels]]:
    """What is read of the files, and where to: under a target grid into memory of its own."""
    sources = [plan.source if isinstance(plan, WarpPlan) else plan for plan in plans]
    under = iter(reading.allocate([plan.source for plan in plans if isinstance(plan, WarpPlan)])[1])
    return sources, [
        next(under) if isinstance(plan, WarpPlan) else array
        for plan, array in zip(plans, arrays, strict=True)
    ]


def _source_bytes(plan: ChipPlan | WarpPlan) -> int:
    """What is read besides the pixels that are answered."""
    return plan.source.byte_count if isinstance(plan, WarpPlan) else 0


def _warp(plan: WarpPlan, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools:
    window = plan.source.window
    source = Grid(
        crs=plan.source_crs, transform=plan.source.transform, width=window.width, height=window.height
    )
    good = warp(
        pixels,
        valid,
        Mapping(target=plan.target, source=source),
        out=out,
        resampling=plan.resampling,
        nodata=plan.nodata,
        steps=plan.steps,
    )
    if plan.aoi is not None:
        geometry = shapely.from_wkb(plan.aoi)
        rows, columns = good.shape
        if not covers_grid(geometry, plan.transform, rows, columns):
            good &= inside(geometry, plan.transform, rows, columns, all_touched=plan.all_touched)
    return good
