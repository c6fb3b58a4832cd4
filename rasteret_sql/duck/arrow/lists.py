"""Arrow lists and numbers as NumPy arrays, without a conversion that loads pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import present

FLOATS = {pa.float16(): "<f2", pa.float32(): "<f4", pa.float64(): "<f8"}


def is_number(kind: Any) -> bool:
    """Whole numbers, DECIMAL, FLOAT and DOUBLE, and NULL, which may stand for them."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_kind(kind) for is_kind in kinds)


def floats(column: pa.Array) -> npt.NDArray[np.float64]:
    """A column of numbers; NaN for NULL."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_decimal(kind):  # [77.5, 12.9] and other literals
        values = column.to_pylist()
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)
    numbers = np.frombuffer(column.buffers()[1] or b"", FLOATS.get(kind, str(kind)))
    found = numbers[column.offset : column.offset + len(column)].astype(np.float64)
    if column.null_count:
        found[~present(column)] = np.nan
    return found


def list_parts(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The values of all lists, and where each list begins in them and how long it is (0 for NULL)."""
    kind, count, first = column.type, len(column), column.offset
    if pa.types.is_fixed_size_list(kind):
        starts = (np.arange(count) + first) * kind.list_size
        lengths = np.full(count, kind.list_size, np.int64)
    else:
        wide = pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind)
        width = np.dtype(np.int64 if wide else np.int32)
        buffers = column.buffers()
        if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
            starts, lengths = (_slice(buffer, width, first, count) for buffer in buffers[1:3])
        else:
            offsets = _slice(buffers[1], width, first, count + 1)
            starts, lengths = offsets[:-1], np.diff(offsets)
    return column.values, starts, np.where(present(column), lengths, 0)


def _slice(buffer: pa.Buffer, width: np.dtype[Any], first: int, count: int) -> npt.NDArray[np.int64]:
    return np.frombuffer(buffer, width, count, first * width.itemsize).astype(np.int64)
