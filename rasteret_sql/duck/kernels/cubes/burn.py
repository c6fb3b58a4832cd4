"""RS_Burn: geometries with values as a label chip on the grid of pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments import arguments
from rasteret_sql.duck.arguments.arguments import sql, types_of, values_of
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.chip_values import chip_column
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.arrays import array_of, present
from rasteret_sql.duck.arrow.fits import duck_type, fields_of
from rasteret_sql.duck.arrow.lists import list_parts
from rasteret_sql.duck.kernels.answers import collect_within_limit, room
from rasteret_sql.duck.kernels.cubes.scenes import is_list
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.burn import DTYPES, MERGES, Shape, Value
from rasteret_sql.raster.burn import burn as burnt
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.warp.warp_plan import grid_of
from rasteret_sql.store.redact import display_href

GEOMETRIES = ("geom", "geometry")
VALUE = "value"
CRS_OF = re.compile(r"""\b(?:geom|geometry)"? (GEOMETRY\('(?:[^']|'')*'\))""", re.IGNORECASE)
EXPECTED = "expected a list of STRUCT(geom, value), such as list({'geom': f.geom, 'value': f.class})"
PLACED = ("transform", "crs", "shape")
WHOLE_FLOATS = 2.0**53


@by_name
def burn(call: Call) -> pa.Array:
    """One label chip a row; NULL without shapes or without a grid."""
    shapes, grids = _shapes(call), _grids(call["grid"])
    merges, touched = call.choices("merge", MERGES), call.flags("all_touched")
    dtypes = [_dtype(text) for text in call.texts("dtype")]
    fills = [0 if value is None else _number(value, "fill") for value in call.values("fill")]
    within = room(call)

    def chips() -> Iterator[tuple[int, Chip]]:
        for row, (some, placed) in enumerate(zip(shapes, grids, strict=True)):
            if some is None or placed is None:
                continue
            name, grid = placed
            within.check(grid.width * grid.height, 1)
            pixels = burnt(
                some,
                grid,
                name,
                dtype=dtypes[row],
                merge=merges[row],
                fill=fills[row],
                all_touched=touched[row],
            )
            yield (
                row,
                Chip(
                    pixels=pixels[np.newaxis],
                    valid=None,
                    transform=grid.transform,
                    crs=grid.crs,
                    nodata=None,
                    bands=(1,),
                ),
            )

    return chip_column(collect_within_limit(chips(), lambda chip: chip.pixels.nbytes, within))


def _dtype(text: str | None) -> str | None:
    if text is not None and text not in DTYPES:
        raise ArgumentError(f"dtype := {sql(text)}: one of {', '.join(map(sql, DTYPES))} was expected")
    return text


def _number(value: Any, name: str) -> Value:
    """A whole number as it is, another one as a float."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | Decimal) and np.isfinite(number := float(value)):
        return int(number) if isinstance(value, Decimal) and number == int(value) else number
    raise ArgumentError(f"{name} := {sql(value)}: a finite number was expected")


def _shapes(call: Call) -> list[list[Shape] | None]:
    """The shapes of every row; those whose geometry or value is NULL are left out."""
    column = call["shapes"]
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if not is_list(column.type):
        raise ArgumentError(f"shapes is a value of type {duck_type(column.type)}; {EXPECTED}")
    values, starts, lengths = list_parts(column)
    spans = [
        range(start, start + length) if there else None
        for start, length, there in zip(starts.tolist(), lengths.tolist(), present(column), strict=True)
    ]
    if not lengths.any():
        return [None if span is None else [] for span in spans]
    names = fields_of(values.type)
    geometry = next((name for name in names if name.lower() in GEOMETRIES), None)
    value = next((name for name in names if name.lower() == VALUE), None)
    if geometry is None or value is None:
        raise ArgumentError(f"shapes is a list of {duck_type(values.type)[:200]}; {EXPECTED}")
    areas = _areas(values.field(geometry), call, spans)
    numbers = values_of(values.field(value))
    there = present(values)
    return [
        None
        if span is None
        else [
            Shape(area=area, value=_number(numbers[at], VALUE))
            for at in span
            if there[at] and numbers[at] is not None and (area := _area(areas[at])) is not None
        ]
        for span in spans
    ]


def _areas(column: pa.Array, call: Call, spans: Sequence[range | None]) -> list[arguments.Area]:
    """The areas of all shapes: in the CRS of the column, else in ``aoi_crs`` of their row."""
    given = call.texts("aoi_crs")
    systems: list[str | None] = [None] * len(column)
    for system, span in zip(given, spans, strict=True):
        for at in span or ():
            systems[at] = system
    kinds: Any = types_of(call[ASKED])
    found = CRS_OF.search(kinds[0].as_py() or "")
    types = array_of([None if found is None else found[1]] * len(column), "VARCHAR")
    return arguments.areas(column, types, array_of(systems, "VARCHAR"))


def _area(area: arguments.Area) -> Aoi | None:
    there = value_or_raise(area)
    if there is None or isinstance(there, Aoi):
        return there
    raise ArgumentError("a shape is a geometry, a box or a point; a pixel window or 'all' was given")


def _grids(column: pa.Array) -> list[tuple[str, Grid] | None]:
    """The grid of every chip, cube, index row or href, and what messages call it."""
    names = fields_of(column.type)
    if {"shape", "transform"} <= set(names):
        parts = {name: values_of(column.field(name)) for name in PLACED if name in names}
        there = present(column)
        return [
            _placed({name: values[row] for name, values in parts.items()}) if there[row] else None
            for row in range(len(column))
        ]
    return [
        None
        if header is None
        else (display_href(value_or_raise(header).href), grid_of(value_or_raise(header)))
        for header in rasters(column, [False] * len(column))
    ]


def _placed(row: dict[str, Any]) -> tuple[str, Grid] | None:
    shape, transform, crs = row["shape"], row["transform"], row.get("crs")
    if shape is None and transform is None:
        return None  # a row of on_error := 'null'
    if transform is None or len(transform) != 6 or None in transform or shape is None or len(shape) < 2:
        raise ArgumentError(
            f"the grid has shape {sql(shape)} and transform {sql(transform)}; "
            "pass a row of read_cog or read_cube as it is"
        )
    if crs is None:
        raise ArgumentError("the grid has no CRS, so nothing can be placed on it")
    height, width = shape[-2:]
    return "the grid", Grid(crs=crs, transform=tuple(transform), width=width, height=height)
