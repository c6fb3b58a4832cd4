"""Geometries as bytes, the first one saying in which form, and what must hold of any: an area or an error."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import numpy as np
import shapely

from rasteret_sql.errors import RasteretError
from rasteret_sql.geo.aoi import Aoi, parse_aois
from rasteret_sql.geo.guard import from_mapping
from rasteret_sql.geo.turns import places
from rasteret_sql.stac.geometry import FAULTS
from tests.fuzz.checks import MESSAGE_CHARACTERS, Finding

SHAPES = (
    shapely.Point(12, 48),
    shapely.LineString([(170, 1), (190, 2)]),
    shapely.Polygon([(11, 47), (13, 47), (13, 49), (11, 49)], [[(12, 48), (12.5, 48), (12.5, 48.5)]]),
    shapely.MultiPolygon([shapely.box(170, 0, 180, 5), shapely.box(-180, 0, -170, 5)]),
    shapely.GeometryCollection([shapely.Point(1, 2, 3), shapely.MultiPoint([(1, 2), (3, 4)])]),
)
WORLD = (1.0, 0.0, -180.0, 0.0, -1.0, 90.0)


def nested_wkb(depth: int, kind: int = 7) -> bytes:
    """A point in ``depth`` collections, or other geometries of parts."""
    return struct.pack("<BII", 1, kind, 1) * depth + struct.pack("<BIdd", 1, 1, 15.0, 47.8)


def nested_wkt(depth: int) -> str:
    """The same as text."""
    return "GEOMETRYCOLLECTION(" * depth + "POINT(15 47.8)" + ")" * depth


def nested_geojson(depth: int) -> str:
    """The same in GeoJSON."""
    opening = '{"type":"GeometryCollection","geometries":['
    return opening * depth + '{"type":"Point","coordinates":[15,47.8]}' + "]}" * depth


def geometry_seeds() -> Iterator[tuple[str, bytes]]:
    """One of each kind in each form, and some that are nested."""
    for number, shape in enumerate(SHAPES):
        yield f"{number}.wkb", b"W" + shapely.to_wkb(shape)
        yield f"{number}.ewkb", b"W" + shapely.to_wkb(shapely.set_srid(shape, 4326), include_srid=True)
        yield f"{number}.wkt", b"T" + shapely.to_wkt(shape).encode()
        yield f"{number}.json", b"J" + shapely.to_geojson(shape).encode()
    for depth in (3, 20, 200):
        yield f"deep{depth}.wkb", b"W" + nested_wkb(depth)
        yield f"deep{depth}.wkt", b"T" + nested_wkt(depth).encode()
        yield f"deep{depth}.json", b"J" + nested_geojson(depth).encode()


def geometry_words() -> str:
    """Words of WKT and GeoJSON, as libFuzzer's dictionary."""
    words = (
        "GEOMETRYCOLLECTION(", "MULTIPOLYGON(((", "POLYGON((", "CURVEPOLYGON(", "EMPTY", "SRID=4326;", " Z ",
        "nan", "inf", "1e308", "-0", '"type"', '"Feature"', '"geometries"', '"coordinates"', "[[[", "]]]",
    )  # fmt: skip
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "".join(f'"{word}"\n' for word in escaped) + '"\\x01\\x07\\x00\\x00\\x00\\x01\\x00\\x00\\x00"\n'


def check_geometry(data: bytes) -> object:
    """An area, which can be placed on a raster, or an error of ours."""
    form, body = data[:1], data[1:]
    value = body if form == b"W" else body.decode("utf-8", "replace")
    try:
        (area,) = parse_aois([value])
    except RasteretError as error:
        area = error
    if isinstance(area, Aoi):
        with np.errstate(all="ignore"):
            return places(area.geometry, "EPSG:4326", WORLD, 360, 180)
    if form == b"J":
        _check_mapping(str(value))
    if isinstance(area, RasteretError) and len(str(area)) > MESSAGE_CHARACTERS:
        raise Finding(f"the message has {len(str(area)):,} characters")
    return area


def _check_mapping(text: str) -> None:
    """The way of items in documents."""
    try:
        from_mapping(json.loads(text))
    except (RasteretError, *FAULTS):
        return
