"""RS_MapAlgebra: an expression over the pixels of rasters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.chip_values import chip_column
from rasteret_sql.duck.arguments.expression_rows import Row, rows_of
from rasteret_sql.duck.arguments.named_rasters import NamedRaster, read_rasters
from rasteret_sql.duck.arguments.touching import any_touched, note_touching
from rasteret_sql.duck.kernels.answers import room
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import Column, answer, column
from rasteret_sql.raster.chip import Chip, clip
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read.plan import ReadRequest, plan_chip
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.warp.align import grid_under, onto, require_placed, same_place
from rasteret_sql.raster.warp.warp_plan import grid_of, plan_warp, steps_between
from rasteret_sql.store.redact import display_href


@by_name
def map_algebra(call: Call) -> pa.Array:
    """One chip per row: the expression's answer on the grid of the first raster that it names."""
    rows = rows_of(call)
    chips: list[Chip | None] = [None] * len(call)
    held, answered, within = 0, 0, room(call)
    for group in groups(rows, _bytes):
        for one, chip in zip(group, _answers(group), strict=True):
            chips[one.row] = chip
            if chip is not None:
                held, answered = held + chip.pixels.nbytes, answered + 1
                within.check(held, answered)
    there = [chips[one.row] is not None for one in rows]
    touched = any_touched([one.request.area for one in rows], there)
    note_touching("RS_MapAlgebra", call[ASKED], touched=touched, first=lambda: _first(rows))
    return chip_column(chips)


def _first(rows: Sequence[Row]) -> tuple[Aoi, Raster] | None:
    for one in rows:
        first, request = one.read(one.first)
        if isinstance(request.area, Aoi) and first.raster is not None:
            return request.area, first.raster
    return None


def _bytes(one: Row) -> int:
    """What the rasters and the answer take, about, where the first is a file: others may be finer."""
    raster, request = one.read(one.first)
    if raster.header is None:
        return 0
    planned = plan_chip(raster.header, request)
    if planned is None:
        return 0
    window, total = planned[1].window, 8.0
    first = grid_of(raster.header, planned[0]) if raster.header.crs else None
    for text, (name, _) in one.places.items():
        header = one.rasters[name].header
        total += _finer(header, raster.header, first) * np.dtype(one.dtypes[text]).itemsize
    return int(window.width * window.height * total)


def _finer(header: Header | None, first: Header, grid: Grid | None) -> float:
    """Pixels of a raster under one pixel of the first, or 1."""
    if header is None or header is first or header.crs is None or grid is None:
        return 1.0
    across, down = steps_between(grid, grid_of(header))
    return max(1.0, across * down)


def _answers(rows: Sequence[Row]) -> list[Chip | None]:
    """Read the first raster of every row, then what the others have there, all files of a kind together."""
    firsts = read_rasters([one.read(one.first) for one in rows])
    there = [i for i, chip in enumerate(firsts) if chip is not None]
    answers = answers_on([rows[i] for i in there], [chip for chip in firsts if chip is not None])
    for i, found in zip(there, answers, strict=True):
        firsts[i] = found
    return firsts


def answers_on(rows: Sequence[Row], firsts: Sequence[Chip]) -> list[Chip]:
    """The answer of every row over its first raster's chip, whose bands are those that are needed of it."""
    wanted = {}
    for i, (one, chip) in enumerate(zip(rows, firsts, strict=True)):
        for name in one.others:
            asked = _around(one, name, chip)
            if asked is not None:
                wanted[i, name] = asked
    others = dict(zip(wanted, read_rasters(list(wanted.values())), strict=True))
    return [
        _answer(one, chip, {name: others.get((i, name)) for name in one.others})
        for i, (one, chip) in enumerate(zip(rows, firsts, strict=True))
    ]


def _around(one: Row, name: str, first: Chip) -> tuple[NamedRaster, ReadRequest] | None:
    """What is read of another raster: what lies under the first chip; all of a chip, or without a CRS.

    Where the first is an overview, the others' coarsest level that is no coarser. None: nothing lies there.
    """
    changes: dict[str, Any] = {"area": None, "level": None, "all_touched": True}
    header = one.rasters[name].header
    if header is None:
        return one.read(name, **changes)
    require_placed(header.crs, header.transform, first, f"{name} ({display_href(header.href)})")
    if first.crs is None:
        return one.read(name, **changes)
    if same_place(header.crs, first.crs):
        changes["area"] = Aoi(geometry=shapely.box(*first.bounds), crs=first.crs)
        if first.level:
            a, b, _, d, e, _ = first.transform
            changes["resolution"] = max(math.hypot(a, d), math.hypot(b, e))
        return one.read(name, **changes)
    planned = plan_warp(header, grid_under(first), "nearest", level=None if first.level else 0)
    if planned is None:
        return None
    return one.read(name, area=planned[1].source.window, level=planned[0], resolution=None)


def _answer(one: Row, first: Chip, others: Mapping[str, Chip | None]) -> Chip:
    shape = first.pixels.shape[1:]
    columns: dict[str, Column] = {}
    for text, (name, band) in one.places.items():
        chip = first if name == one.first else others[name]
        if chip is None:  # nothing of it lies here
            nothing = np.zeros(shape, one.dtypes[text])
            columns[text] = Column(nothing, np.ones(shape, np.bool_), one.scalings.get(text))
            continue
        placed = onto(chip, first, name)
        columns[text] = column(placed, one.bands(name).index(band), one.scalings.get(text))
    computed = answer(one.asked, columns, first)
    inside = None
    if isinstance(one.request.area, Aoi) and first.valid is not None:
        inside = clip(replace(first, valid=None), one.request)
    if inside is None or inside.valid is None or inside.valid.shape != shape:
        return computed
    return _outside(computed, ~inside.valid)


def _outside(chip: Chip, outside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Chip:
    """An expression that gives numbers for NULL gives none outside the area."""
    valid = ~outside if chip.valid is None else chip.valid & ~outside
    chip.pixels[:, ~valid] = 0 if chip.nodata is None else chip.nodata
    return replace(chip, valid=valid)
