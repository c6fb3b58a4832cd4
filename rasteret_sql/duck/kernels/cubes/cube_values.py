"""Cubes as arguments: rows of read_cube and answers of RS_Stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.duck.arguments.arguments import sql, values_of
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import DTYPES
from rasteret_sql.duck.arrow.arrays import array_of, grid_lists, present
from rasteret_sql.duck.arrow.fits import fields_of
from rasteret_sql.duck.kernels.answers import Room, room
from rasteret_sql.duck.kernels.grids import require_exact
from rasteret_sql.errors import ArgumentError, LimitError
from rasteret_sql.geotiff.scaling import Scaling, scaling_of
from rasteret_sql.raster.physical import physical_pixels
from rasteret_sql.raster.read.plan import pick_band_numbers

NEEDED = ("time", "bands", "shape", "dtype", "data", "valid")
USED = (*NEEDED, "nodata", "scales", "offsets")
MAX_NUMBERS = 2**31 - 1
"""Numbers in the lists of one batch: their offsets are INTEGERs."""


@dataclass(frozen=True, kw_only=True)
class CubeValue:
    """One cube; pixels are views of DuckDB's own memory."""

    pixels: Pixels
    """``(steps, bands, rows, columns)``"""
    valid: Bools | None
    """``(steps, rows, columns)``; None where all are."""
    names: Sequence[str]
    nodata: float | None
    scalings: Sequence[Scaling | None]
    """Of the bands."""

    def physical(self) -> CubeValue:
        """The same with physical values, NaN where a band is nodata."""
        if not any(self.scalings):
            return self
        steps = [
            physical_pixels(
                step, None if self.valid is None else self.valid[number], self.nodata, self.scalings
            )
            for number, step in enumerate(self.pixels)
        ]
        return replace(self, pixels=np.stack(steps), scalings=[None] * len(self.scalings))


def is_cube(kind: Any) -> bool:
    """Whether rows of this type are cubes."""
    names = set(fields_of(kind))
    return set(NEEDED) <= names and "href" not in names


def cubes_of(column: pa.Array, scaled: Sequence[bool | None]) -> Iterator[CubeValue | None]:
    """Every row's cube, physical values where they are wanted; None where the row or its data is NULL."""
    names = fields_of(column.type)
    columns = {
        name: values_of(column.field(name)) if name not in ("data", "valid") else _buffers(column.field(name))
        for name in USED
        if name in names
    }
    there = present(column)
    for row, wanted in enumerate(scaled):
        if not there[row] or columns["data"][row] is None:
            yield None
            continue
        cube = _cube({name: values[row] for name, values in columns.items()})
        yield cube.physical() if wanted else cube


def _buffers(column: pa.Array) -> list[memoryview | None]:
    """BLOBs without a copy."""
    if pa.types.is_null(column.type):
        return [None] * len(column)
    return [None if not value.is_valid else memoryview(value.as_buffer()) for value in column]


def _cube(row: dict[str, Any]) -> CubeValue:
    dtype, shape, data, valid = (row[name] for name in ("dtype", "shape", "data", "valid"))
    whole = "pass a row of read_cube as it is"
    if dtype not in DTYPES or shape is None or len(shape) != 4 or not all(n and n > 0 for n in shape):
        raise ArgumentError(f"the cube has dtype {sql(dtype)} and shape {sql(shape)}; {whole}")
    steps, bands, rows, columns = shape
    kind = np.dtype(dtype).newbyteorder("<")
    if len(data) != steps * bands * rows * columns * kind.itemsize or (
        valid is not None and len(valid) != steps * rows * columns
    ):
        raise ArgumentError(
            f"the cube has {len(data):,} bytes of data, which with valid do not fit its shape {sql(shape)} "
            f"of {dtype}; {whole}"
        )
    scales, offsets = row.get("scales"), row.get("offsets")
    for name, values in (("scales", scales), ("offsets", offsets), ("bands", row["bands"])):
        if values is not None and len(values) != bands:
            raise ArgumentError(f"the cube has {bands} bands and {name} {sql(values)}; {whole}")
    return CubeValue(
        pixels=np.frombuffer(data, kind).reshape(shape),
        valid=None if valid is None else np.frombuffer(valid, np.uint8).reshape(steps, rows, columns) != 0,
        names=row["bands"] or [f"b{band + 1}" for band in range(bands)],
        nodata=row.get("nodata"),
        scalings=[scaling_of(_floats(scales), _floats(offsets), band) for band in range(bands)],
    )


def _floats(values: Sequence[Any] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(map(float, values))


@by_name
def cube_as_array(call: Call) -> pa.Array:
    """RS_AsArray: one band of every time step as rows of DOUBLE, NULL where a pixel is not valid."""
    if not is_cube(call.raster.type):
        raise ArgumentError(
            "the raster has a column time with a list of times, and is not a row of read_cube or an answer "
            "of RS_Stack; pass one as it is"
        )
    return cube_lists(call.raster, call.one_band(), call.scales(), room(call))


def cube_lists(
    column: pa.Array, asked: Sequence[int | str], scaled: Sequence[bool | None], within: Room
) -> pa.Array:
    """One band of every cube as DOUBLE[][][], NULL where a pixel is not valid."""
    steps: list[list[pa.Array] | None] = []
    count = answers = 0
    for band, cube in zip(asked, cubes_of(column, scaled), strict=True):
        if cube is None:
            steps.append(None)
            continue
        (number,) = pick_band_numbers((band,), len(cube.names), cube.names, "the cube")
        pixels = cube.pixels[:, number]
        count, answers = count + pixels.size, answers + 1
        within.check(count * 8, answers)
        if count > MAX_NUMBERS:
            raise LimitError(
                f"the cubes of one batch hold {count:,} pixels; the lists of one batch at most "
                f"{MAX_NUMBERS:,}. Take smaller cubes, or their data column"
            )
        require_exact(pixels, cube.valid)
        steps.append(
            [
                grid_lists(one, None if cube.valid is None else cube.valid[step])
                for step, one in enumerate(pixels)
            ]
        )
    grids = [grid for some in steps for grid in some or ()]
    rows = pa.concat_arrays(grids) if grids else array_of([], "DOUBLE[]")
    inner = _lists(rows, [len(grid) for grid in grids])
    return _lists(inner, [0 if some is None else len(some) for some in steps], [s is not None for s in steps])


def _lists(items: pa.Array, lengths: Sequence[int], there: Sequence[bool] | None = None) -> pa.Array:
    offsets = np.append(0, np.cumsum(lengths, dtype=np.int64)).astype(np.int32)
    bitmap = None
    if there is not None:
        bitmap = pa.py_buffer(np.packbits(np.array(there, np.bool_), bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(items.type), len(lengths), buffers, children=[items])
