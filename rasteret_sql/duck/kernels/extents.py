"""Kernels on the extent of a geometry: its box, and its place on a space-filling curve."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
import shapely.geometry

from rasteret_sql.duck.arguments.arguments import Area, geometry_crs, texts
from rasteret_sql.duck.arguments.arguments import areas as areas_of
from rasteret_sql.duck.arrow.arrays import array_of, list_array, present, whole_numbers
from rasteret_sql.duck.arrow.fits import BLOBS, duck_type
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.boxes import lonlat_boxes
from rasteret_sql.geo.boxes import meeting as boxes_that_meet
from rasteret_sql.geo.crs import LONLAT, WGS84_LONLAT
from rasteret_sql.geo.guard import from_mapping, from_wkbs
from rasteret_sql.stac.geometry import FAULTS

LEVELS = 16
"""Bits of one axis: cells of 360/65,536 degrees, 600 m at the equator."""
KEYS = pa.list_(pa.uint64())
SIDES = ("xmin", "ymin", "xmax", "ymax")
WORLD = np.array([-180.0, -90.0])
CELLS = (2**LEVELS - 1) / np.array([360.0, 180.0])


def geometry_bbox(geometry: pa.Array) -> pa.Array:
    """The box of every geometry; NULL for NULL and for an empty one."""
    bounds = _bounds(geometry)
    sides = [array_of(np.ascontiguousarray(bounds[:, i]), "DOUBLE") for i in range(4)]  # type: ignore[arg-type]
    kind = pa.struct([pa.field(side, pa.float64()) for side in SIDES])
    return pa.Array.from_buffers(kind, len(geometry), [_bitmap(_known(bounds))], children=sides)


def hilbert(geometry: pa.Array) -> pa.Array:
    """Where the middle of every geometry lies on a Hilbert curve over the world."""
    bounds = _bounds(geometry)
    known = _known(bounds)
    middle = np.where(known[:, None], (bounds[:, :2] + bounds[:, 2:]) / 2, 0.0)
    cells = np.clip((middle - WORLD) * CELLS, 0, 2**LEVELS - 1).astype(np.int64)
    places = hilbert_index(cells[:, 0], cells[:, 1])
    buffers = [_bitmap(known), pa.py_buffer(places.astype("<u4"))]
    return pa.Array.from_buffers(pa.uint32(), len(geometry), buffers)


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


def _known(bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(bounds).all(axis=1))


def _bitmap(known: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(known, bitorder="little"))


def _bounds(geometry: pa.Array) -> npt.NDArray[np.float64]:
    """``(rows, 4)``; NaN for NULL and for empty ones. Raises ArgumentError for what is not a geometry."""
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
        shapes = from_wkbs(values)
    except shapely.errors.GEOSException as error:
        raise ArgumentError(f"the geometry is not WKB ({error})") from error
    bounds: npt.NDArray[np.float64] = shapely.bounds(shapes)
    bounds[~present(geometry)] = np.nan
    return bounds


def wkb(geometry: pa.Array) -> pa.Array:
    """GEOMETRY or WKB as WKB, which SQL has no one function for."""
    return geometry.storage if isinstance(geometry.type, pa.BaseExtensionType) else geometry


def geojson_wkb(text: pa.Array) -> list[bytes | None]:
    """The geometry in each text of GeoJSON as WKB; NULL for what is not one."""
    return [None if one is None else _wkb_of(one) for one in text.to_pylist()]


def _wkb_of(text: str) -> bytes | None:
    try:
        wkb: bytes = shapely.to_wkb(from_mapping(json.loads(text)), flavor="iso")
    except FAULTS:
        return None
    return wkb


def meeting(
    footprints: pa.Array, areas: pa.Array, keys: pa.Array, types: pa.Array, crs: pa.Array
) -> pa.Array:
    """Of lists of footprints, of areas and of their keys: for every footprint the keys of areas that meet it.

    A box is that of the geometry, as for ``&&``, in longitude and latitude; an area in another CRS is
    projected first.
    """
    met = []
    for row, aoi_crs in enumerate(texts(crs, "aoi_crs")):
        boxes = _boxes_in(footprints[row], None, None)
        others = _boxes_in(areas[row], types[row].as_py(), aoi_crs)
        left, right = boxes_that_meet(boxes, others)
        ends = np.searchsorted(left, np.arange(len(boxes) + 1)).astype("<i4")
        of_areas = whole_numbers(keys[row].values) if len(others) else np.empty(0, np.uint64)
        values = pa.Array.from_buffers(pa.uint64(), len(right), [None, pa.py_buffer(of_areas[right])])
        buffers = [None, pa.py_buffer(ends)]
        met.append(pa.Array.from_buffers(KEYS, len(boxes), buffers, children=[values]))
    return list_array(met, pa.concat_arrays(met) if met else pa.nulls(0, KEYS))


def _boxes_in(listed: pa.Scalar, kind: str | None, crs: str | None) -> npt.NDArray[np.float64]:
    """The boxes of the areas in one list, of the type ``kind``; without one in longitude and latitude."""
    column = listed.values if listed.is_valid else pa.nulls(0)
    own = geometry_crs(kind)
    if kind is None or (kind.startswith("GEOMETRY") and (own or crs or LONLAT) in WGS84_LONLAT):
        return _bounds(column)
    rows = len(column)
    kinds, given = array_of([kind] * rows, "VARCHAR"), array_of([crs] * rows, "VARCHAR")
    return lonlat_boxes([_placed(area) for area in areas_of(column, kinds, given)])


def _placed(area: Area) -> Aoi | None:
    """An area with a place of its own, or none. Raises its error."""
    there = value_or_raise(area)
    if isinstance(there, Aoi | None):
        return there
    raise ArgumentError(
        "a pixel window, or 'all' of a raster, is not a place: geometries, boxes or points were expected"
    )
