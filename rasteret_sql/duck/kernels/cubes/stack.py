"""RS_Stack: chips that are there already as a cube."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.pixel_math import scales_of
from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import array_of, blobs_of, present
from rasteret_sql.duck.arrow.duck_types import declared
from rasteret_sql.duck.arrow.fits import duck_type
from rasteret_sql.duck.arrow.lists import list_parts
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.duck.kernels.answers import collect_within_limit, room
from rasteret_sql.duck.kernels.cubes.scenes import is_list, micros_of, time_of
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.cube.stack_chips import Cube, stack_chips
from rasteret_sql.raster.physical import physical

EXPECTED = "a list of chips was expected, such as list(c ORDER BY i.datetime) with rows c of read_cog"


@by_name
def stack(call: Call) -> pa.Array:
    """One cube of each list of chips; NULL of a list without any."""
    column = call["chips"]
    times = _times(call["times"])
    inner = column.values if is_list(column.type) else column
    scales = scales_of(inner, call["scale"])
    kept: list[list[int | None] | None] = [None] * len(column)

    def cubes() -> Iterator[tuple[int, Cube]]:
        for row, given in enumerate(_chips(column)):
            there = [number for number, chip in enumerate(given) if chip is not None]
            if not there:
                continue
            kept[row] = _kept(times[row], there, len(given))
            chips = [chip for chip in given if chip is not None]
            if scales[row]:
                chips = [physical(chip) for chip in chips]
            yield row, stack_chips(chips, any_scale=scales[row] is not None)

    found = collect_within_limit(cubes(), lambda cube: cube.pixels.nbytes, room(call))
    return _column(found, kept)


def _kept(times: Sequence[int | None] | None, there: Sequence[int], count: int) -> list[int | None] | None:
    """The times of the chips that are there."""
    if times is None:
        return None
    if len(times) != count:
        raise ArgumentError(f"{count} chips and {len(times)} times: a time for each chip was expected")
    return [times[number] for number in there]


def _times(column: pa.Array) -> list[list[int | None] | None]:
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if not is_list(column.type):
        raise ArgumentError(f"times is a {duck_type(column.type)}; a list of times was expected")
    values, starts, lengths = list_parts(column)
    micros = micros_of(values)
    return [
        micros[start : start + length] if there else None
        for start, length, there in zip(starts.tolist(), lengths.tolist(), present(column), strict=True)
    ]


def _chips(column: pa.Array) -> Iterator[Sequence[Chip | None]]:
    """The chips of each row's list, when they are needed."""
    kind = column.type
    if pa.types.is_null(kind):
        yield from ([] for _ in range(len(column)))
        return
    values_type = kind.value_type if is_list(kind) else None
    if values_type is None or not (is_chip(values_type) or pa.types.is_null(values_type)):
        raise ArgumentError(f"chips is a {duck_type(kind)[:200]}; {EXPECTED}")
    values, starts, lengths = list_parts(column)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        part = values.slice(start, length)
        yield [] if not length or pa.types.is_null(values_type) else chips_of(part)


def _column(cubes: list[Cube | None], times: Sequence[Sequence[int | None] | None]) -> pa.Array:
    """Cubes as one column of ``types.CUBE``; None is NULL. Their pixels are let go one by one."""
    plain = [None if cube is None else _row(cube, when) for cube, when in zip(cubes, times, strict=True)]
    columns, fields = [], []
    for name, kind in declared(types.CUBE).children.items():
        if name == "data":
            child = blobs_of(_taken(cubes))
        else:
            child = array_of([None if row is None else row.get(name) for row in plain], kind)
        fields.append(pa.field(name, child.type))
        columns.append(child)
    there = np.array([row is not None for row in plain], np.bool_)
    bitmap = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.struct(fields), len(there), [bitmap], children=columns)


def _taken(cubes: list[Cube | None]) -> Iterator[Any]:
    for place, cube in enumerate(cubes):
        cubes[place] = None
        yield None if cube is None else cube.pixels


def _row(cube: Cube, times: Sequence[int | None] | None) -> dict[str, Any]:
    grid = cube.grid
    return {
        "time": None if times is None else [None if one is None else time_of(one) for one in times],
        "bands": cube.names,
        "shape": cube.pixels.shape,
        "dtype": cube.pixels.dtype.name,
        "nodata": cube.nodata,
        "crs": grid.crs,
        "transform": grid.transform,
        "bbox": box(grid.bounds),
        "scales": [scaling.scale for scaling in cube.scalings] or None,
        "offsets": [scaling.offset for scaling in cube.scalings] or None,
        "valid": None if cube.valid is None else cube.valid.tobytes(),
    }
