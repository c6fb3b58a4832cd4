"""What a geometry must not be before GEOS reads it: nested deeper, or larger, than any that is of use.

GEOS reads collections of collections by recursion, and a few hundred kilobytes of them end the process. Every
WKB, WKT, GeoJSON text or mapping that comes from outside is looked at here first; a usual one passes at once.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import shapely
import shapely.geometry

from rasteret_sql.errors import LimitError
from rasteret_sql.settings import settings

MAX_DEPTH = 128
"""Levels of collections, as DuckDB's and GEOS's own limits are far from needed: DuckDB's is 16."""
WKT_DEPTH = MAX_DEPTH + 3
"""Parentheses: those of a polygon in the innermost collection as well."""
GEOJSON_DEPTH = 2 * MAX_DEPTH + 8
"""Brackets: two for each collection, and those of coordinates and of a feature."""
HEADER_BYTES = 9
"""Of WKB: byte order, type, and how many parts."""
_FLAGS = rb"[\x00\x20\x40\x60\x80\xa0\xc0\xe0]"
_LITTLE = rb"(?:[\x04-\x0c]\x00|[\xec-\xf4]\x03|[\xd4-\xdc]\x07|[\xbc-\xc4]\x0b)\x00" + _FLAGS
_BIG = _FLAGS + rb"\x00(?:\x00[\x04-\x0c]|\x03[\xec-\xf4]|\x07[\xd4-\xdc]|\x0b[\xbc-\xc4])"
CONTAINERS = re.compile(rb"(?=\x01" + _LITTLE + rb"|\x00" + _BIG + rb")")
"""Where a geometry of parts may begin, of any order, dimension and dialect."""


def from_wkb(value: bytes) -> Any:
    """The geometry of WKB. Raises ``LimitError`` for what is refused, shapely's errors for anything else."""
    return shapely.from_wkb(_required(why_wkb, value))


def from_wkbs(values: Any) -> Any:
    """Many of them, and None, at once."""
    for value in values:
        if value is not None:
            _required(why_wkb, value)
    return shapely.from_wkb(values)


def from_wkt(text: str) -> Any:
    """The same of WKT."""
    return shapely.from_wkt(_required(why_wkt, text))


def from_geojson(text: str) -> Any:
    """The same of GeoJSON text."""
    return shapely.from_geojson(_required(why_geojson, text))


def from_mapping(value: Any) -> Any:
    """The same of GeoJSON that was read into dictionaries."""
    return shapely.geometry.shape(_required(why_mapping, value))


def _required(why: Callable[[Any], str | None], value: Any) -> Any:
    reason = why(value)
    if reason is not None:
        raise LimitError(f"a geometry {reason}")
    return value


def why_wkb(value: bytes) -> str | None:
    """Why WKB is not read; None for what may be."""
    size = len(value)
    if size > 16 * settings().max_area_vertices:
        return _too_large(size // 16)
    if size <= MAX_DEPTH * HEADER_BYTES or _kind(value, 0) in (1, 2, 3):
        return None
    if _more_than(CONTAINERS.finditer(value), MAX_DEPTH) and _wkb_depth(value) > MAX_DEPTH:
        return TOO_DEEP
    return None


def why_wkt(text: str) -> str | None:
    """Why WKT is not read."""
    return _why_text(text, "(", ")", WKT_DEPTH, commas=1)


def why_geojson(text: str) -> str | None:
    """Why GeoJSON text is not read; brackets within strings count, which no geometry has."""
    if text.count("{") + text.count("[") <= GEOJSON_DEPTH and len(text) <= settings().max_area_vertices:
        return None
    return _why_text(text.replace("{", "[").replace("}", "]"), "[", "]", GEOJSON_DEPTH, commas=2)


def why_mapping(value: Any) -> str | None:
    """Why GeoJSON in dictionaries is not read: collections of collections alone can be deep."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            part
            for one in level
            if isinstance(one, Mapping) and isinstance(one.get("geometries"), list | tuple)
            for part in one["geometries"]
        ]
        if not level:
            return None
    return TOO_DEEP


TOO_DEEP = (
    f"is nested too deeply: at most {MAX_DEPTH} levels of collections are read; take its parts out of the "
    "collections around them"
)


def _too_large(vertices: int) -> str:
    return (
        f"has about {vertices:,} vertices, over max_area_vertices ({settings().max_area_vertices:,}); "
        "simplify it, or raise max_area_vertices"
    )


def _why_text(text: str, opening: str, closing: str, limit: int, *, commas: int) -> str | None:
    """``commas``: how many a vertex has, itself and to the next."""
    most = settings().max_area_vertices
    if len(text) > most and text.count(",") > commas * most:
        return _too_large(text.count(",") // commas)
    if text.count(opening) <= limit:
        return None
    letters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    steps = (letters == ord(opening)).astype(np.int32) - (letters == ord(closing))
    return TOO_DEEP if int(np.cumsum(steps).max()) > limit else None


def _more_than(found: Any, count: int) -> bool:
    return any(number >= count for number, _ in enumerate(found))


def _kind(value: bytes, at: int) -> int:
    """The type of the geometry that begins there, without dimensions; 0 beyond the end."""
    order = "<" if value[at : at + 1] == b"\x01" else ">"
    if at + 5 > len(value):
        return 0
    (kind,) = struct.unpack_from(f"{order}I", value, at + 1)
    return int(kind & 0x0FFFFFFF) % 1000


def _wkb_depth(value: bytes) -> int:
    """Levels of geometries in geometries, or one more than is allowed; up to where it can be followed."""
    at, deepest = 0, 0
    open_parts: list[int] = [1]
    while open_parts and at + 5 <= len(value):
        if not open_parts[-1]:
            open_parts.pop()
            continue
        open_parts[-1] -= 1
        order = "<" if value[at] == 1 else ">"
        (code,) = struct.unpack_from(f"{order}I", value, at + 1)
        iso = (code & 0x0FFFFFFF) // 1000
        axes = 2 + ((code >> 31) | (iso in (1, 3))) + (((code >> 30) & 1) | (iso in (2, 3)))
        at += 9 if code & 0x20000000 else 5
        kind = (code & 0x0FFFFFFF) % 1000
        if kind == 1:
            at += 8 * axes
            continue
        if at + 4 > len(value):
            break
        (count,) = struct.unpack_from(f"{order}I", value, at)
        at += 4
        if kind in (2, 8):
            at += 8 * axes * count
        elif kind == 3:
            for _ in range(count):
                if at + 4 > len(value):
                    return deepest
                (points,) = struct.unpack_from(f"{order}I", value, at)
                at += 4 + 8 * axes * points
        else:
            open_parts.append(count)
            deepest = max(deepest, len(open_parts) - 1)
            if deepest > MAX_DEPTH:
                return deepest
    return deepest
