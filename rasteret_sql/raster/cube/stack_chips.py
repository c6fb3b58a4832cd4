"""Chips that are there already as one cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.geotiff.scaling import SAME, Scaling
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.mosaic.shared_grid import shared_grid


@dataclass(frozen=True, kw_only=True)
class Cube:
    """Pixels of several time steps on one grid."""

    pixels: Pixels
    """``(steps, bands, rows, columns)``"""
    valid: Bools | None
    """``(steps, rows, columns)``; None where all are."""
    grid: Grid
    nodata: float | None
    names: Sequence[str]
    """Of the bands."""
    scalings: Sequence[Scaling]
    """Of the bands; none where their numbers are physical, or differ."""


def stack_chips(chips: Sequence[Chip], *, any_scale: bool) -> Cube:
    """The chips one after the other, over the extents of all; what a chip does not cover is not valid.

    ArgumentError where they lie on different grids, or have different numbers of bands or, unless
    ``any_scale``, different scales.
    """
    first = chips[0]
    for number, chip in enumerate(chips, start=1):
        if len(chip.pixels) != len(first.pixels):
            raise ArgumentError(
                f"chip 1 has {len(first.pixels)} bands and chip {number} {len(chip.pixels)}; chips of one "
                "cube have the same bands"
            )
        if not any_scale:
            _require_scale(first, chip, number)
    place = shared_grid(chips)
    dtype = np.result_type(*(chip.pixels.dtype for chip in chips))
    nodatas = {_key(chip.nodata) for chip in chips}
    nodata = first.nodata if len(nodatas) == 1 else None
    pixels = np.full(
        (len(chips), len(first.pixels), place.height, place.width), fill_value(dtype.name, nodata), dtype
    )
    valid = np.zeros((len(chips), place.height, place.width), np.bool_)
    for step, (chip, window) in enumerate(zip(chips, place.windows, strict=True)):
        rows = slice(window.y_off, window.y_off + window.height)
        columns = slice(window.x_off, window.x_off + window.width)
        pixels[step, :, rows, columns] = chip.pixels
        valid[step, rows, columns] = True if chip.valid is None else chip.valid
    scalings = _scalings(first)
    same = any(scalings) and all(_scalings(chip) == scalings for chip in chips)
    return Cube(
        pixels=pixels,
        valid=None if valid.all() else valid,
        grid=Grid(crs=first.crs, transform=place.transform, width=place.width, height=place.height),
        nodata=nodata,
        names=[_name(first, band) for band in range(len(first.pixels))],
        scalings=[scaling or SAME for scaling in scalings] if same else [],
    )


def _key(nodata: float | None) -> float | str | None:
    """All NaN are one value."""
    return "nan" if nodata is not None and nodata != nodata else nodata


def _scalings(chip: Chip) -> list[Scaling | None]:
    return [chip.scaling(band) for band in range(len(chip.pixels))]


def _name(chip: Chip, band: int) -> str:
    named = chip.names[band] if band < len(chip.names) else None
    return named or f"b{band + 1}"


def _require_scale(first: Chip, chip: Chip, number: int) -> None:
    for band, (a, b) in enumerate(zip(_scalings(first), _scalings(chip), strict=True), start=1):
        one, other = a or SAME, b or SAME
        if one != other:
            raise ArgumentError(
                f"band {band} of chip 1 has scale {one.scale:g} and offset {one.offset:g}, that of chip "
                f"{number} scale {other.scale:g} and offset {other.offset:g}: their stored numbers are not "
                "comparable; "
                "pass scale := true for physical values, or scale := false for the numbers as they are stored"
            )
