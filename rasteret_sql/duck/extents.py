"""Kernels on the extent of a geometry: its box, and its place on a space-filling curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from rasteret_sql.duck.arrow import array_of, present
from rasteret_sql.duck.fits import BLOBS, duck_type
from rasteret_sql.duck.rows import box
from rasteret_sql.errors import ArgumentError

LEVELS = 16
"""Bits of one axis: cells of 360/65,536 degrees, 600 m at the equator."""
WORLD = np.array([-180.0, -90.0])
CELLS = (2**LEVELS - 1) / np.array([360.0, 180.0])


def geometry_bbox(geometry: pa.Array) -> list[dict[str, float] | None]:
    """The box of every geometry; NULL for NULL and for an empty one."""
    return [box(tuple(row)) if np.isfinite(row).all() else None for row in _bounds(geometry).tolist()]


def hilbert(geometry: pa.Array) -> pa.Array:
    """Where the middle of every geometry lies on a Hilbert curve over the world."""
    bounds = _bounds(geometry)
    known = np.asarray(np.isfinite(bounds).all(axis=1))
    middle = np.where(known[:, None], (bounds[:, :2] + bounds[:, 2:]) / 2, 0.0)
    cells = np.clip((middle - WORLD) * CELLS, 0, 2**LEVELS - 1).astype(np.int64)
    places = hilbert_index(cells[:, 0], cells[:, 1])
    return array_of([int(p) if k else None for p, k in zip(places, known, strict=True)], "UINTEGER")


def hilbert_index(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Distance along the Hilbert curve of order LEVELS of whole cell numbers (Hilbert 1891).

    From the coarsest quadrant down: each adds its rank, and turns what is inside it.
    """
    x, y, distance = x.copy(), y.copy(), np.zeros_like(x)
    for bit in reversed(range(LEVELS)):
        side = 1 << bit
        right, top = (x & side) > 0, (y & side) > 0
        distance += side * side * ((3 * right) ^ top)
        mirrored = right & ~top
        x[mirrored], y[mirrored] = (
            side - 1 - (x[mirrored] & (side - 1)),
            side - 1 - (y[mirrored] & (side - 1)),
        )
        x[~top], y[~top] = y[~top], x[~top]
    return distance


def _bounds(geometry: pa.Array) -> npt.NDArray[np.float64]:
    """``(rows, 4)``; not-a-number for NULL and empty ones. Raises ArgumentError for what is no geometry."""
    if pa.types.is_null(geometry.type):
        return np.full((len(geometry), 4), np.nan)
    if isinstance(geometry.type, pa.BaseExtensionType):
        geometry = geometry.storage
    if not any(is_kind(geometry.type) for is_kind in BLOBS):
        raise ArgumentError(
            f"the geometry is a value of type {duck_type(geometry.type)}: GEOMETRY or WKB was expected"
        )
    values: Any = np.empty(len(geometry), object)
    values[:] = geometry.to_pylist()
    try:
        shapes = shapely.from_wkb(values)
    except shapely.errors.GEOSException as error:
        raise ArgumentError(f"the geometry is not WKB ({error})") from error
    bounds: npt.NDArray[np.float64] = shapely.bounds(shapes)
    bounds[~present(geometry)] = np.nan
    return bounds


def wkb(geometry: pa.Array) -> pa.Array:
    """GEOMETRY or WKB as WKB, which SQL has no one function for."""
    return geometry.storage if isinstance(geometry.type, pa.BaseExtensionType) else geometry
