"""Kernels that put rasters on other grids: RS_ReprojectMatch, RS_Transform, RS_Resample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import chip_column, chips_of, is_chip
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.fits import fields_of
from rasteret_sql.duck.kernels.answers import collect_within_limit, room
from rasteret_sql.duck.kernels.facts import Facts, facts_of
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import bind_source
from rasteret_sql.raster.algebra.math_plan import MathPlan
from rasteret_sql.raster.band_facts import facts_of as facts_of_bands
from rasteret_sql.raster.chip import Chip, clip
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.physical import physical
from rasteret_sql.raster.read import chips as reading
from rasteret_sql.raster.read.chip_plan import pixel_bytes
from rasteret_sql.raster.read.plan import ReadRequest
from rasteret_sql.raster.read.read_plans import read_plans
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.warp.target import GridRequest, grid_for, resampled, suggested
from rasteret_sql.raster.warp.warp import algorithm, warp_chip
from rasteret_sql.raster.warp.warp_plan import WarpPlan, grid_of, plan_warp
from rasteret_sql.store.redact import display_href

Target = Callable[[int, Raster], Grid | None]
"""The grid that one row asks for; None for a row that asks for nothing."""


@by_name
def reproject_match(call: Call) -> pa.Array:
    """Every raster on the grid of its reference."""
    grids = _grids(call["reference"])
    return _warped(call, lambda row, _: grids[row])


@by_name
def transform(call: Call) -> pa.Array:
    """Every raster as a whole in another CRS."""
    systems, resolutions = call.texts("crs"), call.numbers("resolution")

    def target(row: int, source: Raster) -> Grid | None:
        system, step = systems[row], resolutions[row]
        if system is None:
            return None
        name, own = display_href(source.name), grid_of(source)
        if step is None:
            return suggested(own, system, name)
        return grid_for(GridRequest(crs=system, resolution=step), None, own, name)[0]

    return _warped(call, target)


@by_name
def resample(call: Call) -> pa.Array:
    """Every raster with other pixels over the same ground."""
    widths, heights = call.numbers("widthOrScale"), call.numbers("heightOrScale")
    scaled, x, y = call.flags("useScale"), call.finite("gridX"), call.finite("gridY")

    def target(row: int, source: Raster) -> Grid | None:
        across, down = widths[row], heights[row]
        if across is None or down is None:
            return None
        corner = (x[row], y[row])
        if scaled[row]:
            if not (across and down and np.isfinite([across, down]).all()):
                raise ArgumentError(f"pixels of {across:g} x {down:g}: a scale is a number other than 0")
            return resampled(grid_of(source), scale=(across, down), corner=corner)
        if not (1 <= across < 2**31 and 1 <= down < 2**31):
            raise ArgumentError(
                f"{across:g} x {down:g} pixels: columns and rows are at least 1 each; "
                "for pixels of that size pass useScale := true"
            )
        return resampled(grid_of(source), size=(int(across), int(down)), corner=corner)

    return _warped(call, target)


def _algorithms(call: Call) -> list[str]:
    """Resampling algorithms; nearest for NULL."""
    given = call.texts("algorithm")
    known = {text: algorithm(text) for text in set(given) if text is not None}
    return ["nearest" if text is None else known[text] for text in given]


def _grids(reference: pa.Array) -> list[Grid | None]:
    """The grid of every chip, index row or href."""
    if {"shape", "transform"} <= set(fields_of(reference.type)):
        return [None if known is None else _placed(known) for known in facts_of(reference)]
    headers = rasters(reference, [False] * len(reference))
    return [None if header is None else grid_of(value_or_raise(header)) for header in headers]


def _placed(chip: Facts) -> Grid:
    if chip.crs is None:
        raise ArgumentError("the reference has no CRS, so nothing can be placed on its grid")
    return Grid(crs=chip.crs, transform=chip.transform, width=chip.width, height=chip.height)


def _warped(call: Call, target: Target) -> pa.Array:
    raster, names, asked = call.raster, _algorithms(call), call.bands()
    levels, scaled = call.integers("level"), call.scales()
    within = room(call)
    if is_chip(raster.type):

        def warped() -> Iterator[tuple[int, Chip]]:
            for row, chip in enumerate(chips_of(raster)):
                if levels[row] is not None:
                    raise ArgumentError(
                        f"level := {sql(levels[row])}, but a chip has no levels; leave it out"
                    )
                if chip is None:
                    continue
                values = physical(chip) if scaled[row] else chip
                grid = target(row, values)
                wanted = clip(values, ReadRequest(bands=asked[row]))
                if grid is not None and wanted is not None:
                    within.check(_bytes(grid, wanted), 1)
                    answer = warp_chip(wanted, grid, names[row])
                    if answer is not None:
                        yield row, answer

        return chip_column(collect_within_limit(warped(), lambda chip: chip.pixels.nbytes, within))
    planned = _planned(raster, target, names, asked, levels, scaled)
    within.check(sum(pixel_bytes(one.plan) for one in planned), len(planned))
    found = (
        answer for group in groups(planned, lambda one: pixel_bytes(one.plan)) for answer in _read(group)
    )
    return chip_column(collect_within_limit(found, lambda chip: chip.pixels.nbytes, within))


def _bytes(grid: Grid, chip: Chip) -> int:
    return len(chip.pixels) * grid.height * grid.width * chip.pixels.itemsize


class _Planned(NamedTuple):
    row: int
    header: Header
    level: int
    plan: WarpPlan | MathPlan


def _planned(
    raster: pa.Array,
    target: Target,
    names: Sequence[str],
    bands: Sequence[tuple[int | str, ...] | None],
    levels: Sequence[int | None],
    scaled: Sequence[bool | None],
) -> list[_Planned]:
    plans = []
    for row, header in enumerate(rasters(raster, [True] * len(raster))):
        grid = None if header is None else target(row, value_or_raise(header))
        if header is None or grid is None:
            continue
        planned = plan_warp(value_or_raise(header), grid, names[row], bands=bands[row], level=levels[row])
        if planned is not None:
            plan = _physical(value_or_raise(header), planned[1]) if scaled[row] else planned[1]
            plans.append(_Planned(row=row, header=value_or_raise(header), level=planned[0], plan=plan))
    return plans


def _read(group: Sequence[_Planned]) -> Iterator[tuple[int, Chip]]:
    plans = [one.plan for one in group]
    _, arrays = reading.allocate(plans)
    valid, errors = read_plans(plans, arrays)
    for (row, header, number, plan), pixels, mask, error in zip(group, arrays, valid, errors, strict=True):
        if error is not None:
            raise error
        warp = plan.warp if isinstance(plan, MathPlan) else plan
        facts = facts_of_bands(header, warp.bands)
        chip = Chip(
            pixels=pixels,
            valid=None if mask is None else mask.view(np.bool_),
            transform=warp.transform,
            crs=warp.target.crs,
            nodata=plan.nodata,
            href=header.href,
            bands=tuple(band + 1 for band in warp.bands),
            level=number,
            facts=facts if plan is warp else facts.physical,
        )
        yield row, chip


def _physical(header: Header, plan: WarpPlan) -> WarpPlan | MathPlan:
    """The same of physical values, which are what is resampled."""
    bands = tuple(band + 1 for band in plan.bands)
    math = bind_source(BandMath(scale=True), bands, header)
    return plan if math.is_idle else MathPlan(plan=plan, math=math)
