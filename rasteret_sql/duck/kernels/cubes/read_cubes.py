"""The pixels of planned cubes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rasteret_sql import metering
from rasteret_sql.duck.arguments.batches import note_large
from rasteret_sql.duck.arrow.arrays import array_of, blob_array, blobs_of, struct_array
from rasteret_sql.duck.arrow.cube_source import cube_of
from rasteret_sql.errors import LimitError
from rasteret_sql.raster.cube.cube_plan import CubePlan
from rasteret_sql.raster.cube.read_cubes import CubeRead
from rasteret_sql.raster.cube.read_cubes import read_cubes as cubes_of
from rasteret_sql.raster.read import chips
from rasteret_sql.raster.read.chip_plan import pixel_bytes
from rasteret_sql.settings import settings

Row = dict[str, Any]
Errors = list[str | None]


def read_cubes(source: pa.Array) -> pa.Array:
    """Pixels, validity and errors of planned cubes."""
    sources: list[Row | None] = source.to_pylist()
    errors: list[Errors | None] = [None if one is None else one["errors"] for one in sources]
    rows: list[int] = []
    plans: list[CubePlan] = []
    asked: list[Row] = []
    for i, one in enumerate(sources):
        if one is None or one["cube"] is None:
            continue
        plan = cube_of(one)
        too_large = _too_large(plan) if one["on_error"] == "null" else None
        if too_large is None:
            rows.append(i)
            plans.append(plan)
            asked.append(one)
        else:
            errors[i] = [too_large] * len(plan.steps)
    buffer, arrays = chips.allocate(plans)
    note_large("read_cube", [one["notice"] for one in asked if one["notice"]])
    metering.note_chips(len(plans), buffer.nbytes)
    is_plan = metering.planning() is not None
    stop = not is_plan and all(one["on_error"] == "fail" for one in asked)
    lengths, there = [0] * len(sources), [False] * len(sources)
    masks: list[Any] = [None] * len(sources)
    reads = cubes_of(plans, arrays, stop_at_error=stop)
    for i, plan, one, read in zip(rows, plans, asked, reads, strict=True):
        if is_plan:  # which has no pixels
            continue
        _raise_first(one, read)
        lengths[i], there[i], masks[i] = pixel_bytes(plan), True, read.valid
        errors[i] = _joined(errors[i], read)
    return struct_array(
        {
            "data": blob_array(buffer, lengths, there),
            "valid": blobs_of(masks),
            "errors": array_of(errors, "VARCHAR[]"),
        }
    )


def _raise_first(source: Row, read: CubeRead) -> None:
    if source["on_error"] == "fail":
        for step in read.errors:
            for error in step:
                raise error


def _joined(planned: Errors | None, read: CubeRead) -> Errors | None:
    """Of each time step, what failed while it was planned and read; None where nothing did."""
    before = [None] * len(read.errors) if planned is None else planned
    texts = [
        "; ".join([*([] if told is None else [told]), *map(str, step)]) or None
        for told, step in zip(before, read.errors, strict=True)
    ]
    return texts if any(texts) else None


def _too_large(plan: CubePlan) -> str | None:
    """Why one cube is over the limit by itself, so that it need not end the query for all others."""
    if pixel_bytes(plan) <= settings().max_read_bytes:
        return None
    try:
        chips.allocate([plan])
    except LimitError as error:
        return str(error)
    return None
