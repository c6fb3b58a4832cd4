"""Which rows of two columns are equal, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of

MAX_ROWS_ONE_BY_ONE = 128
"""So many wide rows, or runs of them, are compared one by one: ``take`` copies all their columns."""


def taken(column: pa.StructArray, rows: Sequence[int]) -> pa.StructArray:
    """Some rows of a column, as a copy."""
    return column.take(array_of(rows, "BIGINT"))


def equal_rows(
    one: pa.StructArray, rows: Sequence[int], other: pa.StructArray, others: Sequence[int]
) -> list[bool]:
    """Whether each of ``rows`` of one column, none of which is NULL, equals that of ``others`` beside it."""
    runs = _runs(rows, others)
    if len(runs) > MAX_ROWS_ONE_BY_ONE:
        one, other, runs = taken(one, rows), taken(other, others), [(0, 0, len(rows))]
    one, other = _in_bits(one), _in_bits(other)
    equal: list[bool] = []
    for a, b, length in runs:
        same = one.slice(a, length).equals(other.slice(b, length))
        equal += [same or one.slice(a + i, 1).equals(other.slice(b + i, 1)) for i in range(length)]
    return equal


def _runs(rows: Sequence[int], others: Sequence[int]) -> list[tuple[int, int, int]]:
    """First row, that beside it, and how many follow in both: a join repeats rows in long runs."""
    if not rows:
        return []
    a, b = np.array(rows, np.int64), np.array(others, np.int64)
    starts = np.flatnonzero((np.diff(a, prepend=a[0]) != 1) | (np.diff(b, prepend=b[0]) != 1))
    lengths = np.diff(starts, append=len(a))
    return list(zip(a[starts].tolist(), b[starts].tolist(), lengths.tolist(), strict=True))


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
