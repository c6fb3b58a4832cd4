"""Geometries of filters: text in, GeoJSON out, in longitude and latitude."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import shapely
import shapely.geometry

from rasteret_sql.geo.guard import from_mapping, from_wkt


class GeometryTextError(ValueError):
    """A text that is not a geometry."""


FAULTS = (
    shapely.errors.ShapelyError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
)
"""What shapely raises for text that is not GeoJSON."""


def quiet() -> AbstractContextManager[None]:
    """Coordinates that are not numbers are found by looking at them, and not by NumPy's warning of them."""
    return np.errstate(invalid="ignore", over="ignore")


def geojson_of_text(text: Any) -> dict[str, Any]:
    """GeoJSON of a geometry in WKT or GeoJSON; ``GeometryTextError`` for what is neither, or is empty."""
    if not isinstance(text, str):
        raise GeometryTextError("a text in quotes is expected")
    try:
        shape = from_mapping(json.loads(text)) if text.lstrip().startswith("{") else from_wkt(text)
    except FAULTS as error:
        raise GeometryTextError(f"neither WKT nor GeoJSON ({error})") from error
    if shape.is_empty:
        raise GeometryTextError("the geometry is empty")
    plain: dict[str, Any] = _plain(shapely.geometry.mapping(shape))
    return plain


def geojson_box(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds of a GeoJSON geometry."""
    return geojson_rectangle(*from_mapping(dict(geometry)).bounds)


def geojson_rectangle(xmin: float, ymin: float, xmax: float, ymax: float) -> dict[str, Any]:
    """A polygon: servers that do not know CQL2's bbox know it."""
    corners = [[xmin, ymin], [xmax, ymin], [xmax, ymax], [xmin, ymax], [xmin, ymin]]
    return {"type": "Polygon", "coordinates": [corners]}


def _plain(value: Any) -> Any:
    """Lists for shapely's tuples: JSON read back is equal then."""
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value


def _from_wkt(args: list[Any]) -> Any:
    [text] = args
    return geojson_of_text(text)


def _envelope(args: list[Any]) -> Any:
    xmin, ymin, xmax, ymax = map(float, args)
    return geojson_rectangle(xmin, ymin, xmax, ymax)


def _bbox(args: list[Any]) -> Any:
    return {"bbox": [float(arg) for arg in args]}


def _point(args: list[Any]) -> Any:
    x, y = map(float, args)
    return {"type": "Point", "coordinates": [x, y]}


GEOMETRIES: Mapping[str, Callable[[list[Any]], Any]] = {
    "st_geomfromtext": _from_wkt, "st_geomfromwkt": _from_wkt, "st_geomfromgeojson": _from_wkt,
    "st_makeenvelope": _envelope, "bbox": _bbox, "st_point": _point, "st_makepoint": _point,
}  # fmt: skip
"""The functions that make a geometry, in small letters: arguments -> GeoJSON or CQL2's bbox."""
