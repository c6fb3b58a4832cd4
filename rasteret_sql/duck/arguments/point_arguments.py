"""Points as SQL hands them over, all of a vector at once, with the CRS of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from rasteret_sql.arrays import Floats, Numbers
from rasteret_sql.duck.arguments.arguments import areas, geometry_crs, sql, texts, types_of, values_of
from rasteret_sql.duck.arguments.coordinates import coordinates
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arrow.arrays import array_of, present
from rasteret_sql.duck.arrow.fits import list_like
from rasteret_sql.duck.arrow.lists import is_number, list_parts
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.aoi import Aoi, misplaced, why_misplaced
from rasteret_sql.geo.aoi_forms import show
from rasteret_sql.geo.crs import LONLAT, is_degrees
from rasteret_sql.raster.points.projected_points import Points

Systems = str | Sequence[str]
"""One CRS for all, or one for each."""

LIST = re.compile(r"\[\d*\]$")
"""At the end of the name of a list's type."""
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
    return _elements(column, _systems(types, crs))


def point_lists_of(column: pa.Array, types: pa.Array, crs: pa.Array) -> PointLists:
    """A list of points a row, or a MULTIPOINT."""
    systems = _systems(types, crs)
    if pa.types.is_null(column.type):
        return _in_rows(_points(np.empty((0, 2)), LONLAT), [None] * len(column), np.zeros(len(column), int))
    if not list_like(column.type):
        return _multipoints(column, systems)
    child, starts, lengths = list_parts(column)
    if is_number(child.type) and not pa.types.is_null(child.type):
        if not present(column).any():
            return _in_rows(
                _points(np.empty((0, 2)), LONLAT), [None] * len(column), np.zeros(len(column), int)
            )
        raise ArgumentError(
            f"points := {sql(values_of(column)[0])} is a list of numbers; "
            f"a list of points was expected, each {FORMS}"
        )
    if not isinstance(systems, str):
        of_elements = [LONLAT] * len(child)
        for start, length, text in zip(starts.tolist(), lengths.tolist(), systems, strict=True):
            of_elements[start : start + length] = [text] * length
        systems = of_elements
    points, number = _elements(child, systems)
    elements = [
        number[start : start + length] if there else None
        for there, start, length in zip(present(column), starts.tolist(), lengths.tolist(), strict=True)
    ]
    return _in_rows(points, elements, lengths)


def _systems(types: pa.Array, crs: pa.Array) -> Systems:
    """The CRS where a value names none: that of the column's type or its elements', else what was given."""
    kind = types_of(types)[0].as_py() if len(types) else None
    own = geometry_crs(kind and LIST.sub("", kind))
    if own is not None:
        return own
    if all_same(crs):
        return texts(crs.slice(0, 1), "aoi_crs")[0] or LONLAT
    return [text or LONLAT for text in texts(crs, "aoi_crs")]


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


def _elements(column: pa.Array, systems: Systems) -> tuple[Points, Numbers]:
    """The points of a column, and the number of each element's point; -1 for NULL."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    xy = coordinates(column)
    if xy is None:
        xy, systems = _parsed(column, systems)
    there = np.flatnonzero(~np.isnan(xy[:, 0]))
    number = np.full(len(xy), -1)
    number[there] = np.arange(len(there))
    if not isinstance(systems, str):
        systems = [systems[row] for row in there.tolist()]
    return _points(xy[there], systems), number


def _points(xy: Floats, systems: Systems) -> Points:
    """Points with their CRS, or that of each; ArgumentError for what is not a place in it."""
    crs = (systems,) if isinstance(systems, str) else tuple(dict.fromkeys(systems))
    which = np.zeros(len(xy), np.intp)
    if len(crs) > 1:
        codes = {text: code for code, text in enumerate(crs)}
        which = np.fromiter((codes[text] for text in systems), np.intp, len(xy))
    for code, text in enumerate(crs):
        mine = np.flatnonzero(which == code)
        bad = misplaced(xy[mine], is_degrees(text))
        if len(bad):
            raise ArgumentError(f"point: {why_misplaced(xy[mine[bad[0]]], text, is_degrees(text))}")
    return Points(xy=xy, crs=crs, which=which)


def _parsed(column: pa.Array, systems: Systems) -> tuple[Floats, Systems]:
    """Texts, and WKB of other forms, which may name a CRS themselves."""
    points = _geometries(column, systems, (POINT,), f"expected {FORMS}")
    xy = np.full((len(column), 2), np.nan)
    rows = [row for row, area in enumerate(points) if area is not None]
    xy[rows] = shapely.get_coordinates([area.geometry for area in points if area is not None])
    return xy, [LONLAT if area is None else area.crs for area in points]


def _geometries(
    column: pa.Array, systems: Systems, allowed: tuple[int, ...], expected: str
) -> list[Aoi | None]:
    given = [systems] * len(column) if isinstance(systems, str) else systems
    no_types = pa.nulls(len(column))  # what they tell is in the systems already
    geometries: list[Aoi | None] = []
    for area in areas(column, no_types, array_of(given, "VARCHAR")):
        if isinstance(area, RasteretError):
            raise ArgumentError(f"point: {str(area).removeprefix('aoi: ')}") from area
        if area is not None and not (isinstance(area, Aoi) and shapely.get_type_id(area.geometry) in allowed):
            shown = show(area.geometry) if isinstance(area, Aoi) else "a pixel window"
            raise ArgumentError(f"point: {shown} is not a point; {expected}")
        geometries.append(area)
    return geometries


def _multipoints(column: pa.Array, systems: Systems) -> PointLists:
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    expected = "expected a list of points or a MULTIPOINT"
    multipoints = _geometries(column, systems, (POINT, MULTIPOINT), expected)
    there = [area for area in multipoints if area is not None]
    xy, owner = shapely.get_coordinates([area.geometry for area in there], return_index=True)
    points = _points(xy, [there[number].crs for number in owner.tolist()])
    lengths = np.zeros(len(multipoints), np.int64)
    rows = [row for row, area in enumerate(multipoints) if area is not None]
    lengths[rows] = np.bincount(owner, minlength=len(there))
    stops = np.cumsum(lengths)
    elements = [
        None if area is None else np.arange(stop - length, stop)
        for area, stop, length in zip(multipoints, stops.tolist(), lengths.tolist(), strict=True)
    ]
    return _in_rows(points, elements, lengths)
