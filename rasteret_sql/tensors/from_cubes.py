"""A row of read_cube as a cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.arrays import Floats
from rasteret_sql.duck.arguments.chip_values import DTYPES
from rasteret_sql.errors import ArgumentError
from rasteret_sql.notices import Notices
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.rows import CUBE_COLUMNS, nearest_to_data, utc

NEEDED = ("time", "bands", "shape", "data", "dtype", "transform")
WHOLE = "pass the columns of read_cube as they are"


def cube_rows(batch: pa.RecordBatch, function: str) -> list[Cube]:
    """The cubes of a batch. ArgumentError where their columns do not fit each other, or have an error."""
    names = batch.schema.names
    places = nearest_to_data(names, CUBE_COLUMNS, names.index("data"))
    missing = [name for name in NEEDED if name not in places]
    if missing:
        raise ArgumentError(f"{function}: the cube has no column {', '.join(missing)}; {WHOLE}")
    columns = {name: batch.column(place) for name, place in places.items()}
    return [
        cube_of({name: column[row] for name, column in columns.items()}, function)
        for row in range(batch.num_rows)
    ]


def cube_of(row: dict[str, Any], function: str) -> Cube:
    """The cube of one row; its arrays are copies. ``row`` has Arrow's scalars."""
    plain = {name: value.as_py() for name, value in row.items() if name not in ("data", "valid", "time")}
    if not row["data"].is_valid:
        raise ArgumentError(f"{function}: the cube has no pixels: data is NULL")
    shape, dtype, bands = plain["shape"], plain["dtype"], plain["bands"]
    times = utc(row["time"].values)
    if dtype not in DTYPES or not shape or len(shape) != 4 or [len(times), len(bands or ())] != shape[:2]:
        raise ArgumentError(
            f"{function}: the cube has dtype {dtype}, shape {shape}, {len(times)} times and "
            f"bands {bands}; {WHOLE}"
        )
    pixels = _array(row["data"], np.dtype(dtype).newbyteorder("<"), shape, "data", function)
    valid_shape = (shape[0], 1, *shape[2:])
    valid = np.ones(valid_shape, np.bool_)
    if "valid" in row and row["valid"].is_valid:
        valid = _array(row["valid"], np.dtype(np.uint8), valid_shape, "valid", function) != 0
    _report_errors(plain.get("errors"), function)
    order = np.argsort(times, kind="stable")
    if (np.diff(times[order]) == np.timedelta64(0)).any():
        raise ArgumentError(
            f"{function}: the cube has a time twice; read_cube puts them together with fuse :="
        )
    in_order = bool((order == np.arange(len(order))).all())
    native = pixels.dtype.newbyteorder("=")
    return Cube(
        pixels=pixels.astype(native) if in_order else pixels[order].astype(native, copy=False),
        valid=valid if in_order else valid[order],
        times=times[order],
        bands=tuple(bands),
        transform=tuple(plain["transform"]),
        crs=plain.get("crs"),
        nodata=_one_nodata(plain.get("nodata")),
        **scaling_of(plain, len(times)),
    )


def scaling_of(row: Mapping[str, Any], times: int) -> dict[str, Floats | None]:
    """The scales and offsets of a cube's bands, the same at all times."""
    given = row.get("scales"), row.get("offsets")
    if given == (None, None):
        return {"scales": None, "offsets": None}
    bands = len(row["bands"])
    scales, offsets = (
        np.full(bands, default) if numbers is None else np.array(numbers, np.float64)
        for numbers, default in zip(given, (1.0, 0.0), strict=True)
    )
    return {"scales": np.tile(scales, (times, 1)), "offsets": np.tile(offsets, (times, 1))}


def _report_errors(errors: Sequence[str | None] | None, function: str) -> None:
    found = [error for error in errors or () if error]
    if found:
        Notices(function).say(
            f"scenes of {len(found)} of {len(errors or ())} times have errors, and are missing from the "
            f"answer; the first: {found[0]}"
        )


def _array(
    blob: Any, dtype: np.dtype[Any], shape: Sequence[int], name: str, function: str
) -> np.ndarray[Any, Any]:
    buffer = blob.as_buffer()
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if buffer.size != expected:
        raise ArgumentError(
            f"{function}: {name} of the cube has {buffer.size:,} bytes, where its shape takes "
            f"{expected:,}; {WHOLE}"
        )
    return np.frombuffer(buffer, dtype).reshape(shape)


def _one_nodata(nodata: Any) -> float | None:
    """The value that all bands share."""
    values = nodata if isinstance(nodata, list) else [nodata]
    distinct = {str(value) for value in values}
    return None if len(distinct) != 1 or values[0] is None else float(values[0])
