"""Several chips of one grid as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rasteret_sql.errors import ArgumentError, LimitError, UnsupportedError
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.geotiff.scaling import SAME
from rasteret_sql.raster.band_facts import UNKNOWN, BandFacts
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.mosaic.mosaic_methods import METHODS, Job, Valid, mean_dtype
from rasteret_sql.raster.mosaic.shared_grid import shared_grid
from rasteret_sql.settings import settings


def mosaic(chips: Sequence[Chip], method: str) -> Chip:
    """One chip over the extents of all, on the grid of the first.

    Which pixels take part is decided band by band, as in rasterio.merge: those that are valid, not nodata in
    their band and not NaN. ``first`` and ``last`` follow the order of ``chips``, so the last of a list that
    is ordered by time is the most recent. ``first``, ``last``, ``min`` and ``max`` keep the dtype; ``mean``
    and ``median`` of integers are float32 (float64 above 16 bits) and of floats their own; ``count`` is
    uint16, and valid everywhere. Where no chip has a pixel the result is not valid and holds nodata (NaN or
    0 without one).

    In memory beside the chips: the result, and one chip's mask; ``median`` works through strips of rows.
    ArgumentError: no common grid, dtype or number of bands. UnsupportedError: an order of complex numbers.
    """
    first = chips[0]
    for number, chip in enumerate(chips, start=1):
        _require_alike(first, chip, number)
        if method != "count":
            _require_scale(first, chip, number)
    if first.pixels.dtype.kind == "c" and method in ("min", "max", "median"):
        raise UnsupportedError(f"{first.pixels.dtype} pixels have no order, so no {method}")
    job = Job(chips=chips, grid=shared_grid(chips))
    _require_room(job, method)
    pixels, there = METHODS[method](job)
    nodata = None if method == "count" else first.nodata
    if method != "count":
        pixels[~there] = _fill(pixels.dtype, nodata)
    valid: Valid = np.any(there, axis=0)
    everywhere = method == "count" or bool(valid.all())
    return Chip(
        pixels=pixels,
        valid=None if everywhere else valid,
        transform=job.grid.transform,
        crs=first.crs,
        nodata=nodata,
        bands=first.bands if all(chip.bands == first.bands for chip in chips) else (),
        level=first.level if all(chip.level == first.level for chip in chips) else None,
        facts=_facts(chips, method),
    )


def _facts(chips: Sequence[Chip], method: str) -> BandFacts:
    """Those that all chips have; not for a mean of a palette's numbers."""
    first = chips[0].facts
    if method == "count":
        return UNKNOWN
    if any(chip.facts != first for chip in chips):
        return first.scaling_alone
    return first.without_palette if method in ("mean", "median") else first


def _require_alike(first: Chip, chip: Chip, number: int) -> None:
    one, other = (f"{len(c.pixels)} bands of {c.pixels.dtype}" for c in (first, chip))
    if one != other:
        raise ArgumentError(
            f"chip 1 has {one} and chip {number} {other}; chips of one mosaic have the same bands and dtype"
        )


def _require_scale(first: Chip, chip: Chip, number: int) -> None:
    """Stored numbers of different scales are not compared: 1,500 may be a reflectance of 0.15 or of 0.05."""
    for band in range(len(first.pixels)):
        one, other = (c.scaling(band) or SAME for c in (first, chip))
        if one != other:
            raise ArgumentError(
                f"band {band + 1} of chip 1 has scale {one.scale:g} and offset {one.offset:g}, that of chip "
                f"{number} scale {other.scale:g} and offset {other.offset:g}: their stored numbers are not "
                "comparable; pass scale := true for a mosaic of physical values"
            )


def _require_room(job: Job, method: str) -> None:
    bands, rows, columns = job.shape
    kind = mean_dtype(job.chips[0].pixels.dtype) if method == "median" else job.chips[0].pixels.dtype
    wide = {"mean": np.dtype(np.float64).itemsize, "count": 2}
    total = bands * rows * columns * wide.get(method, kind.itemsize)
    if total > settings().max_read_bytes:
        raise LimitError(
            f"the mosaic of {len(job.chips):,} chips is {bands} x {rows:,} x {columns:,} pixels, "
            f"{total / 2**20:,.0f} MiB, over max_read_bytes ({settings().max_read_bytes / 2**20:,.0f} MiB). "
            "Make mosaics of smaller areas (group by a grid of tiles), or raise max_read_bytes"
        )


def _fill(dtype: np.dtype[Any], nodata: float | None) -> float | int:
    if nodata is None and dtype.kind in "fc":
        return float("nan")
    return fill_value(dtype.name, nodata)
