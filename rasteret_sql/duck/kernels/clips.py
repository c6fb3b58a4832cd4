"""RS_Clip and RS_Mosaic: chips of rasters, and chips of chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import (
    asked_area,
    choices,
)
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.chip_values import chip_column, chips_of, each_chip, is_chip
from rasteret_sql.duck.arguments.pixel_math import scales_of
from rasteret_sql.duck.arguments.touching import any_touched, first_apart, note_touching
from rasteret_sql.duck.arrow.fits import duck_type, list_like
from rasteret_sql.duck.kernels.answers import collect_within_limit, room, room_of
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.clipping import only_inside, with_nodata
from rasteret_sql.raster.mosaic.mosaic import mosaic
from rasteret_sql.raster.mosaic.mosaic_methods import METHODS
from rasteret_sql.raster.physical import physical
from rasteret_sql.raster.read.plan import ReadRequest


@by_name
def clip(call: Call) -> pa.Array:
    """RS_Clip: the pixels of each raster inside its area; NULL where they do not overlap."""
    wanted = [value_or_raise(area) for area in call.areas()]
    levels, resolutions, asked = call.levels(), call.numbers("resolution"), call.bands()
    touched, cropped = call.flags("all_touched"), call.flags("crop")
    fills, scaled = call.numbers("nodata"), call.scales()
    requests = [
        None
        if area is None
        else ReadRequest(
            area=asked_area(area) if cropped[row] else None,
            bands=asked[row],
            level=levels[row],
            resolution=resolutions[row],
            all_touched=touched[row],
        )
        for row, area in enumerate(wanted)
    ]

    def clipped() -> Iterator[tuple[int, Chip]]:
        for row, chip in each_chip(call.raster, requests, scaled):
            area, fill = asked_area(wanted[row]), fills[row]
            cut: Chip | None = chip
            if area is not None and not cropped[row]:
                cut = only_inside(chip, area, all_touched=touched[row])
            if cut is not None:
                yield row, cut if fill is None else with_nodata(cut, fill)

    chips = collect_within_limit(clipped(), _size, room(call))
    there = any_touched(wanted, [chip is not None for chip in chips])
    note_touching("RS_Clip", call[ASKED], touched=there, first=first_apart(call.raster, wanted))
    return chip_column(chips)


def _size(chip: Chip) -> int:
    return chip.pixels.nbytes


def mosaic_of_chips(chips: pa.Array, method: pa.Array, scale: pa.Array, memory_limit: pa.Array) -> pa.Array:
    """RS_Mosaic: one chip of each list of chips; NULL of a list without any."""
    methods = choices(method, "method", tuple(METHODS))
    lists = _lists(chips)
    scaled = scales_of(chips.values if list_like(chips.type) else chips, scale)

    def mosaics() -> Iterator[tuple[int, Chip]]:
        for row, given in enumerate(lists):
            there = [physical(chip) if scaled[row] else chip for chip in given if chip is not None]
            if there:
                yield row, mosaic(there, methods[row])

    made = collect_within_limit(mosaics(), _size, room_of(memory_limit))
    return chip_column(made)


def _lists(column: pa.Array) -> Iterator[Sequence[Chip | None]]:
    """The chips of each row's list, when they are needed."""
    kind = column.type
    if pa.types.is_null(kind):
        return ([] for _ in range(len(column)))
    if not list_like(kind) or not (is_chip(kind.value_type) or pa.types.is_null(kind.value_type)):
        raise ArgumentError(
            f"chips is a {duck_type(kind)[:200]}; a list of chips was expected, such as "
            "list(c ORDER BY i.datetime) with rows c of read_cog"
        )
    return (_chips(column, row) for row in range(len(column)))


def _chips(column: pa.Array, row: int) -> Sequence[Chip | None]:
    values: Any = column[row].values
    if values is None or pa.types.is_null(values.type):
        return []
    return chips_of(values)
