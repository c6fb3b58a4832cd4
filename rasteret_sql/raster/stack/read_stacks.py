"""Reading stacks: the members of all, in one batch, each straight into its band where it can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rasteret_sql.arrays import Bools, Bytes, Pixels
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read.chip_plan import Plan, pixel_bytes
from rasteret_sql.raster.read.read_plans import read_plans
from rasteret_sql.raster.stack.stack_plan import StackPlan


def read_stacks(
    plans: Sequence[StackPlan], arrays: Sequence[Pixels], *, stop_at_error: bool = False
) -> tuple[list[Bytes | None], list[RasteretError | None]]:
    """Fill ``arrays`` and give each chip's validity and error, as ``read_plans`` does."""
    valid: list[Bytes | None] = []
    errors: list[RasteretError | None] = []
    numbers = range(len(plans))
    for group in groups(numbers, lambda i: plans[i].byte_count - pixel_bytes(plans[i])):
        outcomes = _read([plans[i] for i in group], [arrays[i] for i in group], stop_at_error)
        valid += [mask for mask, _ in outcomes]
        errors += [error for _, error in outcomes]
        if stop_at_error and any(errors):
            break
    missing = [None] * (len(plans) - len(valid))
    return valid + missing, errors + missing


def _read(
    plans: Sequence[StackPlan], arrays: Sequence[Pixels], stop_at_error: bool
) -> list[tuple[Bytes | None, RasteretError | None]]:
    parts = [_parts(plan, out) for plan, out in zip(plans, arrays, strict=True)]
    wanted: list[tuple[int, int]] = []
    members: list[Plan] = []
    for i, plan in enumerate(plans):
        for number, member in enumerate(plan.members):
            if member.plan is not None:
                wanted.append((i, number))
                members.append(member.plan)
    into = [parts[i][number][np.newaxis] for i, number in wanted]
    masks, failed = read_plans(members, into, stop_at_error=stop_at_error)
    valid: list[list[Bools | None]] = [_nowhere(plan) for plan in plans]
    errors: list[RasteretError | None] = [None] * len(plans)
    for (i, number), mask, error in zip(wanted, masks, failed, strict=True):
        valid[i][number] = None if mask is None else mask.view(np.bool_)
        errors[i] = errors[i] or error
    if stop_at_error and any(errors):
        return [(None, error) for error in errors]
    return [
        (None, error) if error is not None else _finished(plan, part, seen, out)
        for plan, part, seen, out, error in zip(plans, parts, valid, arrays, errors, strict=True)
    ]


def _parts(plan: StackPlan, out: Pixels) -> list[Pixels]:
    """Where each member is read to, ``(rows, columns)``; nodata, or 0, where nothing of it lies there."""
    parts: list[Pixels] = []
    for number, member in enumerate(plan.members):
        band = plan.own_bands.get(number)
        part = np.empty(plan.shape[1:], member.dtype) if band is None else out[band]
        if member.plan is None:
            part[...] = fill_value(member.dtype, member.nodata)
        parts.append(part)
    return parts


def _nowhere(plan: StackPlan) -> list[Bools | None]:
    """The validity of members of which nothing lies on the grid; those of others are to be read."""
    return [np.zeros(plan.shape[1:], np.bool_) if member.plan is None else None for member in plan.members]


def _finished(
    plan: StackPlan, parts: Sequence[Pixels], valid: Sequence[Bools | None], out: Pixels
) -> tuple[Bytes | None, RasteretError | None]:
    try:
        good = plan.finish(parts, valid, out)
    except RasteretError as error:
        return None, error
    return (None if good is None or good.all() else good.view(np.uint8)), None
