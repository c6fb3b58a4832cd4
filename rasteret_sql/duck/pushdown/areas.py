"""Conditions on an item's footprint as arguments of a search.

``ST_Intersects`` is the very question of a search. ``&&`` is another one: it compares bounding boxes, and the
box of a footprint meets an area that the footprint itself may miss. What a server can be asked is whether the
footprint meets the parallels of the area, and its meridians: a footprint in one piece does both, or its box
misses the area's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import shapely
from sqlglot import exp

from rasteret_sql.duck.pushdown.constants import Constant
from rasteret_sql.duck.pushdown.filters import Known
from rasteret_sql.geo.guard import from_geojson, from_wkb, from_wkt
from rasteret_sql.sql_conditions import Tree

COLUMN = "geometry"
MARGIN = 1e-6
"""Degrees by which a strip is wider than the area, as servers may keep coordinates less exactly."""
WIDEST = 90.0
"""Degrees of longitude up to which the meridians of an area are requested."""
SLIVER = 0.1
"""Degrees beside the antimeridian: footprints across it have two parts, whose common box spans the globe."""

_PARSERS = {
    "st_geomfromtext": from_wkt,
    "st_geomfromgeojson": from_geojson,
    "st_geomfromwkb": from_wkb,
    "st_makeenvelope": shapely.box,
    "st_point": shapely.Point,
    "stpoint": shapely.Point,
}
_KINDS = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a footprint must meet."""

    shape: Any
    """Shapely geometry in degrees."""
    boxes: bool
    """Whether the boxes are compared, not the shapes."""

    @property
    def wkt(self) -> str:
        """The area as text, without loss."""
        return str(shapely.to_wkt(self.shape, rounding_precision=-1))

    @property
    def parallels(self) -> list[float]:
        """The box around the globe between the southern and the northern end of the area."""
        _, south, _, north = self.shape.bounds
        return [-180.0, max(-90.0, _down(south)), 180.0, min(90.0, -_down(-north))]

    @property
    def meridians(self) -> str | None:
        """The strip from pole to pole between its western and eastern end, as CQL2; None for a wide one."""
        west, _, east, _ = self.shape.bounds
        west, east = max(-180.0, _down(west)), min(180.0, -_down(-east))
        if east - west > WIDEST:
            return None
        strips = ((west, east), (180 - SLIVER, 180.0), (-180.0, SLIVER - 180))
        rings = ", ".join(
            f"(({w:.6f} -90, {e:.6f} -90, {e:.6f} 90, {w:.6f} 90, {w:.6f} -90))" for w, e in strips
        )
        return f"s_intersects(geometry, MULTIPOLYGON({rings}))"


def question(node: Tree, known: Known) -> Question | None:
    """What a condition asks of the footprint; None for other conditions, and for areas that no API takes."""
    if isinstance(node, exp.Paren):
        return question(node.this, known)
    if isinstance(node, exp.ArrayOverlaps):
        sides, boxes = (node.this, node.expression), True
    elif isinstance(node, exp.Anonymous) and str(node.this).lower() == "st_intersects":
        sides, boxes = tuple(node.expressions), False
    else:
        return None
    if len(sides) != 2:
        return None
    for column, area in (sides, sides[::-1]):
        if known.column(column) == COLUMN:
            shape = _shape(area, known)
            return Question(shape=shape, boxes=boxes) if shape is not None and _fits(shape) else None
    return None


def _shape(node: Tree, known: Known) -> Any:
    """The geometry that a constant is."""
    if isinstance(node, exp.Paren):
        return _shape(node.this, known)
    if isinstance(node, exp.Cast) and node.to.sql("duckdb") == "GEOMETRY":
        node = node.this
    if isinstance(node, exp.Literal):
        return _parsed("st_geomfromtext", [known.constant(node)])
    name = str(node.this if isinstance(node, exp.Anonymous) else node.key).lower()
    if name not in _PARSERS:
        return None
    return _parsed(name, [known.constant(part) for part in node.iter_expressions()])


def _parsed(name: str, arguments: list[Constant | None]) -> Any:
    values = [None if argument is None else argument.value for argument in arguments]
    if not all(isinstance(value, str | bytes | int | float) for value in values):
        return None
    try:
        return _PARSERS[name](*values)
    except (shapely.errors.ShapelyError, TypeError, ValueError):
        return None


def _fits(shape: Any) -> bool:
    """Whether any server takes the area: valid, flat, and in degrees."""
    if shape.is_empty or shape.geom_type not in _KINDS or shape.has_z or not shape.is_valid:
        return False
    west, south, east, north = shape.bounds
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)


def _down(degrees: float) -> float:
    return math.floor((degrees - MARGIN) * 1e6) / 1e6
