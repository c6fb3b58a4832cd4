"""RS_PixelAsCentroids: the pixels of a band as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import each_chip
from rasteret_sql.duck.arrow.arrays import NUMBERS, struct_array
from rasteret_sql.duck.kernels.answers import collect_within_limit, room
from rasteret_sql.duck.kernels.grids import MAX_NUMBERS, require_exact
from rasteret_sql.errors import LimitError
from rasteret_sql.raster.export.centroids import Centroids, centroids
from rasteret_sql.raster.read.plan import ReadRequest

ROW_BYTES = 32
"""Of one pixel: x, y, value, col, row."""
COLUMNS = {"x": "double", "y": "double", "value": "double", "col": "integer", "row": "integer"}


@by_name
def pixel_centroids(call: Call) -> pa.Array:
    """The pixels of one band of each raster, row by row; NULL where the raster is."""
    excluded, scaled = call.flags("exclude_nodata"), call.scales()
    requests = [ReadRequest(bands=(band,)) for band in call.one_band()]

    def found() -> Iterator[tuple[int, Centroids]]:
        for row, chip in each_chip(call.raster, requests, scaled):
            require_exact(chip.pixels[0], chip.valid)
            yield row, centroids(chip, 0, exclude_nodata=excluded[row])

    rows = collect_within_limit(found(), _size, room(call))
    return _lists(rows)


def _size(pixels: Centroids) -> int:
    return len(pixels.x) * ROW_BYTES


def _lists(rows: Sequence[Centroids | None]) -> pa.Array:
    given = [row for row in rows if row is not None]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([0 if row is None else len(row.x) for row in rows], out=offsets[1:])
    if offsets[-1] > MAX_NUMBERS:
        raise LimitError(
            f"{offsets[-1]:,} pixels of one batch as rows; at most {MAX_NUMBERS:,}. Ask for smaller areas"
        )
    pixels = struct_array({name: _column(name, given) for name in COLUMNS})
    there = np.packbits([row is not None for row in rows], bitorder="little")
    buffers = [pa.py_buffer(there), pa.py_buffer(offsets.astype(np.int32))]
    return pa.Array.from_buffers(pa.list_(pixels.type), len(rows), buffers, children=[pixels])


def _column(name: str, rows: Sequence[Centroids]) -> pa.Array:
    arrow_type, dtype = NUMBERS[COLUMNS[name]]
    values = np.concatenate([getattr(row, name) for row in rows]) if rows else np.zeros(0)
    valid = None
    if name == "value" and any(row.valid is not None for row in rows):
        there = [np.ones(len(row.x), np.bool_) if row.valid is None else row.valid for row in rows]
        valid = pa.py_buffer(np.packbits(np.concatenate(there), bitorder="little"))
    return pa.Array.from_buffers(
        arrow_type, len(values), [valid, pa.py_buffer(np.ascontiguousarray(values, dtype))]
    )
