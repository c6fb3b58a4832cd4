"""Geometries in GeoParquet's native encodings: coordinates as STRUCT(x, y), in lists of lists.

A struct is a point, a list of them a line, a list of closed rings a polygon, any other list of lines several
lines, and a list of polygons a multipolygon (GeoParquet 1.1, "Encoding"; GeoArrow, separated coordinates).
Which encoding it is only the file's metadata says: a list of points may be several points, too, and is taken
for a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

AXES = frozenset("xyzm")
MIN_RING_POINTS = 4
"""Points of a ring, the first again at its end."""


def is_native(value: Any) -> bool:
    """Whether ``value`` is a struct of coordinates, or lists of them."""
    while isinstance(value, list | tuple | np.ndarray) and len(value):
        value = value[0]
    return isinstance(value, Mapping) and {"x", "y"} <= value.keys() <= AXES


def native_geometry(value: Any) -> Any:
    """The geometry that ``value`` is. Raises ``ValueError`` for lists that are not a geometry."""
    if isinstance(value, Mapping):
        return shapely.Point(_pair(value))
    parts = list(value)
    if not parts or any(part is None for part in parts):
        raise ValueError("a list of coordinates is empty, or has a NULL in it")
    if isinstance(parts[0], Mapping):
        points = [_pair(point) for point in parts]
        return shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0])
    if len(parts[0]) and isinstance(parts[0][0], Mapping):
        if not all(map(len, parts)):
            raise ValueError("a list of coordinates is empty, or has a NULL in it")
        lines = [[_pair(point) for point in line] for line in parts]
        if all(len(line) >= MIN_RING_POINTS and line[0] == line[-1] for line in lines):
            return shapely.Polygon(lines[0], lines[1:])
        return shapely.MultiLineString(lines)
    polygons = [native_geometry(part) for part in parts]
    if not all(isinstance(polygon, shapely.Polygon) for polygon in polygons):
        raise ValueError("a ring of a polygon is not closed, or lists are nested too deep")
    return shapely.MultiPolygon(polygons)


def _pair(point: Any) -> tuple[float, float]:
    if not isinstance(point, Mapping) or point.get("x") is None or point.get("y") is None:
        raise ValueError("a coordinate is not STRUCT(x, y), or is NULL")
    return float(point["x"]), float(point["y"])
