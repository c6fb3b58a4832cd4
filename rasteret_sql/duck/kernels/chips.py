"""Kernels that plan and read pixels: read_cog_tiles, read_cog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pyarrow as pa

from rasteret_sql import metering
from rasteret_sql.duck.arguments.arguments import Area, asked_area
from rasteret_sql.duck.arguments.batches import batch_of, note_large, take_places
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.named_rasters import is_named
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arguments.target_grids import Asked, asked_grids, warped
from rasteret_sql.duck.arguments.touching import any_touched, first_apart, note_touching
from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import array_of, blob_array, blobs_of, struct_array
from rasteret_sql.duck.arrow.chip_source import plan_of
from rasteret_sql.duck.arrow.plan_columns import PlannedRow, alone, planned_array
from rasteret_sql.duck.arrow.planned_rows import PlannedRows, Wanted
from rasteret_sql.errors import LimitError, NotSentError, RasteretError, value_or_raise
from rasteret_sql.forks import fork_safe_lock
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.bound_math import bind_source
from rasteret_sql.raster.read import chips
from rasteret_sql.raster.read.chip_plan import Planned, pixel_bytes
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.read.read_plans import read_plans
from rasteret_sql.raster.read.tile_plan import plan_tiles as tiles_of
from rasteret_sql.settings import settings
from rasteret_sql.store.fetch import prepare

ON_ERROR = ("fail", "null")
_planning = fork_safe_lock()
Row = dict[str, Any]
Find = Callable[[Planner, PlannedRows, Wanted, ReadRequest], Iterable[PlannedRow]]


@by_name
def plan_tiles(call: Call) -> pa.Array:
    """The internal tiles that each row's area touches; nothing is fetched but headers of plain hrefs."""
    with _alone(call.raster):
        return _planned("read_cog_tiles", call, _tiles, [None] * len(call), types.TILE_PLAN)


@by_name
def plan_chips(call: Call) -> pa.Array:
    """The chip, or none, of each row; nothing is fetched but headers of plain hrefs."""
    if not is_named(call.raster.type):
        with _alone(call.raster):
            return _planned("read_cog", call, _chips, asked_grids(call), types.CHIP_PLAN)
    from rasteret_sql.duck.kernels.stacks import stacked_rows  # what one raster does not need

    stacked = stacked_rows(call, call.choices("on_error", ON_ERROR))
    planned = [None if rows is None else [alone(row) for row in rows] for rows in stacked]
    return _noted("read_cog", call, call.areas(), planned, types.CHIP_PLAN)


def _alone(raster: pa.Array) -> AbstractContextManager[object]:
    """Rows of an index are planned by one thread at a time: two would take Python's lock from each other.

    Headers of hrefs are waited for, so others may be planned meanwhile.
    """
    return _planning if pa.types.is_struct(raster.type) else nullcontext()


def _planned(
    speaker: str,
    call: Call,
    find: Find,
    grids: Sequence[Asked | None],
    duck_type: str,
) -> pa.Array:
    policies, math = call.choices("on_error", ON_ERROR), call.math()
    wanted, levels, resolutions = call.areas(), call.levels(), call.numbers("resolution")
    overviews = [bool(levels[i] or grids[i]) or resolutions[i] is not None for i in range(len(levels))]
    headers = rasters(call.raster, overviews)
    requests = _requests(call, wanted, levels, resolutions)
    planner, rows = Planner(), PlannedRows()
    planner.place_all(
        [
            (header, request)
            for header, request, grid in zip(headers, requests, grids, strict=True)
            if grid is None and isinstance(header, Header) and isinstance(request, ReadRequest)
        ]
    )
    planned: list[list[PlannedRow] | None] = []
    for i, header in enumerate(headers):
        request = requests[i]
        if header is None or request is None:
            planned.append(None)
            continue
        try:
            request, header, asked, grid = value_or_raise(request), value_or_raise(header), math[i], grids[i]
            bound = None
            if asked is not None and asked.expressions:
                bound = bind_source(asked, request.bands, header)
                request = replace(request, bands=tuple(band + 1 for band in bound.read))
            one = Wanted(header, request.all_touched, policies[i], asked, bound)
            if grid is None:
                planned.append(list(find(planner, rows, one, request)))
            else:
                on_grid = warped(header, request, grid)
                planned.append([] if on_grid is None else [rows.row(one, *on_grid, {})])
        except RasteretError as error:
            if policies[i] == "fail":
                raise
            planned.append([_failed_row(call.raster, i, error)])
    return _noted(speaker, call, wanted, planned, duck_type)


def _requests(
    call: Call,
    wanted: Sequence[Area],
    levels: Sequence[int | None],
    resolutions: Sequence[float | None],
) -> list[ReadRequest | RasteretError | None]:
    """What each row asks of its raster; None where its area is NULL, or what is wrong with that."""
    bands = call.bands()
    touched = call.flags("all_touched") if "all_touched" in call else [False] * len(call)
    return [
        area
        if area is None or isinstance(area, RasteretError)
        else ReadRequest(
            area=asked_area(area),
            bands=bands[i],
            level=levels[i],
            resolution=resolutions[i],
            all_touched=touched[i],
        )
        for i, area in enumerate(wanted)
    ]


def _noted(
    speaker: str,
    call: Call,
    wanted: Sequence[Area],
    planned: Sequence[Sequence[PlannedRow] | None],
    duck_type: str,
) -> pa.Array:
    """The rows with their places in batches, as lists; servers and queries are notified."""
    all_rows = [row for rows in planned for row in rows or ()]
    sized = {id(row): row for row in (row.sized for row in all_rows)}
    take_places((row["source"] for row in sized.values()), batch_of(call[ASKED], len(all_rows)))
    note_touching(
        speaker, call[ASKED], touched=any_touched(wanted, planned), first=first_apart(call.raster, wanted)
    )
    rasters_of = {id(row.raster or row.own): row for row in all_rows}
    prepare({href for row in rasters_of.values() for href in row.own.get("hrefs", [row["href"]])})
    return planned_array(planned, duck_type)


def _failed_row(raster: pa.Array, i: int, error: RasteretError) -> PlannedRow:
    """on_error := 'null': the href, and why there is nothing else."""
    hrefs = raster.field("href") if pa.types.is_struct(raster.type) else raster
    row = {"href": hrefs[i].as_py(), "source": {"on_error": "null", "error": str(error)}}
    return alone(row)


def _chips(planner: Planner, rows: PlannedRows, wanted: Wanted, request: ReadRequest) -> list[PlannedRow]:
    raster, places = planner.placed(wanted.header, request)
    return [rows.chip(wanted, raster, placed) for placed in places]


def _tiles(planner: Planner, rows: PlannedRows, wanted: Wanted, request: ReadRequest) -> Iterator[PlannedRow]:
    for level, column, row, plan in tiles_of(wanted.header, request, planner):
        chosen = plan.selection
        more = {
            "tile_col": column,
            "tile_row": row,
            "offset": int(chosen.offsets[0]),
            "byte_count": int(chosen.byte_counts[0]),
        }
        yield rows.row(wanted, level, plan, more)


def read_chips(source: pa.Array) -> pa.Array:
    """Pixels and validity of planned chips."""
    return _read("read_cog", source.to_pylist(), validity=True)


def read_tiles(source: pa.Array) -> pa.Array:
    """Pixels of planned tiles."""
    return _read("read_cog_tiles", source.to_pylist(), validity=False)


def _read(speaker: str, sources: list[Row | None], *, validity: bool) -> pa.Array:
    texts: list[str | None] = [None if source is None else source["error"] for source in sources]
    rows, plans = [], list[Any]()
    stacked = any(source is not None and source["stack"] is not None for source in sources)
    decoded, read = _stacks() if stacked else (plan_of, read_plans)
    for i, source in enumerate(sources):
        if source is not None and source["stack" if stacked else "plan"] is not None:
            plan = decoded(source)
            texts[i] = _too_large(plan) if source["on_error"] == "null" else None
            if texts[i] is None:
                rows.append(i)
                plans.append(plan)
    buffer, arrays = chips.allocate(plans)
    metering.note_chips(len(plans), buffer.nbytes)
    note_large(speaker, [sources[i]["notice"] for i in rows if sources[i]["notice"]])  # type: ignore[index]
    # where the first error ends the query, nothing more is requested
    stop = metering.planning() is None
    stop = stop and all(sources[i]["on_error"] == "fail" for i in rows)  # type: ignore[index]
    valid, errors = read(plans, arrays, stop_at_error=stop)
    lengths, there = [0] * len(sources), [False] * len(sources)
    masks: list[Any] = [None] * len(sources)
    for i, plan, mask, error in zip(rows, plans, valid, errors, strict=True):
        lengths[i] = pixel_bytes(plan)
        if error is None:
            there[i] = True
            masks[i] = mask if validity else None
        elif isinstance(error, NotSentError):
            pass  # a plan has no pixels
        elif sources[i]["on_error"] == "null":  # type: ignore[index]
            texts[i] = str(error)
        else:
            raise error
    return struct_array(
        {
            "data": blob_array(buffer, lengths, there),
            "valid": blobs_of(masks),
            "error": array_of(texts, "VARCHAR"),
            "parted": array_of([None] * len(texts), "BOOLEAN[]"),
        }
    )


def _stacks() -> tuple[Callable[[Row], Any], Callable[..., Any]]:
    """How stacks are decoded and read; a call of read_cog has them alone or none."""
    from rasteret_sql.duck.arrow.stack_rows import stack_of
    from rasteret_sql.raster.stack.read_stacks import read_stacks

    return stack_of, read_stacks


def _too_large(plan: Planned) -> str | None:
    """Why one chip is over the limit by itself, so that it need not end the query for all others."""
    if pixel_bytes(plan) <= settings().max_read_bytes:
        return None
    try:
        chips.allocate([plan])
    except LimitError as error:
        return str(error)
    return None
