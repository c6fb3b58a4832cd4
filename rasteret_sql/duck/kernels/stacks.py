"""read_cog of several rasters under names: the plan of a chip whose bands are theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rasteret_sql.duck.arguments.arguments import asked_area
from rasteret_sql.duck.arguments.call import Call
from rasteret_sql.duck.arguments.named_rasters import named_rasters
from rasteret_sql.duck.arguments.stacks import Stack, asked_names, first_href, stack_of
from rasteret_sql.duck.arguments.target_grids import Asked, asked_grids, grid_over
from rasteret_sql.duck.arrow.chip_facts import facts_row
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.duck.arrow.stack_rows import stack_source_row
from rasteret_sql.errors import RasteretError
from rasteret_sql.geo.window import Window, window_bounds
from rasteret_sql.raster.physical import require_real
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.stack.plan_stack import Layer, Placed, on_first, on_grid
from rasteret_sql.raster.stack.stack_facts import dtype_of, facts_of_layers, nodata_of
from rasteret_sql.raster.stack.stack_plan import Member, StackPlan

Row = dict[str, Any]


def stacked_rows(call: Call, policies: Sequence[str]) -> list[list[Row] | None]:
    """The chip, or none, of each row; nothing is fetched but headers of plain hrefs that are requested."""
    wanted, bands, levels, maths = call.areas(), call.bands(), call.levels(), call.math()
    resolutions, touched, grids = call.numbers("resolution"), call.flags("all_touched"), asked_grids(call)

    def needed(row: int, keys: Sequence[str]) -> set[str]:
        return asked_names(keys, bands[row], maths[row])

    finer = any(levels) or any(grids) or any(resolution is not None for resolution in resolutions)
    given = named_rasters(call.raster, overviews=finer, needed=needed)
    planner, planned, known = Planner(), list[list[Row] | None](), dict[Any, _Asked]()
    for i, named in enumerate(given):
        if named is None or wanted[i] is None:
            planned.append(None)
            continue
        try:
            request = ReadRequest(
                area=asked_area(wanted[i]),
                level=levels[i],
                resolution=resolutions[i],
                all_touched=touched[i],
            )
            grid = grids[i]
            resampling = "nearest" if grid is None else grid.resampling
            key = id(named), bands[i], id(maths[i]), resampling
            if key not in known:
                known[key] = _Asked(stack_of(named, bands[i], maths[i]), resampling)
            planned.append(list(_rows(planner, known[key], request, grid, policies[i])))
        except RasteretError as error:
            if policies[i] == "fail":
                raise
            source = {"on_error": "null", "error": str(error)}
            planned.append([{"href": first_href(named), "source": source}])
    return planned


def _rows(
    planner: Planner, asked: _Asked, request: ReadRequest, grid: Asked | None, on_error: str
) -> Iterator[Row]:
    layers = [layer for layer, _ in asked.read]
    if grid is None:
        placed = list(on_first(planner, layers, request))
    else:
        target, aoi = grid_over(layers[0].header, request, grid)
        stacked = on_grid(layers, [way for _, way in asked.read], target, request.level, aoi)
        placed = [] if stacked is None else [stacked]
    for one in placed:
        if any(one.plans[number] is not None for number in asked.answered):
            yield _row(asked, one, request, on_error)


class _Asked:
    """What is asked of some rasters, whatever the area: a join repeats them."""

    def __init__(self, stack: Stack, resampling: str) -> None:
        self.stack = stack
        self.read: list[tuple[Layer, str]] = []
        """The bands that are read and how they are resampled, each once; those of the answer first."""
        self._known: dict[tuple[int, int, str], int] = {}
        self.answered = tuple(self._number(layer, resampling) for layer in stack.layers)
        # classes and flags are never blended
        self.names = {text: self._number(layer, "nearest") for text, layer in stack.masking.items()}
        self.scalings = [layer.header.scaling(layer.band) for layer, _ in self.read]
        self.dtype, self.nodata = dtype_of(stack.layers), nodata_of(stack.layers)
        self.facts = facts_of_layers(stack.layers)
        if stack.physical:
            for layer in stack.layers:
                require_real(np.dtype(layer.header.dtype))
            self.dtype, self.nodata, self.facts = "float64", np.nan, self.facts.physical

    def _number(self, layer: Layer, resampling: str) -> int:
        key = (id(layer.header), layer.band, resampling)
        if key not in self._known:
            self._known[key] = len(self.read)
            self.read.append((layer, resampling))
        return self._known[key]


def _row(asked: _Asked, placed: Placed, request: ReadRequest, on_error: str) -> Row:
    stack, place, window = asked.stack, placed.place, placed.window
    plan = StackPlan(
        members=tuple(
            Member(plan=plan, dtype=layer.header.dtype, nodata=layer.header.nodata, scaling=scaling)
            for (layer, _), scaling, plan in zip(asked.read, asked.scalings, placed.plans, strict=True)
        ),
        answered=asked.answered,
        place=place,
        dtype=asked.dtype,
        nodata=asked.nodata,
        aoi=placed.aoi,
        all_touched=request.all_touched,
        physical=stack.physical,
        mask=stack.mask,
        names=asked.names,
        scaled=stack.scaled,
    )
    whole = Window(x_off=0, y_off=0, width=place.width, height=place.height)
    return {
        "href": stack.layers[0].header.href,
        "hrefs": [layer.header.href for layer, _ in asked.read],
        "bands": [layer.number for layer in stack.layers],
        "level": placed.level,
        "x_off": None if window is None else window.x_off,
        "y_off": None if window is None else window.y_off,
        "width": place.width,
        "height": place.height,
        "bbox": box(window_bounds(place.transform, whole)),
        "crs": place.crs,
        "transform": place.transform,
        "dtype": asked.dtype,
        "shape": plan.shape,
        "nodata": asked.nodata,
        **facts_row(asked.facts),
        "source": stack_source_row(plan, on_error),
    }
