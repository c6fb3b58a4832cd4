"""Rasters of other grids on the grid of a first one, by the nearest pixel.

Each pixel takes the one in which its centre lies; a centre on an edge belongs to the pixel that begins there,
as in GDAL. Where two grids are whole multiples of each other (Sentinel-2's 10, 20 and 60 m) that is exact,
and any two grids whose axes are parallel are served alike. Turned grids, and other CRSs, are warped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.geo.crs import transformer, turn_of
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Affine
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.warp.warp import warp_chip
from rasteret_sql.store.redact import display_href

Indices = npt.NDArray[np.intp]
SLACK = 1e-6
"""Of a pixel: rounding of coordinates does not move a centre across an edge."""


def same_place(one: str | None, other: str | None) -> bool:
    """Whether coordinates of the two CRSs are the same."""
    if one is None or other is None:
        return one == other
    return one == other or transformer(one, other) is None


def require_placed(crs: str | None, transform: Affine, target: Chip, name: str) -> None:
    """``UnsupportedError`` where only one of a raster and ``target`` has a CRS."""
    if (crs is None) != (target.crs is None):
        raise UnsupportedError(_told(crs, transform, target, name))


def onto(chip: Chip, target: Chip, name: str) -> Chip:
    """``chip`` on the grid of ``target``; what it does not cover is nodata (else 0) and not valid.

    ``UnsupportedError`` names both grids where one has no CRS, or where axes without CRS are not parallel.
    """
    require_placed(chip.crs, chip.transform, target, _name(chip, name))
    if not same_place(chip.crs, target.crs):
        return _warped(chip, target)
    if chip.transform == target.transform and chip.pixels.shape[1:] == target.pixels.shape[1:]:
        return chip
    places = _places(chip, target, name)
    if places is not None:
        return _picked(chip, target, *places)
    if chip.crs is None:
        raise UnsupportedError(_told(chip.crs, chip.transform, target, _name(chip, name)))
    return _warped(chip, target)


def grid_under(target: Chip) -> Grid:
    """The grid of a chip that has a CRS."""
    assert target.crs is not None
    height, width = target.pixels.shape[1:]
    return Grid(crs=target.crs, transform=target.transform, width=width, height=height)


def _warped(chip: Chip, target: Chip) -> Chip:
    warped = warp_chip(chip, grid_under(target), "nearest")
    if warped is not None:
        return warped
    shape = target.pixels.shape[1:]
    return replace(
        chip,
        pixels=np.full(
            (len(chip.pixels), *shape), fill_value(chip.pixels.dtype.name, chip.nodata), chip.pixels.dtype
        ),
        valid=np.zeros(shape, np.bool_),
        transform=target.transform,
        crs=target.crs,
        x_off=None,
        y_off=None,
    )


def _picked(chip: Chip, target: Chip, columns: Indices, rows: Indices) -> Chip:
    inside = _within(rows, chip.pixels.shape[1])[:, None] & _within(columns, chip.pixels.shape[2])
    at = np.ix_(rows.clip(0, chip.pixels.shape[1] - 1), columns.clip(0, chip.pixels.shape[2] - 1))
    valid = inside if chip.valid is None else inside & chip.valid[at]
    pixels = np.stack([band[at] for band in chip.pixels])
    if not inside.all():
        pixels[:, ~inside] = fill_value(pixels.dtype.name, chip.nodata)
    return replace(
        chip,
        pixels=pixels,
        valid=None if valid.all() else valid,
        transform=target.transform,
        x_off=None,
        y_off=None,
    )


def _within(places: Indices, size: int) -> npt.NDArray[np.bool_]:
    return (places >= 0) & (places < size)


def _places(chip: Chip, target: Chip, name: str) -> tuple[Indices, Indices] | None:
    """Column and row of ``chip`` under each of ``target``; None where axes are not parallel."""
    a, b, c, d, e, f = chip.transform
    A, B, C, D, E, F = target.transform
    det = a * e - b * d
    if det == 0:
        raise ArgumentError(f"{_name(chip, name)} has a transform without area: {chip.transform}")
    across, skew = (e * A - b * D) / det, (e * B - b * E) / det
    lean, down = (a * D - d * A) / det, (a * E - d * B) / det
    height, width = target.pixels.shape[1:]
    if abs(skew) * height > SLACK or abs(lean) * width > SLACK:
        return None
    left, top = (e * (C - c) - b * (F - f)) / det, (a * (F - f) - d * (C - c)) / det
    across_row = left + across * (np.arange(width) + 0.5) + SLACK
    turn = None if chip.crs is None else turn_of(chip.crs)
    if turn is not None and not (b or d):  # longitudes that differ by a turn are one place
        away = (across_row < 0) | (across_row >= chip.pixels.shape[2])
        across_row[away] %= turn / abs(a)
    columns = np.floor(across_row)
    rows = np.floor(top + down * (np.arange(height) + 0.5) + SLACK)
    return columns.astype(np.intp), rows.astype(np.intp)


def _name(chip: Chip, name: str) -> str:
    return f"{name} ({display_href(chip.href)})" if chip.href else name


def _told(crs: str | None, transform: Affine, target: Chip, name: str) -> str:
    return (
        f"{name} cannot be placed on the grid of the first raster: it has {_grid(crs, transform)}, "
        f"where the first has {_grid(target.crs, target.transform)}"
    )


def _grid(crs: Any, transform: Affine) -> str:
    numbers = ", ".join(f"{number:.10g}" for number in transform)
    return f"{'no CRS' if crs is None else shorten(crs)}, transform [{numbers}]"
