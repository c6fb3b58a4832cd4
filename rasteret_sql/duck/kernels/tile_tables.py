"""Kernels that make tables of tiles short: where each tile lies behind the one before it.

A COG writer puts tiles one after the other, so what it leaves between them hardly varies, while offsets
grow by the length of each tile. As Parquet, ``tile_gaps`` cost next to nothing, ``tile_offsets`` three bytes
a tile. offset[i] = offset[i-1] + byte_count[i-1] + gap[i], and gap[0] = offset[0].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of, present, whole_numbers
from rasteret_sql.duck.arrow.tile_offsets import COUNTS, GAPS, OFFSETS, Numbers, gaps_of, offsets_of
from rasteret_sql.errors import ArgumentError


def pack_tiles(levels: pa.Array) -> pa.Array:
    """Tables of a raster (full resolution, overviews, masks) with tile_gaps in place of tile_offsets."""
    return _levels(levels, OFFSETS, GAPS, gaps_of)


def unpack_tiles(levels: pa.Array) -> pa.Array:
    """The same the other way round."""
    return _levels(levels, GAPS, OFFSETS, offsets_of)


def _levels(column: pa.Array, old: str, new: str, convert: Callable[..., Numbers]) -> pa.Array:
    """A STRUCT column with the table ``old`` as ``new``, in itself and in what it holds."""
    if pa.types.is_null(column.type):
        return column
    columns = {field.name: column.field(i) for i, field in enumerate(column.type)}
    children: dict[str, pa.Array] = {}
    for name, child in columns.items():
        if name == old:
            children[new] = _converted(child, columns[COUNTS], convert, "U" if new == OFFSETS else "")
        elif pa.types.is_struct(child.type):
            children[name] = _levels(child, old, new, convert)
        elif _is_list(child.type) and pa.types.is_struct(child.type.value_type):
            inner = _levels(child.values, old, new, convert)
            kind = pa.large_list(inner.type) if pa.types.is_large_list(child.type) else pa.list_(inner.type)
            children[name] = pa.Array.from_buffers(
                kind, len(child), child.buffers()[:2], offset=child.offset, children=[inner]
            )
        else:
            children[name] = child
    fields = [pa.field(name, child.type) for name, child in children.items()]
    bitmap = pa.py_buffer(np.packbits(present(column), bitorder="little"))
    return pa.Array.from_buffers(pa.struct(fields), len(column), [bitmap], children=list(children.values()))


def _converted(table: pa.Array, counts: pa.Array, convert: Callable[..., Numbers], sign: str) -> pa.Array:
    there = present(table)
    numbers, lengths = _flat(table)
    count_numbers, count_lengths = _flat(counts)
    if (lengths != count_lengths).any():
        row = int(np.flatnonzero(lengths != count_lengths)[0])
        raise ArgumentError(
            f"a row has {lengths[row]:,} places of tiles and {count_lengths[row]:,} {COUNTS}; "
            "build the index again with cog_header"
        )
    ends = np.cumsum(lengths)
    starts = (ends - lengths)[lengths > 0]
    converted = convert(numbers, count_numbers, starts) if len(numbers) else numbers
    offsets = np.concatenate(([0], ends)).astype("<i4")
    child = array_of(converted, f"{sign}BIGINT")  # type: ignore[arg-type]
    buffers = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(child.type), len(table), buffers, children=[child])


def _flat(lists: pa.Array) -> tuple[Numbers, Numbers]:
    """All numbers of a column of lists, and how many each row has; none for NULL."""
    if not _is_list(lists.type):
        raise ArgumentError("tables of tiles are lists of whole numbers; build the index with cog_header")
    width: Any = "<i8" if pa.types.is_large_list(lists.type) else "<i4"
    ends = np.frombuffer(lists.buffers()[1], width)[lists.offset : lists.offset + len(lists) + 1]
    starts = ends.astype(np.int64)
    lengths: Numbers = starts[1:] - starts[:-1]
    values = lists.values.slice(ends[0], ends[-1] - ends[0])
    if values.null_count or pa.types.is_null(values.type):
        raise ArgumentError("a table of tiles has NULL in it; build the index again with cog_header")
    numbers = whole_numbers(values).astype(np.int64, copy=False)
    there = present(lists)
    if lengths[~there].any():
        numbers = numbers[np.repeat(there, lengths)]
    return numbers, np.where(there, lengths, 0)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))
