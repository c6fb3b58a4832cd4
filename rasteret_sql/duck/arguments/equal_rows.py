"""Which rows of two columns are equal, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of

MAX_ROWS_ONE_BY_ONE = 128
"""So many wide rows are compared one by one: ``take`` goes through all their columns each time."""


def taken(column: pa.StructArray, rows: Sequence[int]) -> pa.StructArray:
    """Some rows of a column, as a copy."""
    return column.take(array_of(rows, "BIGINT"))


def equal_rows(
    one: pa.StructArray, rows: Sequence[int], other: pa.StructArray, others: Sequence[int]
) -> list[bool]:
    """Whether each of ``rows`` of one column, none of which is NULL, equals that of ``others`` beside it."""
    many = len(rows) > MAX_ROWS_ONE_BY_ONE
    if many and _in_bits(taken(one, rows)).equals(_in_bits(taken(other, others))):
        return [True] * len(rows)
    one, other = _in_bits(one), _in_bits(other)
    return [one.slice(a, 1).equals(other.slice(b, 1)) for a, b in zip(rows, others, strict=True)]


def _in_bits(column: pa.StructArray) -> pa.StructArray:
    """Its DOUBLE fields as the integers of the same bits: NaN, a common nodata, does not equal itself."""
    fields = [column.type.field(i) for i in range(column.type.num_fields)]
    if not any(pa.types.is_float64(field.type) for field in fields):
        return column
    arrays = [_bits(column.field(i)) for i in range(len(fields))]
    kinds = [pa.field(field.name, array.type) for field, array in zip(fields, arrays, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=kinds)


def _bits(array: pa.Array) -> pa.Array:
    if not pa.types.is_float64(array.type):
        return array
    return pa.Array.from_buffers(pa.int64(), len(array), array.buffers(), offset=array.offset)
