"""x and y of a column of points as they lie in its buffers: no point becomes a Python object."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rasteret_sql.arrays import Floats
from rasteret_sql.duck.arguments.arguments import sql, values_of
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import fields_of, list_like
from rasteret_sql.duck.arrow.lists import floats, is_number, list_parts
from rasteret_sql.errors import ArgumentError

XY = ("x", "y")
WKB_POINT = np.dtype([("head", "u1", 5), ("xy", "<f8", 2)])
LITTLE_ENDIAN_POINT = np.array([1, 1, 0, 0, 0], np.uint8)
"""Byte order and type of a point without height, measure and SRID: as DuckDB writes a GEOMETRY."""


def coordinates(column: pa.Array) -> Floats | None:
    """``(n, 2)`` of WKB, {'x', 'y'} or [x, y], NaN for NULL; None where a closer look is needed."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _of_wkb(column)
    names = fields_of(kind)
    if set(XY) <= set(names) and all(is_number(kind.field(name).type) for name in XY):
        xy = np.column_stack([floats(column.field(names.index(name))) for name in XY])
    elif list_like(kind) and is_number(kind.value_type):
        child, starts, lengths = list_parts(column)
        if (lengths[present(column)] != 2).any():
            wrong = next(value for value in values_of(column) if value is not None and len(value) != 2)
            raise ArgumentError(f"point := {sql(wrong)}: a list of two numbers [x, y] was expected")
        first = np.where(present(column), starts, 0)
        numbers = np.append(floats(child), (np.nan, np.nan))
        xy = numbers[first[:, None] + (0, 1)]
    else:
        return None
    xy[~present(column) | np.isnan(xy).any(axis=1)] = np.nan
    return xy


def _of_wkb(column: pa.Array) -> Floats | None:
    """Of plain points in DuckDB's own form; None where there are others."""
    there = present(column)
    width = "<i8" if pa.types.is_large_binary(column.type) else "<i4"
    offsets = np.frombuffer(column.buffers()[1], width)[column.offset : column.offset + len(column) + 1]
    starts, lengths = offsets[:-1][there], np.diff(offsets)[there]
    if not len(starts) or (lengths != WKB_POINT.itemsize).any():
        return None
    data = np.frombuffer(column.buffers()[2], np.uint8)
    if starts[-1] - starts[0] == (len(starts) - 1) * WKB_POINT.itemsize:
        records = data[starts[0] : starts[-1] + WKB_POINT.itemsize].view(WKB_POINT)
    else:
        records = data[starts[:, None] + np.arange(WKB_POINT.itemsize)].view(WKB_POINT)[:, 0]
    if (records["head"] != LITTLE_ENDIAN_POINT).any() or np.isnan(records["xy"]).any():
        return None
    xy = np.full((len(column), 2), np.nan)
    xy[there] = records["xy"]
    return xy
