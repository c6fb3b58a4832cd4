"""From bands of several rasters to one grid, and to the plan of each band on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import shapely

from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.plan import Planner, ReadRequest, pick_level
from rasteret_sql.raster.stack.aligned_plan import AlignedPlan, chip_on
from rasteret_sql.raster.warp.align import grid_under, require_placed, same_place
from rasteret_sql.raster.warp.warp_plan import WarpPlan, plan_warp
from rasteret_sql.store.redact import display_href

MemberPlan = ChipPlan | AlignedPlan | WarpPlan


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One band of one of several rasters."""

    name: str
    """As it was requested."""
    header: Header
    number: int
    """Of the raster among all, from 1."""
    band: int
    """In its file, from 0."""

    @property
    def bands(self) -> tuple[int | str, ...]:
        """As a request has it."""
        return (self.band + 1,)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A grid, and the plan of each layer on it; None where nothing of a layer lies there."""

    level: int
    """Of the first layer that lies there."""
    window: Window | None
    """Of the first raster's level; None of a grid of its own."""
    place: Grid
    plans: Sequence[MemberPlan | None]
    aoi: bytes | None
    """The area, WKB in the CRS of the grid; None: every pixel is inside."""


def on_first(planner: Planner, layers: Sequence[Layer], request: ReadRequest) -> Iterator[Placed]:
    """The chips of the first layer, and what the others have there by the nearest pixel.

    None where the area does not overlap the first; two where it lies across the ends of a global raster.
    """
    first = layers[0]
    own = ReadRequest(
        area=request.area, bands=first.bands, level=request.level, resolution=request.resolution
    )
    for level, plan in planner.chips(first.header, own):
        window = plan.window
        place = Grid(crs=first.header.crs, transform=plan.transform, width=window.width, height=window.height)
        base = _Base(planner=planner, header=first.header, level=level, window=window, chip=chip_on(place))
        plans = tuple(base.plan(layer) for layer in layers)
        yield Placed(level=level, window=window, place=place, plans=plans, aoi=plan.aoi)


def on_grid(
    layers: Sequence[Layer], resampling: Sequence[str], target: Grid, level: int | None, aoi: bytes | None
) -> Placed | None:
    """All layers warped to one grid; None where it holds nothing of any.

    ``level`` is the first raster's; of the others it is the coarsest whose pixels are no larger than the
    grid's.
    """
    planned = [
        plan_warp(
            layer.header,
            target,
            algorithm,
            bands=layer.bands,
            level=level if layer.header is layers[0].header else None,
        )
        for layer, algorithm in zip(layers, resampling, strict=True)
    ]
    levels = [one[0] for one in planned if one is not None]
    if not levels:
        return None
    place = target
    plans = tuple(None if one is None else one[1] for one in planned)
    return Placed(level=levels[0], window=None, place=place, plans=plans, aoi=aoi)


class _Base:
    """A window of the first raster, on which others are placed."""

    def __init__(self, *, planner: Planner, header: Header, level: int, window: Window, chip: Chip) -> None:
        self._planner = planner
        self._header, self._level, self._window = header, level, window
        self._chip = chip
        self._area: Aoi | None = None

    def plan(self, layer: Layer) -> MemberPlan | None:
        header, name = layer.header, f"{layer.name} ({display_href(layer.header.href)})"
        require_placed(header.crs, header.transform, self._chip, name)
        if not same_place(header.crs, self._header.crs):
            whole = None if self._level else 0
            planned = plan_warp(header, grid_under(self._chip), "nearest", bands=layer.bands, level=whole)
            return None if planned is None else planned[1]
        level = self._level if header is self._header else pick_level(header, None, self._resolution)
        if self._is_on_grid(header, level):
            return self._chip_plan(layer, level, self._window)
        source = self._chip_plan(layer, level, None if header.crs is None else self._ground)
        if source is None:
            return None
        place = Grid(
            crs=self._header.crs,
            transform=self._chip.transform,
            width=self._window.width,
            height=self._window.height,
        )
        return AlignedPlan(source=source, crs=header.crs, target=place, name=name)

    def _chip_plan(self, layer: Layer, level: int, area: Aoi | Window | None) -> ChipPlan | None:
        request = ReadRequest(area=area, bands=layer.bands, level=level, all_touched=True)
        planned = self._planner.chip(layer.header, request)
        if planned is None:
            return None
        plan = planned[1]
        return plan if plan.aoi is None else replace(plan, aoi=None)

    def _is_on_grid(self, header: Header, level: int) -> bool:
        """Whether the window counts pixels of this raster too."""
        own, window = header.levels[level], self._window
        return (
            header.level_transform(level) == self._header.level_transform(self._level)
            and window.x_off + window.width <= own.width
            and window.y_off + window.height <= own.height
        )

    @property
    def _resolution(self) -> float | None:
        """Of an overview, the size of its pixels, which those of others should not exceed."""
        if not self._level:
            return None
        a, b, _, d, e, _ = self._chip.transform
        return max(math.hypot(a, d), math.hypot(b, e))

    @property
    def _ground(self) -> Aoi:
        """What the window covers; one object for all rasters, because planners know areas by it."""
        if self._area is None:
            assert self._chip.crs is not None, "asked of rasters with a CRS"
            self._area = Aoi(geometry=shapely.box(*self._chip.bounds), crs=self._chip.crs)
        return self._area
