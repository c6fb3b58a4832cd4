"""A row of a query as a sample: arrays for chips, cubes and lists of numbers, plain values for the rest."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rasteret_sql.duck.arguments.chip_values import DTYPES
from rasteret_sql.errors import ArgumentError

PIXELS = ("data", "shape", "dtype")
"""Fields of a chip or a cube; ``valid`` is the fourth."""
Sample = dict[str, Any]


def samples_of(batch: pa.RecordBatch) -> list[Sample]:
    """The rows of a batch.

    The columns ``data``, ``shape``, ``dtype`` and ``valid`` of a chip or cube become ``pixels`` and
    ``valid``; a chip as one value becomes arrays of its own name, and its name with ``_valid``. Timestamps
    are microseconds since 1970 (UTC). Arrays share the batch's memory where it is aligned; nobody else has
    it, so they may be written to.
    """
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    found: list[Sample] = [{} for _ in range(batch.num_rows)]
    if set(PIXELS) <= columns.keys():
        taken = {name: columns.pop(name) for name in (*PIXELS, "valid") if name in columns}
        _put_pixels(found, "pixels", "valid", taken)
    for name, column in columns.items():
        fields = _fields(column)
        if fields is not None:
            _put_pixels(found, name, f"{name}_valid", fields)
        else:
            for sample, value in zip(found, _plain(column), strict=True):
                sample[name] = value
    return found


def _fields(column: pa.Array) -> Mapping[str, pa.Array] | None:
    """The columns of chips that are one value."""
    if not pa.types.is_struct(column.type):
        return None
    names = [column.type.field(place).name for place in range(column.type.num_fields)]
    if not set(PIXELS) <= set(names):
        return None
    return dict(zip(names, column.flatten(), strict=True))


def _put_pixels(found: Sequence[Sample], name: str, valid: str, columns: Mapping[str, pa.Array]) -> None:
    data = columns["data"]
    shapes, dtypes = columns["shape"].to_pylist(), columns["dtype"].to_pylist()
    valids = columns.get("valid")
    for row, sample in enumerate(found):
        if not data[row].is_valid:
            sample[name] = sample[valid] = None
            continue
        shape = shapes[row]
        if dtypes[row] not in DTYPES or not shape:
            raise ArgumentError(
                f"Samples: {name} has dtype {dtypes[row]} and shape {shape}: pass columns as they are read"
            )
        sample[name] = _array(data[row], np.dtype(dtypes[row]), shape)
        mask_shape = (*shape[:-3], *shape[-2:])
        if valids is None or not valids[row].is_valid:
            sample[valid] = np.ones(mask_shape, np.bool_)
        else:
            sample[valid] = _array(valids[row], np.dtype(np.uint8), mask_shape).view(np.bool_)


def _array(blob: Any, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray[Any, Any]:
    buffer = blob.as_buffer()
    if buffer.size != int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
        raise ArgumentError(
            f"Samples: {buffer.size:,} bytes of data do not fit the shape {list(shape)} of {dtype}"
        )
    if buffer.address % dtype.itemsize:
        return np.frombuffer(buffer, dtype).reshape(shape).copy()
    memory: Any = (ctypes.c_char * buffer.size).from_address(buffer.address)
    memory.buffer = buffer  # which owns it
    return np.frombuffer(memory, dtype).reshape(shape)


def _plain(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return list(_microseconds(column).to_pylist())
    if pa.types.is_list(kind) and _is_number(kind.value_type):
        return [None if not value.is_valid else _numbers(value.values) for value in column]
    return list(column.to_pylist())


def _is_number(kind: pa.DataType) -> bool:
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(is_number or pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _numbers(values: pa.Array) -> np.ndarray[Any, Any]:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        values = _microseconds(values)
    found: np.ndarray[Any, Any] = values.to_numpy(zero_copy_only=False)
    return found.copy()


def _microseconds(values: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(values, pa.timestamp("us", tz=getattr(values.type, "tz", None))), pa.int64())
