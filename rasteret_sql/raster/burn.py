"""Geometries with values as the pixels of a grid: GDAL's ``GDALRasterizeGeometries``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Pixels
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.rasterize import outline
from rasteret_sql.geo.turns import places
from rasteret_sql.geo.window import Window, clip_window
from rasteret_sql.raster.read.plan import area_in

MERGES = ("replace", "add", "max")
WHOLE_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
DTYPES = (*WHOLE_DTYPES, "float32", "float64")
LINES = (1, 2, 5)
"""Types of geometry that count a pixel once, however many of their parts cross it."""
Value = int | float


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A geometry, and what its pixels become."""

    area: Aoi
    value: Value


def burn(
    shapes: Sequence[Shape],
    grid: Grid,
    name: str,
    *,
    dtype: str | None = None,
    merge: str = "replace",
    fill: Value = 0,
    all_touched: bool = False,
) -> Pixels:
    """``(rows, columns)`` of ``fill``, with the values of the shapes where they cover pixels.

    ``replace``: of the last shape; ``max``: the largest; ``add``: their sum on top of ``fill``, to which each
    polygon and point of a geometry adds by itself, and all its lines together, as GDAL has it. Without a
    dtype it is the smallest that holds every possible value. ArgumentError for values that a dtype cannot
    hold, and for geometries without an image in the CRS of the grid; ``name`` is what messages call that.
    """
    kind = np.dtype(dtype or _dtype_of(shapes, fill, merge))
    if merge != "add":
        for value in (fill, *(shape.value for shape in shapes)):
            _require(value, kind)
    elif kind.kind in "iu":
        _require(fill, kind)
    ordered = sorted(shapes, key=lambda shape: shape.value) if merge == "max" else shapes
    working = kind if merge != "add" or kind.kind == "f" else np.dtype(np.int64)
    pixels = np.full((grid.height, grid.width), fill, working)
    for shape in ordered:
        for window, covered in _covered(shape.area, grid, name, all_touched, apart=merge == "add"):
            part = pixels[
                window.y_off : window.y_off + window.height, window.x_off : window.x_off + window.width
            ]
            if merge == "add":
                part[covered] = part[covered] + np.array(shape.value, _wide(working))
            else:
                part[covered] = shape.value
    return pixels if working == kind else _narrowed(pixels, kind)


def _wide(kind: np.dtype[Any]) -> np.dtype[Any]:
    """What sums are computed in before they are rounded to pixels."""
    return np.dtype(np.float64) if kind.kind == "f" else kind


def _dtype_of(shapes: Sequence[Shape], fill: Value, merge: str) -> str:
    """NumPy's name of the smallest type that holds every value."""
    values = [fill, *(shape.value for shape in shapes)]
    if any(isinstance(value, float) for value in values):
        with np.errstate(over="ignore"):  # too large for float32: not equal
            singles = np.array(values, np.float64).astype(np.float32).astype(np.float64)
        return "float32" if merge != "add" and (singles == values).all() else "float64"
    low, high = min(values), max(values)
    if merge == "add":
        parts = [(shape.value, _part_count(shape.area)) for shape in shapes]
        low = fill + sum(value * count for value, count in parts if value < 0)
        high = fill + sum(value * count for value, count in parts if value > 0)
    for name in WHOLE_DTYPES:
        limits = np.iinfo(name)
        if limits.min <= low and high <= limits.max:
            return name
    raise ArgumentError(f"values from {low} to {high}: no integer type holds them; pass dtype := 'float64'")


def _part_count(area: Aoi) -> int:
    return sum(1 for _ in _parts(area.geometry))


def _require(value: Value, kind: np.dtype[Any]) -> None:
    if kind.kind == "f":
        if abs(value) > float(np.finfo(kind).max):
            raise ArgumentError(f"the value {value:g} does not fit {kind.name}; pass another dtype")
        return
    limits = np.iinfo(kind)
    if value != int(value) or not limits.min <= value <= limits.max:
        raise ArgumentError(
            f"the value {value:g} does not fit {kind.name}, which holds {limits.min} to {limits.max}; "
            "pass another dtype, or leave it out"
        )


def _narrowed(sums: npt.NDArray[np.int64], kind: np.dtype[Any]) -> Pixels:
    limits = np.iinfo(kind)
    low, high = int(sums.min()), int(sums.max())
    if low < limits.min or high > limits.max:
        raise ArgumentError(
            f"the sums run from {low} to {high}, and {kind.name} holds {limits.min} to {limits.max}; "
            "pass another dtype, or leave it out"
        )
    return sums.astype(kind)


def _covered(
    area: Aoi, grid: Grid, name: str, all_touched: bool, *, apart: bool
) -> Iterator[tuple[Window, npt.NDArray[np.bool_]]]:
    """Parts of the grid, and which of their pixels a geometry covers; ``apart``: each part by itself."""
    geometries = _parts(area.geometry) if apart else [area.geometry]
    for geometry in geometries:
        moved = area_in(Aoi(geometry=geometry, crs=area.crs, beyond=area.beyond), grid, name)
        yield from _burnt(moved, grid, all_touched)


def _parts(geometry: Any) -> Iterator[Any]:
    """The polygons and points of a geometry, and its lines as they belong together."""
    kind = shapely.get_type_id(geometry)
    if kind in LINES or (shapely.get_num_geometries(geometry) == 1 and kind < 4):
        yield geometry
        return
    for part in shapely.get_parts(geometry):
        yield from _parts(part)


def _burnt(geometry: Any, grid: Grid, all_touched: bool) -> Iterator[tuple[Window, npt.NDArray[np.bool_]]]:
    """The same of a geometry in the CRS of the grid, in whatever turn; no pixel comes twice."""
    found = places(geometry, grid.known_crs, grid.transform, grid.width, grid.height)
    copies = [place.geometry for place in found] or [geometry]
    windows = [window for copy in copies if (window := _window(copy, grid)) is not None]
    if not windows:
        return
    left, top = min(w.x_off for w in windows), min(w.y_off for w in windows)
    right, bottom = max(w.x_off + w.width for w in windows), max(w.y_off + w.height for w in windows)
    window = Window(x_off=left, y_off=top, width=right - left, height=bottom - top)
    covered = np.zeros((window.height, window.width), np.bool_)
    for copy in copies:
        drawn = outline(copy, grid.transform, grid.height, grid.width, all_touched=all_touched)
        covered |= drawn.burn(window)
    yield window, covered


def _window(geometry: Any, grid: Grid) -> Window | None:
    """The pixels that a geometry may cover: one more on each side than it reaches."""
    a, b, c, d, e, f = invert(grid.transform)
    x, y = shapely.get_coordinates(geometry).T
    columns, rows = x * a + y * b + c, x * d + y * e + f
    if not columns.size:
        return None
    far = 2.0 * max(grid.width, grid.height) + 2
    left, right = (math.floor(max(-far, min(far, value))) for value in (columns.min(), columns.max()))
    top, bottom = (math.floor(max(-far, min(far, value))) for value in (rows.min(), rows.max()))
    window = Window(x_off=left - 1, y_off=top - 1, width=right - left + 3, height=bottom - top + 3)
    return clip_window(window, grid.width, grid.height)
