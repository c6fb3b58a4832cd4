"""The arguments crs, resolution, resampling and size of read_cog, and plans of chips on target grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely

from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arguments.call import Call
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Window, clip_window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.cube.cube_grid import common_crs, own_grid, zone_of
from rasteret_sql.raster.read.plan import ReadRequest, pick_level
from rasteret_sql.raster.warp.target import LARGEST, GridRequest, grid_for, window_area
from rasteret_sql.raster.warp.warp import algorithm
from rasteret_sql.raster.warp.warp_plan import WarpPlan, grid_of, plan_warp
from rasteret_sql.store.redact import display_href


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one row asks of its target grid."""

    grid: GridRequest
    resampling: str


def asked_grids(call: Call) -> list[Asked | None]:
    """Every row's target grid; None where a resolution, or nothing, is all that is given."""
    systems, steps, ways = call.texts("crs"), call.numbers("resolution"), call.texts("resampling")
    sizes = [None if value is None else _size(value) for value in call.values("size")]
    known = {way: algorithm(way) for way in set(ways) if way is not None}
    return [
        None
        if system is None and way is None and pixels is None
        else Asked(
            grid=GridRequest(crs=system, resolution=step, size=pixels),
            resampling="nearest" if way is None else known[way],
        )
        for system, step, way, pixels in zip(systems, steps, ways, sizes, strict=True)
    ]


def _size(value: Any) -> tuple[int, int]:
    numbers = list(value) if isinstance(value, list | tuple) else [value, value]
    whole = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 < n <= LARGEST]
    if len(whole) != 2 or len(numbers) != 2:
        raise ArgumentError(
            f"size := {sql(value)}: a number of pixels above 0 was expected, or [columns, rows]; "
            f"at most {LARGEST:,} each"
        )
    return whole[0], whole[1]


def warped(header: Header, request: ReadRequest, asked: Asked) -> tuple[int, WarpPlan] | None:
    """Level and plan of one chip on its target grid; None where the raster has nothing there."""
    target, aoi = grid_over(header, request, asked)
    planned = plan_warp(header, target, asked.resampling, bands=request.bands, level=request.level)
    if planned is None or aoi is None:
        return planned
    level, plan = planned
    return level, replace(plan, aoi=aoi, all_touched=request.all_touched)


def grid_over(header: Header, request: ReadRequest, asked: Asked) -> tuple[Grid, bytes | None]:
    """The grid that is asked of a raster, and the area in its CRS where pixels outside are not valid."""
    name = display_href(header.href)
    target, geometry = grid_for(asked.grid, _area(header, request), grid_of(header), name)
    return target, shapely.to_wkb(geometry) if _masks(request.area, geometry, asked) else None


def shared_grid_over(
    headers: Sequence[Header], request: ReadRequest, asked: GridRequest
) -> tuple[Grid, bytes | None]:
    """One grid for several rasters, and the area in its CRS where pixels outside are not valid.

    Where nothing is asked, the pixels of the first raster; where the rasters have several CRSs, the UTM zone
    of the area.
    """
    first = headers[0]
    area, shared = _area(first, request), common_crs(headers)
    if asked == GridRequest() and shared is not None:
        target, geometry = own_grid(grid_of(first), area)
        masks = _masks(request.area, geometry, Asked(grid=asked, resampling="nearest"))
        return target, shapely.to_wkb(geometry) if masks else None
    crs = asked.crs or shared or zone_of(area)
    return grid_over(first, request, Asked(grid=replace(asked, crs=crs), resampling="nearest"))


def _masks(area: Aoi | Window | None, geometry: Any, asked: Asked) -> bool:
    """Whether pixels outside the area are not valid: a window is a place, and so is a point with a size."""
    if not isinstance(area, Aoi):
        return False
    return asked.grid.size is None or shapely.get_dimensions(geometry) == 2


def _area(header: Header, request: ReadRequest) -> Aoi | None:
    """The area in question; of a pixel window, the ground under it."""
    if not isinstance(request.area, Window):
        return request.area
    number = pick_level(header, request.level, None)
    level = header.levels[number]
    window = clip_window(request.area, level.width, level.height)
    if window is None:
        raise ArgumentError(
            f"the pixel window {sql(vars(request.area))} lies outside of {display_href(header.href)}, "
            f"which has {level.width} x {level.height} pixels"
        )
    grid = grid_of(header, number)
    return window_area(grid.transform, window, grid.known_crs)
