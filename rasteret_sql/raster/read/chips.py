"""Chips: the pixels of a raster inside the window of an area, and which of them are valid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Pixels
from rasteret_sql.blocks.pipeline import read_blocks
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.blocks.window_read import WindowRead
from rasteret_sql.errors import LimitError, RasteretError
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.raster.read.chip_plan import ChipPlan, Planned, pixel_bytes
from rasteret_sql.raster.read.validity import ReadChip, validity
from rasteret_sql.settings import settings


def allocate(plans: Sequence[Planned]) -> tuple[npt.NDArray[np.uint8], list[Pixels]]:
    """One buffer for the pixels of all chips, end to end, and each chip's array inside it.

    LimitError before anything is read when the pixels of one batch exceed ``max_read_bytes``.
    """
    total = sum(map(pixel_bytes, plans))
    limit = settings().max_read_bytes
    if total > limit:
        largest = max(plans, key=pixel_bytes)
        bands, rows, columns = largest.shape
        raise LimitError(
            f"{len(plans):,} chips of one batch hold {_size(total)} of pixels, over max_read_bytes "
            f"({_size(limit)}); the largest is "
            f"{bands} x {rows:,} x {columns:,} {largest.dtype}. "
            "Ask for smaller areas, fewer bands or a coarser level, "
            "read fewer rows at once, or raise max_read_bytes"
        )
    buffer = np.empty(total, np.uint8)
    arrays, at = [], 0
    for plan in plans:
        byte_count = pixel_bytes(plan)
        arrays.append(buffer[at : at + byte_count].view(plan.dtype).reshape(plan.shape))
        at += byte_count
    return buffer, arrays


def _size(byte_count: int) -> str:
    """Bytes for a message: in MiB where that says enough."""
    return f"{byte_count / 2**20:,.0f} MiB" if byte_count >= 10 * 2**20 else f"{byte_count:,} bytes"


def read_chips(
    plans: Sequence[ChipPlan], arrays: Sequence[Pixels], *, stop_at_error: bool = False
) -> tuple[list[npt.NDArray[np.uint8] | None], list[RasteretError | None]]:
    """Fill ``arrays`` and give each chip's validity and error.

    Validity is ``(rows, columns)`` of uint8, 1 = usable, as ``validity`` says; None when all pixels are.
    With ``stop_at_error`` the first error ends the reading of all.
    """
    reads: list[WindowRead] = []
    extra: list[tuple[Pixels | None, Pixels | None]] = []
    owners: list[int] = []
    for number, (plan, array) in enumerate(zip(plans, arrays, strict=True)):
        fill = fill_value(plan.dtype, plan.nodata)
        alpha = mask = None
        reads.append(_read(plan, plan.selection, plan.bands, array, fill))
        if plan.alpha_band is not None:
            alpha = np.empty((1, *plan.shape[1:]), plan.dtype)
            reads.append(_read(plan, plan.selection, (plan.alpha_band,), alpha, fill))
        if plan.mask is not None:
            mask = np.empty((len(plan.mask_bands), *plan.shape[1:]), np.uint8)
            reads.append(_read(plan, plan.mask, plan.mask_bands, mask, 0))
        extra.append((alpha, mask))
        owners.extend([number] * (len(reads) - len(owners)))
    errors: list[RasteretError | None] = [None] * len(plans)
    for number, error in zip(owners, read_blocks(reads, stop_at_error=stop_at_error), strict=True):
        errors[number] = errors[number] or error
    if stop_at_error and any(errors):
        return [None] * len(plans), errors
    questions = [
        ReadChip(plan=plan, pixels=array, shown=alpha if mask is None else _one_mask(plan, mask))
        for plan, array, (alpha, mask), error in zip(plans, arrays, extra, errors, strict=True)
        if error is None
    ]
    answers = iter(validity(questions))
    return [None if error else next(answers) for error in errors], errors


def _one_mask(plan: ChipPlan, masks: Pixels) -> Pixels:
    """``(1, rows, columns)`` of the masks of all bands, joined as the plan says."""
    if len(masks) == 1:
        return masks
    of_band = dict(zip(plan.mask_bands, masks != 0, strict=True))
    seen = [of_band[band] for band in plan.bands]
    answered = seen[: plan.any_of]
    joined: Pixels = np.any(answered, axis=0) if answered else np.ones(masks.shape[1:], np.bool_)
    for place in plan.all_of:
        joined &= seen[place]
    return joined.view(np.uint8)[np.newaxis]


def _read(
    plan: ChipPlan, selection: Selection, bands: tuple[int, ...], out: Pixels, fill: float | int
) -> WindowRead:
    return WindowRead(selection=selection, window=plan.window, bands=bands, out=out, fill=fill)
