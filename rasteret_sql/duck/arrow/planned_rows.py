"""Planned chips and tiles as rows: what those of a raster, or of an area on a grid, share is made once."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from rasteret_sql.duck.arrow.chip_facts import facts_row
from rasteret_sql.duck.arrow.chip_source import (
    PlacedNumbers,
    math_text,
    own_source,
    placed_source,
    shared_by_chips,
    shared_of,
    shared_source,
)
from rasteret_sql.duck.arrow.plan_columns import PlannedRow, Row
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.geo.window import window_bounds
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath, bind_source
from rasteret_sql.raster.band_facts import UNKNOWN, facts_of
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.placed_area import PlacedArea, chip_of
from rasteret_sql.raster.read.raster_level import RasterLevel
from rasteret_sql.raster.warp.warp_plan import WarpPlan


class Wanted(NamedTuple):
    """What a row of the query asks of its raster, besides an area."""

    header: Header
    all_touched: bool
    on_error: str
    asked: BandMath | None
    bound: BoundMath | None
    """What an expression or a mask makes of its bands, where that is known before they are chosen."""


class PlannedRows:
    """Makes the rows of one vector."""

    def __init__(self) -> None:
        self._rasters: dict[Any, Row] = {}
        self._places: dict[Any, tuple[Row, PlacedNumbers]] = {}
        self._answers: dict[Any, _Answer] = {}

    def chip(self, wanted: Wanted, raster: RasterLevel, placed: PlacedArea) -> PlannedRow:
        """A chip of a raster's own pixels. ``raster`` and ``placed`` are those of one ``Planner``."""
        key = (id(raster), wanted.all_touched, wanted.on_error)
        shared = self._rasters.get(key)
        if shared is None:
            shared = _raster_row_of_chips(wanted, raster)
            if raster.is_readable:
                self._rasters[key] = shared
            else:
                placed.refuse_large(raster)
        place, numbers = self._place(raster, placed)
        row = PlannedRow({"source": {"plan": numbers.of(raster)}}, place, shared)
        return row if wanted.asked is None else self._answered(wanted, raster.bands, key, row)

    def _place(self, raster: RasterLevel, placed: PlacedArea) -> tuple[Row, PlacedNumbers]:
        key = (id(placed), raster.layout)
        known = self._places.get(key)
        if known is None:
            plan = chip_of(raster, placed, all_touched=False)
            row = _place_row(plan) | {"source": placed_source(plan)}
            known = self._places[key] = row, PlacedNumbers(raster, placed)
        return known

    def row(self, wanted: Wanted, level: int, plan: ChipPlan | WarpPlan, more: Row) -> PlannedRow:
        """A chip on another grid, or a tile, with values of columns that others do not have."""
        shared = shared_of(plan)
        key = (id(wanted.header), level, shared.bands, shared.all_touched, shared.alpha_band, wanted.on_error)
        raster = self._rasters.get(key)
        if raster is None:
            source = shared_source(shared, wanted.on_error)
            raster = self._rasters[key] = _raster_row(wanted.header, level, shared.bands, source)
        row = PlannedRow(_place_row(plan) | {"source": own_source(plan)} | more, {}, raster)
        return row if wanted.asked is None else self._answered(wanted, shared.bands, key, row)

    def _answered(self, wanted: Wanted, bands: tuple[int, ...], key: Any, row: PlannedRow) -> PlannedRow:
        assert wanted.asked is not None, "asked for something"
        answer = self._answers.get((*key, id(wanted.asked)))
        if answer is None:
            bound = wanted.bound or bind_source(wanted.asked, [band + 1 for band in bands], wanted.header)
            answer = self._answers[*key, id(wanted.asked)] = _Answer(row.raster, bound)
        return answer.row(row)


class _Answer:
    """What is made of the bands of a raster, in place of its pixels."""

    def __init__(self, raster: Row, bound: BoundMath) -> None:
        self._bound = bound
        self._places: dict[int, Row] = {}
        facts, bands = raster["band_facts"].of(range(bound.answered)), raster["bands"][: bound.answered]
        if bound.asked.expression is not None:
            facts, bands = UNKNOWN, None
        elif bound.physical is not None:
            facts = facts.physical
        self._raster = raster | {
            "bands": bands,
            **facts_row(facts),
            "dtype": bound.dtype,
            "nodata": bound.nodata,
            "source": raster["source"] | {"math": math_text(bound)},
        }

    def row(self, row: PlannedRow) -> PlannedRow:
        """A chip's or a tile's row with the answer's facts."""
        if self._bound.is_idle:
            return row
        if not row.place:
            return PlannedRow(self._sized(row.own), row.place, self._raster)
        place = self._places.get(id(row.place))
        if place is None:
            place = self._places[id(row.place)] = self._sized(row.place)
        return PlannedRow(row.own, place, self._raster)

    def _sized(self, row: Row) -> Row:
        bound, source = self._bound, row["source"]
        shape = (bound.answered, *row["shape"][1:])
        held = source["held"] + prod(shape) * np.dtype(bound.dtype).itemsize
        return row | {"shape": shape, "source": source | {"held": held}}


def _raster_row_of_chips(wanted: Wanted, raster: RasterLevel) -> Row:
    """The same as long as the header is kept."""

    def make() -> Row:
        source = shared_source(shared_by_chips(raster, all_touched=wanted.all_touched), wanted.on_error)
        return _raster_row(wanted.header, raster.number, raster.bands, source)

    key = (PlannedRows, raster.number, raster.bands, wanted.all_touched, wanted.on_error)
    return wanted.header.derived(key, make)


def _raster_row(header: Header, level: int, bands: tuple[int, ...], source: Row) -> Row:
    return {
        "href": header.href,
        "bands": [band + 1 for band in bands],
        "level": level,
        "crs": header.crs,
        "dtype": header.dtype,
        "nodata": header.nodata,
        **facts_row(facts_of(header, bands)),
        "source": source,
    }


def _place_row(plan: ChipPlan | WarpPlan) -> Row:
    if isinstance(plan, WarpPlan):
        target = plan.target
        return {
            "width": target.width,
            "height": target.height,
            "bbox": box(target.bounds),
            "crs": target.crs,
            "transform": target.transform,
            "shape": plan.shape,
        }
    window = plan.window
    return {
        "x_off": window.x_off,
        "y_off": window.y_off,
        "width": window.width,
        "height": window.height,
        "bbox": box(window_bounds(plan.transform, window)),
        "transform": plan.transform,
        "shape": plan.shape,
    }
