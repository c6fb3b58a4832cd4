"""Warping: the pixels of a raster on another grid, in any CRS."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.geo.crs import turn_of
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.nodata import fill_value, is_nodata
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.warp import resample
from rasteret_sql.raster.warp.resample_area import REDUCTIONS, areas_under, resample_area

ALGORITHMS = ("nearest", *resample.KERNELS, *REDUCTIONS)
ALIASES = {"nearestneighbor": "nearest", "near": "nearest", "bicubic": "cubic"}
"""What Sedona and gdalwarp call them."""
COMPUTED = ("bilinear", "cubic", "average")
"""These make values; the others pick one."""
BLOCK = 256
"""Rows and columns of target that are worked on together."""
REMEMBERED = 16
"""Blocks whose places are kept, of 0.6 MB each."""


def algorithm(name: str) -> str:
    """The algorithm of a name, whatever its case; ArgumentError lists them."""
    known = ALIASES.get(name.lower(), name.lower())
    if known not in ALGORITHMS:
        raise ArgumentError(f"unknown resampling {name!r}; choose {', '.join(ALGORITHMS)}")
    return known


def require_resampling(dtype: str, resampling: str, name: str) -> None:
    """UnsupportedError where values of ``dtype`` cannot be resampled so."""
    if np.dtype(dtype).kind == "c" and resampling != "nearest":
        raise UnsupportedError(
            f"{name} has {dtype} pixels, which are not resampled by {resampling}; use nearest"
        )


def warp_chip(chip: Chip, target: Grid, resampling: str) -> Chip | None:
    """A chip on another grid; None where no pixel of it lies on that grid.

    Pixels outside the chip, and those with no valid pixel to be made of, are nodata (else 0) and not valid.
    """
    name = chip.href or "the chip"
    if chip.crs is None:
        raise ArgumentError(f"{name} has no CRS, so it cannot be placed on another grid")
    _, rows, columns = chip.pixels.shape
    require_resampling(chip.pixels.dtype.name, resampling, name)
    source = Grid(crs=chip.crs, transform=chip.transform, width=columns, height=rows)
    pixels = np.empty((len(chip.pixels), target.height, target.width), chip.pixels.dtype)
    valid = warp(
        chip.pixels,
        chip.valid,
        Mapping(target=target, source=source),
        out=pixels,
        resampling=resampling,
        nodata=chip.nodata,
    )
    if not valid.any():
        return None
    return Chip(
        pixels=pixels,
        valid=None if valid.all() else valid,
        transform=target.transform,
        crs=target.crs,
        nodata=chip.nodata,
        href=chip.href,
        bands=chip.bands,
        level=chip.level,
        facts=chip.facts,
    )


def warp(
    pixels: Pixels,
    valid: Bools | None,
    mapping: Mapping,
    *,
    out: Pixels,
    resampling: str,
    nodata: float | None,
    steps: tuple[float, float] | None = None,
) -> Bools:
    """Fill ``out`` (bands, rows, columns of the target) from ``pixels``, which cover ``mapping.source``.

    The answer is the validity of the target, (rows, columns). Invalid pixels become ``nodata``, or 0.
    A band that is nodata where another is not has no weight there, so every band is what it is alone.
    ``steps``: source pixels a target pixel, along columns and rows, when the caller knows them already.
    """
    pixels = np.ascontiguousarray(pixels)
    if resampling != "nearest":
        steps = steps or mapping.scales()
        masks = _masks_by_band(pixels, valid, nodata)
        if masks is not None:
            ok = np.zeros(out.shape[1:], np.bool_)
            for band, mask in enumerate(masks):
                one = slice(band, band + 1)
                ok |= _fill(pixels[one], mask, mapping, out[one], resampling, nodata, steps)
            return ok
    return _fill(pixels, valid, mapping, out, resampling, nodata, steps)


def _masks_by_band(pixels: Pixels, valid: Bools | None, nodata: float | None) -> Bools | None:
    """Where each band is valid, (bands, rows, columns); None when bands do not differ."""
    if len(pixels) == 1:
        return None
    missing = is_nodata(pixels, nodata)
    if missing is None:
        return None
    masks: Bools = ~missing if valid is None else valid & ~missing
    return masks if (masks[1:] != masks[0]).any() else None


def _fill(
    pixels: Pixels,
    valid: Bools | None,
    mapping: Mapping,
    out: Pixels,
    resampling: str,
    nodata: float | None,
    steps: tuple[float, float] | None,
) -> Bools:
    ok = np.zeros(out.shape[1:], np.bool_)
    filler = fill_value(out.dtype.name, nodata)
    for block in _blocks(mapping.target):
        rows = slice(block.y_off, block.y_off + block.height)
        columns = slice(block.x_off, block.x_off + block.width)
        values, good = _block(pixels, valid, mapping, block, resampling, steps)
        if resampling in COMPUTED:
            values = resample.finish(values, out.dtype, nodata)
        if not good.all():
            values[:, ~good] = filler
        out[:, rows, columns] = values.reshape(len(out), block.height, block.width)
        ok[rows, columns] = good.reshape(block.height, block.width)
    return ok


def _block(
    pixels: Pixels,
    valid: Bools | None,
    mapping: Mapping,
    block: Window,
    resampling: str,
    steps: tuple[float, float] | None,
) -> resample.Picked:
    """Values (bands, places) and validity of one block of the target."""
    if resampling == "nearest" or steps is None:
        return resample.nearest(pixels, valid, _nearest_places(mapping, block))
    if resampling in resample.KERNELS:
        x, y = mapping.centres(block)
        return resample.kernel(pixels, valid, x.ravel(), y.ravel(), resampling=resampling, steps=steps)
    half_turn = (turn_of(mapping.source.crs) or math.inf) / 2 / abs(mapping.source.transform[0])
    areas = areas_under(*mapping.corners(block), pixels.shape[1:], steps, half_turn)
    return resample_area(pixels, valid, areas, resampling)


@lru_cache(REMEMBERED)
def _nearest_places(mapping: Mapping, block: Window) -> resample.Places:
    """Dates of one scene have the same."""
    x, y = mapping.centres(block)
    places = resample.pixels_at((mapping.source.height, mapping.source.width), x.ravel(), y.ravel())
    for shared in places:
        shared.flags.writeable = False
    return places


def _blocks(target: Grid) -> Iterator[Window]:
    for y in range(0, target.height, BLOCK):
        for x in range(0, target.width, BLOCK):
            yield Window(
                x_off=x, y_off=y, width=min(BLOCK, target.width - x), height=min(BLOCK, target.height - y)
            )
