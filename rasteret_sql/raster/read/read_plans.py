"""Reading chips as they were planned: of a file's own pixels, warped, or through an expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rasteret_sql.arrays import Bytes, Pixels
from rasteret_sql.errors import LimitError, RasteretError
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read import chips as reading
from rasteret_sql.raster.read.chip_plan import ChipPlan, Plan, pixel_bytes


def read_plans(
    plans: Sequence[Plan], arrays: Sequence[Pixels], *, stop_at_error: bool = False
) -> tuple[list[Bytes | None], list[RasteretError | None]]:
    """Fill ``arrays`` and give each chip's validity and error, as ``chips.read_chips`` does.

    All files are read in one batch, or in a few where the pixels that are not answered themselves, but what
    is made of them, exceed ``group_bytes()``.
    """
    valid: list[Bytes | None] = [None] * len(plans)
    errors: list[RasteretError | None] = [None] * len(plans)
    for group in groups(range(len(plans)), lambda i: _under_bytes(plans[i])):
        try:
            sources, pixels = _sources([plans[i] for i in group], [arrays[i] for i in group])
        except LimitError as too_large:
            for i in group:
                errors[i] = too_large
            continue
        masks, failures = reading.read_chips(sources, pixels, stop_at_error=stop_at_error)
        for i, source, mask, error in zip(group, pixels, masks, failures, strict=True):
            errors[i], valid[i] = error, mask
            if error is None:
                try:
                    valid[i] = _finished(plans[i], source, mask, arrays[i])
                except RasteretError as failed:
                    errors[i] = failed
        if stop_at_error and any(errors[i] for i in group):
            break
    return valid, errors


def _finished(plan: Plan, pixels: Pixels, mask: Bytes | None, out: Pixels) -> Bytes | None:
    if plan.source is plan:
        return mask
    good = plan.finish(pixels, None if mask is None else mask.view(np.bool_), out)
    return None if good is None or good.all() else good.view(np.uint8)


def _sources(plans: Sequence[Plan], arrays: Sequence[Pixels]) -> tuple[list[ChipPlan], list[Pixels]]:
    """What is read of the files, and where to: what something is made of into memory of its own."""
    under = iter(reading.allocate([plan.source for plan in plans if plan.source is not plan])[1])
    return (
        [plan.to_read for plan in plans],
        [array if plan.source is plan else next(under) for plan, array in zip(plans, arrays, strict=True)],
    )


def held_bytes(plan: Plan) -> int:
    """What reading one chip takes: its pixels, which of them are valid, and what is read besides."""
    _, rows, columns = plan.shape
    return pixel_bytes(plan) + rows * columns + _under_bytes(plan)


def _under_bytes(plan: Plan) -> int:
    """What is read besides the pixels that are answered."""
    return 0 if plan.source is plan else pixel_bytes(plan.source)
