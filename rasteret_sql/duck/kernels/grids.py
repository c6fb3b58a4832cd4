"""RS_AsArray: one band as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.arrays import Pixels, is_inexact
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.arrays import array_of, grid_lists
from rasteret_sql.duck.kernels.answers import Room, room
from rasteret_sql.errors import LimitError, UnsupportedError, value_or_raise
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.physical import physical, require_real
from rasteret_sql.raster.read import chip_plan, chips
from rasteret_sql.raster.read.plan import ReadRequest, pick_bands, plan_chip

"""Whole numbers up to here, and down to its negative, are exact as DOUBLE."""
MAX_NUMBERS = 2**31 - 1
"""Numbers in the lists of one batch: their offsets are INTEGERs."""


@dataclass(frozen=True, kw_only=True)
class _Band:
    """One band of one chip."""

    pixels: Pixels
    """(rows, columns)"""
    valid: npt.NDArray[np.bool_] | None


@by_name
def as_array(call: Call) -> pa.Array:
    """One band of a chip, an index row or an href as rows of DOUBLE, NULL where a pixel is not valid."""
    within = room(call)
    if is_chip(call.raster.type):
        bands = _given(call.raster, call.one_band(), call.scales())
        _limit([band.pixels.size for band in bands if band is not None], within)
    else:
        bands = _read_whole(call.raster, call.one_band(), call.scales(), within)
    return _grid_column([None if found is None else _grid(found) for found in bands])


def _grid_column(grids: Sequence[pa.Array | None]) -> pa.Array:
    given = [grid for grid in grids if grid is not None]
    rows = pa.concat_arrays(given) if given else array_of([], "DOUBLE[]")
    offsets = np.zeros(len(grids) + 1, np.int32)
    np.cumsum([0 if grid is None else len(grid) for grid in grids], out=offsets[1:])
    there = np.array([grid is not None for grid in grids], np.bool_)
    buffers = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(rows.type), len(grids), buffers, children=[rows])


def _grid(band: _Band) -> pa.Array:
    require_exact(band.pixels, band.valid)
    return grid_lists(band.pixels, band.valid)


def require_exact(pixels: Pixels, valid: npt.NDArray[np.bool_] | None) -> None:
    """UnsupportedError where a valid pixel is not an exact DOUBLE: complex, or a whole number beyond 2^53."""
    dtype = pixels.dtype
    if dtype.kind == "c":
        raise UnsupportedError(f"{dtype} pixels are not numbers of DOUBLE; take them from the data column")
    if is_inexact(pixels, valid):
        raise UnsupportedError(
            f"{dtype} pixels beyond 2^53 are not exact as DOUBLE; take them from the data column"
        )


def _read_whole(
    raster: pa.Array, asked: Sequence[int | str], scaled: Sequence[bool | None], within: Room
) -> list[_Band | None]:
    """One band of whole rasters; None where the raster is NULL."""
    found_rasters = rasters(raster, [False] * len(raster))
    headers = [None if header is None else value_or_raise(header) for header in found_rasters]
    plans = [None if header is None else _plan(header, n) for header, n in zip(headers, asked, strict=True)]
    wanted = [plan for plan in plans if plan is not None]
    _limit([plan.window.height * plan.window.width for plan in wanted], within)
    _, arrays = chips.allocate(wanted)
    valid, errors = chips.read_chips(wanted, arrays, stop_at_error=True)
    for error in errors:
        if error is not None:
            raise error
    read = iter(
        _Band(pixels=array[0], valid=None if mask is None else mask.view(np.bool_))
        for array, mask in zip(arrays, valid, strict=True)
    )
    bands = [None if plan is None else next(read) for plan in plans]
    return [
        _physical(band, header, plan) if wanted and band and header and plan else band
        for band, header, plan, wanted in zip(bands, headers, plans, scaled, strict=True)
    ]


def _physical(band: _Band, header: Header, plan: chip_plan.ChipPlan) -> _Band:
    scaling = header.scaling(plan.bands[0])
    if scaling is None:
        return band
    require_real(band.pixels.dtype)
    return _Band(pixels=scaling.of(band.pixels), valid=band.valid)


def _limit(sizes: Sequence[int], within: Room) -> None:
    """Numbers of DOUBLE, in lists whose offsets are INTEGERs."""
    within.check(sum(sizes) * 8, len(sizes))
    if sum(sizes) > MAX_NUMBERS:
        raise LimitError(
            f"{len(sizes):,} bands of one batch hold {sum(sizes):,} pixels; the lists of one batch at most "
            f"{MAX_NUMBERS:,}. Take chips of smaller areas or of a coarser level, or their data column"
        )


def _plan(header: Header, band: int | str) -> chip_plan.ChipPlan:
    planned = plan_chip(header, ReadRequest(bands=(band,)))
    assert planned is not None, "a whole raster is never empty"
    return planned[1]


def _given(raster: pa.Array, asked: Sequence[int | str], scaled: Sequence[bool | None]) -> list[_Band | None]:
    """One band of rows of read_cog; None where the row or its data is NULL."""
    return [
        None if chip is None else _band(physical(chip) if wanted else chip, band)
        for chip, band, wanted in zip(chips_of(raster, placed=False), asked, scaled, strict=True)
    ]


def _band(chip: Chip, band: int | str) -> _Band:
    (number,) = pick_bands(chip, (band,))
    return _Band(pixels=chip.pixels[number], valid=chip.valid)
