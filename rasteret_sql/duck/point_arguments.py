"""Points as SQL hands them over, all of a vector at once: WKB and numbers never become Python objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from rasteret_sql.duck.arguments import areas, geometry_crs, sql, texts, values_of
from rasteret_sql.duck.arrow import array_of, present
from rasteret_sql.duck.fits import fields_of, list_like
from rasteret_sql.duck.lists import floats, is_number, list_parts
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.raster.aoi import Aoi, misplaced, why_misplaced
from rasteret_sql.raster.aoi_forms import show
from rasteret_sql.raster.crs import LONLAT, is_degrees
from rasteret_sql.raster.placed_points import Points

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

WKB_POINT = np.dtype([("head", "u1", 5), ("xy", "<f8", 2)])
LITTLE_ENDIAN_POINT = np.array([1, 1, 0, 0, 0], np.uint8)
"""Byte order and type of a point without height, measure and SRID."""
XY = ("x", "y")
POINT, MULTIPOINT = 0, 4
"""Type numbers of shapely."""
FORMS = "a POINT as GEOMETRY, WKB, WKT or GeoJSON, [x, y] or {'x': …, 'y': …}"


@dataclass(frozen=True, kw_only=True)
class PointLists:
    """A list of points a row; a single point is a list of one."""

    points: Points
    numbers: list[Numbers | None]
    """Of the points of each row, NULLs left out; None where the row is NULL. Rows with the same points share
    one array, as those of a list do that is joined with many rasters."""
    slots: list[Numbers | None]
    """Places of these points in the row's list."""
    lengths: npt.NDArray[np.int64]
    """Of each row's list."""


def points_of(column: pa.Array, types: pa.Array, crs: pa.Array) -> tuple[Points, Numbers]:
    """One point a row, and its number, -1 for NULL. Its own CRS wins, then ``crs``, then OGC:CRS84."""
    return _elements(column, _type_of(types), texts(crs, "aoi_crs"))


def point_lists_of(column: pa.Array, types: pa.Array, crs: pa.Array) -> PointLists:
    """A list of points a row, or a MULTIPOINT."""
    kind, given = _type_of(types), texts(crs, "aoi_crs")
    if pa.types.is_null(column.type):
        return _in_rows(_points(np.empty((0, 2)), []), [None] * len(column), np.zeros(len(column), np.int64))
    if not list_like(column.type):
        return _multipoints(column, kind, given)
    child, starts, lengths = list_parts(column)
    if is_number(child.type) and not pa.types.is_null(child.type):
        raise ArgumentError(
            f"points := {sql(values_of(column)[0])} is a list of numbers; "
            f"a list of points was expected, each {FORMS}"
        )
    defaults: list[str | None] = [None] * len(child)
    if any(given):
        for start, length, text in zip(starts.tolist(), lengths.tolist(), given, strict=True):
            defaults[start : start + length] = [text] * length
    points, number = _elements(child, None if kind is None else kind.rsplit("[", 1)[0], defaults)
    elements = [
        number[start : start + length] if there else None
        for there, start, length in zip(present(column), starts.tolist(), lengths.tolist(), strict=True)
    ]
    return _in_rows(points, elements, lengths)


def _in_rows(
    points: Points, elements: Sequence[Numbers | None], lengths: npt.NDArray[np.int64]
) -> PointLists:
    numbers: list[Numbers | None] = []
    slots: list[Numbers | None] = []
    last: Numbers | None = None
    for mine in elements:
        places = None if mine is None else np.flatnonzero(mine >= 0)
        if mine is not None:
            mine = mine[places]
            if last is not None and _same(points, last, mine):
                mine = last
            last = mine
        numbers.append(mine)
        slots.append(places)
    return PointLists(points=points, numbers=numbers, slots=slots, lengths=lengths)


def _same(points: Points, one: Numbers, other: Numbers) -> bool:
    return (
        len(one) == len(other)
        and np.array_equal(points.xy[one], points.xy[other])
        and np.array_equal(points.which[one], points.which[other])
    )


def _type_of(types: pa.Array) -> str | None:
    """``typeof`` of a column, the same in every row."""
    found: str | None = types[0].as_py() if len(types) else None
    return found


def _elements(column: pa.Array, kind: str | None, given: Sequence[str | None]) -> tuple[Points, Numbers]:
    """The points of a column, and the number of each element's point; -1 for NULL."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    xy = _coordinates(column)
    if xy is None:
        xy, systems = _parsed(column, kind, given)
    else:
        own = geometry_crs(kind)
        systems = [own] * len(xy) if own or not any(given) else list(given)
    there = np.flatnonzero(~np.isnan(xy[:, 0]))
    number = np.full(len(xy), -1)
    number[there] = np.arange(len(there))
    return _points(xy[there], [systems[row] for row in there.tolist()]), number


def _points(xy: Floats, systems: Sequence[str | None]) -> Points:
    """Points with the CRS of each; None is OGC:CRS84. ArgumentError for what is no place in it."""
    codes = {crs: code for code, crs in enumerate(dict.fromkeys(systems))}
    which = np.fromiter((codes[crs] for crs in systems), np.intp, len(systems))
    crs = tuple(text or LONLAT for text in codes)
    for code, text in enumerate(crs):
        mine = np.flatnonzero(which == code)
        bad = misplaced(xy[mine], is_degrees(text))
        if len(bad):
            raise ArgumentError(f"point: {why_misplaced(xy[mine[bad[0]]], text, is_degrees(text))}")
    return Points(xy=xy, crs=crs, which=which)


def _coordinates(column: pa.Array) -> Floats | None:
    """``(n, 2)`` of WKB, {'x', 'y'} or [x, y], NaN for NULL; None where a closer look is needed."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _of_wkb(column)
    names = fields_of(kind)
    if set(XY) <= set(names) and all(is_number(kind.field(name).type) for name in XY):
        xy = np.column_stack([floats(column.field(names.index(name))) for name in XY])
    elif list_like(kind) and is_number(kind.value_type):
        child, starts, lengths = list_parts(column)
        if (lengths[present(column)] != 2).any():
            wrong = next(value for value in values_of(column) if value is not None and len(value) != 2)
            raise ArgumentError(f"point := {sql(wrong)}: a list of two numbers [x, y] was expected")
        first = np.where(present(column), starts, 0)
        numbers = np.append(floats(child), (np.nan, np.nan))
        xy = numbers[first[:, None] + (0, 1)]
    else:
        return None
    xy[~present(column) | np.isnan(xy).any(axis=1)] = np.nan
    return xy


def _of_wkb(column: pa.Array) -> Floats | None:
    """Of plain points in DuckDB's own form; None where there are others."""
    there = present(column)
    width = "<i8" if pa.types.is_large_binary(column.type) else "<i4"
    offsets = np.frombuffer(column.buffers()[1], width)[column.offset : column.offset + len(column) + 1]
    starts, lengths = offsets[:-1][there], np.diff(offsets)[there]
    if not len(starts) or (lengths != WKB_POINT.itemsize).any():
        return None
    data = np.frombuffer(column.buffers()[2], np.uint8)
    if starts[-1] - starts[0] == (len(starts) - 1) * WKB_POINT.itemsize:
        records = data[starts[0] : starts[-1] + WKB_POINT.itemsize].view(WKB_POINT)
    else:
        records = data[starts[:, None] + np.arange(WKB_POINT.itemsize)].view(WKB_POINT)[:, 0]
    if (records["head"] != LITTLE_ENDIAN_POINT).any() or np.isnan(records["xy"]).any():
        return None
    xy = np.full((len(column), 2), np.nan)
    xy[there] = records["xy"]
    return xy


def _parsed(
    column: pa.Array, kind: str | None, given: Sequence[str | None]
) -> tuple[Floats, list[str | None]]:
    """Texts, and WKB of other forms."""
    found = _geometries(column, kind, given, (POINT,), f"expected {FORMS}")
    xy = np.full((len(column), 2), np.nan)
    rows = [row for row, area in enumerate(found) if area is not None]
    xy[rows] = shapely.get_coordinates([area.geometry for area in found if area is not None])
    return xy, [None if area is None else area.crs for area in found]


def _geometries(
    column: pa.Array, kind: str | None, given: Sequence[str | None], allowed: tuple[int, ...], expected: str
) -> list[Aoi | None]:
    kinds, systems = (array_of(values, "VARCHAR") for values in ([kind] * len(column), given))
    found: list[Aoi | None] = []
    for area in areas(column, kinds, systems):
        if isinstance(area, RasteretError):
            raise ArgumentError(f"point: {str(area).removeprefix('aoi: ')}") from area
        if area is not None and not (isinstance(area, Aoi) and shapely.get_type_id(area.geometry) in allowed):
            told = show(area.geometry) if isinstance(area, Aoi) else "a pixel window"
            raise ArgumentError(f"point: {told} is no point; {expected}")
        found.append(area)
    return found


def _multipoints(column: pa.Array, kind: str | None, given: Sequence[str | None]) -> PointLists:
    expected = "expected a list of points or a MULTIPOINT"
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    found = _geometries(column, kind, given, (POINT, MULTIPOINT), expected)
    areas_there = [area for area in found if area is not None]
    xy, owner = shapely.get_coordinates([area.geometry for area in areas_there], return_index=True)
    points = _points(xy, [areas_there[number].crs for number in owner.tolist()])
    counts = np.bincount(owner, minlength=len(areas_there)).tolist()
    lengths = np.array([0 if area is None else counts.pop(0) for area in found], np.int64)
    stops = np.cumsum(lengths)
    elements = [
        None if area is None else np.arange(stop - length, stop)
        for area, stop, length in zip(found, stops.tolist(), lengths.tolist(), strict=True)
    ]
    return _in_rows(points, elements, lengths)
