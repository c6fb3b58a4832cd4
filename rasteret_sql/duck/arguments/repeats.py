"""Whether all rows of a column are the same: a join repeats index rows, a call its constant arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import present

WIDE_OFFSETS = (pa.types.is_large_list, pa.types.is_large_binary, pa.types.is_large_string)
BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_string, pa.types.is_large_string)
LISTS = (pa.types.is_list, pa.types.is_large_list)


def all_same(column: pa.Array) -> bool:
    """True where all rows are equal, and there is one. Pairs of equal rows cost a comparison of bytes."""
    return len(column) == 1 or (len(column) > 0 and _repeats(column, len(column)))


def _repeats(column: pa.Array, times: int) -> bool:
    """Whether a column is made of so many equal pieces; in doubt (what NULLs hide) it is not."""
    kind = column.type
    if len(column) == 0 or pa.types.is_null(kind):
        return True
    if column.null_count and not _equal(present(column), times):
        return False
    if pa.types.is_struct(kind):
        return all(_repeats(column.field(i), times) for i in range(kind.num_fields))
    if any(is_kind(kind) for is_kind in (*LISTS, *BYTES)):
        return _lists_repeat(column, times)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        return _repeats(column.values.slice(column.offset * size, len(column) * size), times)
    width = _width(kind)
    if width and kind.num_fields == 0:
        values = np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width)
        return _equal(values, times)
    length = len(column) // times
    return bool(column.slice(length).equals(column.slice(0, len(column) - length)))


def _lists_repeat(column: pa.Array, times: int) -> bool:
    kind = column.type
    width = np.dtype(np.int64 if any(is_kind(kind) for is_kind in WIDE_OFFSETS) else np.int32)
    offsets = np.frombuffer(column.buffers()[1], width, len(column) + 1, column.offset * width.itemsize)
    if not _equal(np.diff(offsets), times):
        return False
    start, stop = int(offsets[0]), int(offsets[-1])
    if any(is_kind(kind) for is_kind in LISTS):
        return _repeats(column.values.slice(start, stop - start), times)
    return start == stop or _equal(np.frombuffer(column.buffers()[2], np.uint8, stop - start, start), times)


def _equal(values: npt.NDArray[Any], times: int) -> bool:
    """Every piece is compared with the next one: two long arrays, however short the pieces are."""
    step = len(values) // times
    if step * values.itemsize % 8 == 0:
        values = values.view(np.uint64)
        step = len(values) // times
    return bool(np.array_equal(values[step:], values[: len(values) - step]))


def _width(kind: Any) -> int:
    """Bytes of a number; 0 of other types."""
    return int(kind.bit_width) // 8 if pa.types.is_primitive(kind) else 0
