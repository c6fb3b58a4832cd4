"""The plan of each band of a scene on the grid of its cube."""

from __future__ import annotations

from collections.abc import Sequence

from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.cube.cube_grid import own_pixels
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.stack.plan_stack import Layer
from rasteret_sql.raster.warp.warp_plan import WarpPlan, plan_warp


def place_layers(
    planner: Planner, layers: Sequence[tuple[Layer, str]], target: Grid
) -> list[ChipPlan | WarpPlan | None]:
    """Bands with how they are resampled; None where nothing of the raster lies on the grid.

    Where the grid's pixels are a raster's own they are taken as they are, whatever the resampling.
    """
    return [_place(planner, layer, resampling, target) for layer, resampling in layers]


def _place(planner: Planner, layer: Layer, resampling: str, target: Grid) -> ChipPlan | WarpPlan | None:
    header, bands = layer.header, layer.bands
    own = own_pixels(header, target)
    if own is not None and own[1] is not None:
        level, window = own
        planned = planner.chip(header, ReadRequest(area=window, bands=bands, level=level))
        return None if planned is None else planned[1]
    level_read, way = (None, resampling) if own is None else (own[0], "nearest")
    warped = plan_warp(header, target, way, bands=bands, level=level_read)
    return None if warped is None else warped[1]
