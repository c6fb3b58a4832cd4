"""Kernels that plan and read pixels: read_cog_tiles, read_cog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import (
    asked_area,
)
from rasteret_sql.duck.arguments.batches import batch_of, note_large, take_places
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.named_rasters import is_named
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arguments.target_grids import Asked, asked_grids, warped_row
from rasteret_sql.duck.arguments.touching import any_touched, first_apart, note_touching
from rasteret_sql.duck.arrow.arrays import array_of, blob_array, blobs_of, struct_array
from rasteret_sql.duck.arrow.rows import box, math_text, plan_of, source_row
from rasteret_sql.errors import LimitError, RasteretError, sound
from rasteret_sql.geo.window import window_bounds
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.bound_math import BoundMath, bind_source
from rasteret_sql.raster.band_facts import COLUMNS, UNKNOWN, BandFacts, facts_of
from rasteret_sql.raster.read import chips
from rasteret_sql.raster.read.chip_plan import ChipPlan, Planned, pixel_bytes
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.read.read_plans import read_plans
from rasteret_sql.raster.read.tile_plan import plan_tiles as tiles_of
from rasteret_sql.settings import settings
from rasteret_sql.store.fetch import prepare

ON_ERROR = ("fail", "null")
Row = dict[str, Any]


@by_name
def plan_tiles(call: Call) -> list[list[Row] | None]:
    """The internal tiles that each row's area touches; nothing is fetched but headers of plain hrefs."""
    return _planned("read_cog_tiles", call, _tile_rows, [None] * len(call))


@by_name
def plan_chips(call: Call) -> list[list[Row] | None]:
    """The chip, or none, of each row; nothing is fetched but headers of plain hrefs."""
    if not is_named(call.raster.type):
        return _planned("read_cog", call, _chip_rows, asked_grids(call))
    from rasteret_sql.duck.kernels.stacks import stacked_rows  # what one raster does not need

    return _noted("read_cog", call, call.areas(), stacked_rows(call, call.choices("on_error", ON_ERROR)))


def _planned(
    speaker: str,
    call: Call,
    rows_of: Callable[[Planner, Header, ReadRequest, str], Iterable[Row]],
    grids: Sequence[Asked | None],
) -> list[list[Row] | None]:
    wanted, asked_bands, levels, math = call.areas(), call.bands(), call.levels(), call.math()
    resolutions = call.numbers("resolution")
    touched = call.flags("all_touched") if "all_touched" in call else [False] * len(call)
    policies = call.choices("on_error", ON_ERROR)
    overviews = [bool(levels[i] or grids[i]) or resolutions[i] is not None for i in range(len(levels))]
    planner, planned = Planner(), list[list[Row] | None]()
    for i, header in enumerate(rasters(call.raster, overviews)):
        if header is None or wanted[i] is None:
            planned.append(None)
            continue
        try:
            request = _request(i, wanted, asked_bands, levels, resolutions, touched)
            asked, grid = math[i], grids[i]
            bound = None
            if asked is not None and asked.expressions:
                bound = bind_source(asked, request.bands, sound(header))
                request = replace(request, bands=tuple(band + 1 for band in bound.read))
            if grid is None:
                rows = list(rows_of(planner, sound(header), request, policies[i]))
            else:
                row = warped_row(sound(header), request, grid, policies[i])
                rows = [] if row is None else [row]
            if asked is not None:
                rows = [
                    _answer_row(row, bound or bind_source(asked, row["bands"], sound(header))) for row in rows
                ]
            planned.append(rows)
        except RasteretError as error:
            if policies[i] == "fail":
                raise
            planned.append([_failed_row(call.raster, i, error)])
    return _noted(speaker, call, wanted, planned)


def _noted(
    speaker: str, call: Call, wanted: Sequence[Any], planned: list[list[Row] | None]
) -> list[list[Row] | None]:
    """The same rows with their places in batches; servers and queries are told of them."""
    found = [row["source"] for rows in planned for row in rows or ()]
    take_places(found, batch_of(call[ASKED], len(found)))
    note_touching(
        speaker, call[ASKED], touched=any_touched(wanted, planned), first=first_apart(call.raster, wanted)
    )
    firsts = [rows[0] for rows in planned if rows]
    prepare({href for row in firsts for href in row.get("hrefs", [row["href"]])})
    return planned


def _answer_row(row: Row, bound: BoundMath) -> Row:
    """A chip's or a tile's row with what is made of its bands."""
    if bound.is_idle:
        return row
    facts = BandFacts(**{name: row[name] for name in COLUMNS}).of(range(bound.answered))
    own = {"bands": row["bands"][: bound.answered], **vars(facts)}
    if bound.asked.expression is not None:
        own = {"bands": None, **vars(UNKNOWN)}
    elif bound.physical is not None:
        own |= vars(facts.physical)
    shape = (bound.answered, *row["shape"][1:])
    answered = prod(shape) * np.dtype(bound.dtype).itemsize
    return row | {
        **own,
        "dtype": bound.dtype,
        "shape": shape,
        "nodata": bound.nodata,
        "source": row["source"] | {"math": math_text(bound), "held": row["source"]["held"] + answered},
    }


def _request(
    i: int,
    wanted: Sequence[Any],
    bands: Sequence[Any],
    levels: Sequence[int | None],
    resolutions: Sequence[float | None],
    touched: Sequence[bool],
) -> ReadRequest:
    return ReadRequest(
        area=asked_area(wanted[i]),
        bands=bands[i],
        level=levels[i],
        resolution=resolutions[i],
        all_touched=touched[i],
    )


def _failed_row(raster: pa.Array, i: int, error: RasteretError) -> Row:
    """on_error := 'null': the href, and why there is nothing else."""
    hrefs = raster.field("href") if pa.types.is_struct(raster.type) else raster
    return {"href": hrefs[i].as_py(), "source": {"on_error": "null", "error": str(error)}}


def _chip_rows(planner: Planner, header: Header, request: ReadRequest, on_error: str) -> Iterable[Row]:
    for level, plan in planner.chips(header, request):
        yield _plan_row(header, level, plan, on_error)


def _tile_rows(planner: Planner, header: Header, request: ReadRequest, on_error: str) -> Iterable[Row]:
    for level, column, row, plan in tiles_of(header, request, planner):
        yield _plan_row(header, level, plan, on_error) | {
            "tile_col": column,
            "tile_row": row,
            "offset": int(plan.selection.offsets[0]),
            "byte_count": int(plan.selection.byte_counts[0]),
        }


def _plan_row(header: Header, level: int, plan: ChipPlan, on_error: str) -> Row:
    window = plan.window
    return {
        "href": header.href,
        "bands": [band + 1 for band in plan.bands],
        "level": level,
        "x_off": window.x_off,
        "y_off": window.y_off,
        "width": window.width,
        "height": window.height,
        "bbox": box(window_bounds(plan.transform, window)),
        "crs": header.crs,
        "transform": plan.transform,
        "dtype": header.dtype,
        "shape": plan.shape,
        "nodata": header.nodata,
        **vars(facts_of(header, plan.bands)),
        "source": source_row(plan, on_error),
    }


def read_chips(source: pa.Array) -> pa.Array:
    """Pixels and validity of planned chips."""
    return _read("read_cog", source.to_pylist(), validity=True)


def read_tiles(source: pa.Array) -> pa.Array:
    """Pixels of planned tiles."""
    return _read("read_cog_tiles", source.to_pylist(), validity=False)


def _read(speaker: str, sources: list[Row | None], *, validity: bool) -> pa.Array:
    texts: list[str | None] = [None if source is None else source.get("error") for source in sources]
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
    note_large(speaker, [sources[i]["notice"] for i in rows if sources[i]["notice"]])  # type: ignore[index]
    # where the first error ends the query, nothing more is asked for
    stop = all(sources[i]["on_error"] == "fail" for i in rows)  # type: ignore[index]
    valid, errors = read(plans, arrays, stop_at_error=stop)
    lengths, there = [0] * len(sources), [False] * len(sources)
    masks: list[Any] = [None] * len(sources)
    for i, plan, mask, error in zip(rows, plans, valid, errors, strict=True):
        lengths[i] = pixel_bytes(plan)
        if error is None:
            there[i] = True
            masks[i] = mask if validity else None
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
