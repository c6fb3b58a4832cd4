"""Python and NumPy values to Arrow arrays of a DuckDB type, without a conversion that loads pandas.

``pyarrow.array`` imports pandas wherever pandas is installed, which costs a cold process over a second,
so arrays are put together from their buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arrow.duck_types import DuckType, declared

NUMBERS: dict[str, tuple[Any, str]] = {
    "tinyint": (pa.int8(), "i1"),
    "smallint": (pa.int16(), "<i2"),
    "integer": (pa.int32(), "<i4"),
    "bigint": (pa.int64(), "<i8"),
    "utinyint": (pa.uint8(), "u1"),
    "usmallint": (pa.uint16(), "<u2"),
    "uinteger": (pa.uint32(), "<u4"),
    "ubigint": (pa.uint64(), "<u8"),
    "float": (pa.float32(), "<f4"),
    "double": (pa.float64(), "<f8"),
}


def array_of(values: Sequence[Any], duck_type: str | DuckType) -> pa.Array:
    """An Arrow array of ``len(values)`` rows of a DuckDB type such as ``STRUCT(a INTEGER[])[]``.

    None is NULL. Structs and maps come as dicts (a struct's missing keys are NULL), lists as any sequence
    or one-dimensional NumPy array, timestamps as aware datetimes. An Arrow array passes through.
    """
    if isinstance(values, pa.Array):
        return values
    kind = declared(duck_type) if isinstance(duck_type, str) else duck_type
    return BUILDERS.get(kind.id, _number)(values, kind)


def _bitmap(values: Sequence[Any]) -> tuple[pa.Buffer | None, np.ndarray[Any, Any]]:
    there = np.array([v is not None for v in values], np.bool_)
    if there.all():
        return None, there
    return pa.py_buffer(np.packbits(there, bitorder="little")), there


def _number(values: Sequence[Any], kind: DuckType) -> pa.Array:
    arrow_type, dtype = NUMBERS[kind.id]
    if isinstance(values, np.ndarray):
        return pa.Array.from_buffers(
            arrow_type, len(values), [None, pa.py_buffer(np.ascontiguousarray(values, dtype))]
        )
    if None not in values:
        return pa.Array.from_buffers(arrow_type, len(values), [None, pa.py_buffer(np.array(values, dtype))])
    valid, there = _bitmap(values)
    filled = np.array([0 if v is None else v for v in values], dtype)
    return pa.Array.from_buffers(arrow_type, len(there), [valid, pa.py_buffer(filled)])


def _boolean(values: Sequence[Any], kind: DuckType) -> pa.Array:
    valid, _ = _bitmap(values)
    bits = np.packbits(np.fromiter((bool(v) for v in values), np.bool_, len(values)), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [valid, pa.py_buffer(bits)])


def _timestamp(values: Sequence[Any], kind: DuckType) -> pa.Array:
    valid, _ = _bitmap(values)
    micros = np.fromiter((0 if v is None else _micros(v) for v in values), np.int64, len(values))
    return pa.Array.from_buffers(pa.timestamp("us", "UTC"), len(values), [valid, pa.py_buffer(micros)])


def _micros(moment: datetime) -> int:
    whole = round(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond


def _offsets(lengths: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    offsets = np.zeros(len(lengths) + 1, dtype)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _varchar(values: Sequence[Any], kind: DuckType) -> pa.Array:
    return _bytes([None if v is None else str(v).encode() for v in values], pa.large_string())


def _blob(values: Sequence[Any], kind: DuckType) -> pa.Array:
    return _bytes(values, pa.large_binary())


def _bytes(values: Sequence[Any], arrow_type: Any) -> pa.Array:
    valid, there = _bitmap(values)
    parts = [b"" if v is None else v for v in values]
    offsets = _offsets(np.fromiter(map(len, parts), np.int64, len(parts)), "<i8")
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(arrow_type, len(there), buffers)


def _list(values: Sequence[Any], kind: DuckType) -> pa.Array:
    return list_array(values, array_of(_flat([v for v in values if v is not None]), kind.children["child"]))


def _flat(lists: list[Any]) -> Sequence[Any]:
    if lists and all(isinstance(v, np.ndarray) for v in lists):
        return np.concatenate(lists)  # type: ignore[return-value]
    return list(chain.from_iterable(lists))


def _fixed(values: Sequence[Any], kind: DuckType) -> pa.Array:
    size = kind.size
    valid, there = _bitmap(values)
    filled = [(None,) * size if v is None else v for v in values]
    child = array_of(list(chain.from_iterable(filled)), kind.children["child"])
    return pa.Array.from_buffers(pa.list_(child.type, size), len(there), [valid], children=[child])


def _struct(values: Sequence[Any], kind: DuckType) -> pa.Array:
    valid, there = _bitmap(values)
    if not there.any() and len(values):
        return nulls(len(values), kind)
    fields, children = [], []
    for name, child_type in kind.children.items():
        if valid is None:
            column = [v.get(name) for v in values]
        else:
            column = [None if v is None else v.get(name) for v in values]
        if column and all(v is None for v in column):
            child = nulls(len(column), child_type)
        else:
            child = array_of(column, child_type)
        fields.append(pa.field(name, child.type))
        children.append(child)
    return pa.Array.from_buffers(pa.struct(fields), len(there), [valid], children=children)


def nulls(rows: int, kind: DuckType) -> pa.Array:
    """A column that is NULL in every row."""
    return pa.nulls(rows, _arrow_type(kind.text))


@lru_cache(maxsize=512)
def _arrow_type(duck_type: str) -> pa.DataType:
    return array_of([], duck_type).type


def _map(values: Sequence[Any], kind: DuckType) -> pa.Array:
    valid, there = _bitmap(values)
    entries = [v for v in values if v is not None]
    keys = array_of(list(chain.from_iterable(v.keys() for v in entries)), kind.children["key"])
    items = array_of(list(chain.from_iterable(v.values() for v in entries)), kind.children["value"])
    offsets = _offsets(
        np.fromiter((0 if v is None else len(v) for v in values), np.int32, len(values)), "<i4"
    )
    map_type = pa.map_(keys.type, items.type)
    entry = pa.StructArray.from_arrays([keys, items], fields=[map_type.key_field, map_type.item_field])
    return pa.Array.from_buffers(map_type, len(there), [valid, pa.py_buffer(offsets)], children=[entry])


BUILDERS: dict[str, Callable[[Sequence[Any], DuckType], pa.Array]] = {
    "boolean": _boolean,
    "timestamp with time zone": _timestamp,
    "varchar": _varchar,
    "blob": _blob,
    "list": _list,
    "array": _fixed,
    "struct": _struct,
    "map": _map,
}


def present(column: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows are not NULL. (``is_valid`` would load pyarrow.compute.)"""
    bitmap = column.buffers()[0]
    if bitmap is None:
        return np.ones(len(column), np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].view(np.bool_)


def whole_numbers(column: pa.Array) -> np.ndarray[Any, Any]:
    """A column of integers without NULL as NumPy, not copied. (``to_numpy`` would load pandas.)"""
    numbers = np.frombuffer(column.buffers()[1], str(column.type))
    return numbers[column.offset : column.offset + len(column)]


def guarded(values: pa.Array) -> pa.Array:
    """``values`` as the STRUCT(value, error) that a kernel answers when nothing went wrong."""
    nothing = pa.nulls(len(values), pa.large_string())
    fields = [pa.field("value", values.type), pa.field("error", nothing.type)]
    return pa.StructArray.from_arrays([values, nothing], fields=fields)


def blob_array(buffer: np.ndarray[Any, Any], lengths: Sequence[int], there: Sequence[bool]) -> pa.Array:
    """BLOBs that lie end to end in ``buffer``, without a copy; NULL where ``there`` is false."""
    offsets = _offsets(np.array(lengths, np.int64), "<i8")
    valid = None if all(there) else pa.py_buffer(np.packbits(np.array(there, np.bool_), bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(buffer)]
    return pa.Array.from_buffers(pa.large_binary(), len(lengths), buffers)


def blobs_of(arrays: Iterable[np.ndarray[Any, Any] | None]) -> pa.Array:
    """The bytes of arrays as BLOBs, copied once, and a single one not at all; None is NULL.

    Each is released when it is copied, those that lie together one after the other, so that all are not held
    twice where nothing else holds them.
    """
    held = list(arrays)
    lengths = [0 if array is None else array.nbytes for array in held]
    there = [array is not None for array in held]
    if sum(there) == 1:
        only = held[there.index(True)]
        assert only is not None
        if only.flags.c_contiguous:
            return blob_array(only.reshape(-1).view(np.uint8), lengths, there)
    buffer, starts = np.empty(sum(lengths), np.uint8), np.cumsum([0, *lengths])
    for place in sorted(range(len(held)), key=lambda i: _address(held[i])):
        array, held[place] = held[place], None
        if array is not None:
            part = buffer[starts[place] : starts[place + 1]]
            part.view(array.dtype).reshape(array.shape)[...] = array
    return blob_array(buffer, lengths, there)


def _address(array: np.ndarray[Any, Any] | None) -> int:
    return 0 if array is None else int(array.__array_interface__["data"][0])


def struct_array(columns: dict[str, pa.Array]) -> pa.Array:
    """Columns side by side as one STRUCT column."""
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    return pa.StructArray.from_arrays(list(columns.values()), fields=fields)


def list_array(lists: Sequence[Sequence[Any] | None], items: pa.Array) -> pa.Array:
    """``items`` end to end as one list for each of ``lists``, as long as that; NULL for None."""
    valid, there = _bitmap(lists)
    lengths = np.fromiter((0 if some is None else len(some) for some in lists), np.int32, len(lists))
    buffers = [valid, pa.py_buffer(_offsets(lengths, "<i4"))]
    return pa.Array.from_buffers(pa.list_(items.type), len(there), buffers, children=[items])


def grid_lists(values: np.ndarray[Any, Any], valid: np.ndarray[Any, Any] | None) -> pa.Array:
    """A ``(rows, columns)`` grid as one DOUBLE[][] value, NULL where not valid."""
    rows, columns = values.shape
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid.ravel() != 0, bitorder="little"))
    flat = pa.Array.from_buffers(
        pa.float64(), values.size, [bitmap, pa.py_buffer(np.ascontiguousarray(values, "<f8"))]
    )
    inner = np.arange(0, values.size + 1, columns, dtype=np.int32)
    return pa.Array.from_buffers(pa.list_(flat.type), rows, [None, pa.py_buffer(inner)], children=[flat])
