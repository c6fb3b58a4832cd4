"""Coordinate reference systems by their text, and the transformers between two of them.

Everywhere x is longitude or easting and y latitude or northing, whatever order the authority writes
(``always_xy``): the order of WKB in PostGIS, GeoPandas and DuckDB. pyproj's objects may be shared by threads
(each thread gets its own PROJ handle), so one bounded cache serves all.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.crs_text import require_modest, shorten

LONLAT = "OGC:CRS84"
WGS84_LONLAT = (LONLAT, "EPSG:4326")
WGS84_UTM = re.compile(r"EPSG:32([67])(0[1-9]|[1-5]\d|60)")
TO_RADIANS = "+step +proj=unitconvert +xy_in=deg +xy_out=rad"
TO_DEGREES = "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
CACHED = 512
"""Distinct CRS texts, and pairs of them, that stay parsed."""


@lru_cache(CACHED)
def parse_crs(text: str) -> CRS:
    """The CRS of an authority code, WKT, PROJJSON or PROJ string; ArgumentError when PROJ knows none.

    Of a compound CRS, and of one with heights, the horizontal part: heights move no pixel, and would make
    PROJ choose another operation for x and y.
    """
    require_modest(text)
    try:
        crs = CRS.from_user_input(text)
    except (CRSError, RecursionError):  # of JSON in JSON in JSON
        raise ArgumentError(
            f"unknown CRS {shorten(text)!r}: give an authority code such as 'EPSG:32632', WKT or PROJJSON"
        ) from None
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_vertical or crs.is_geocentric:
        raise ArgumentError(
            f"CRS {shorten(text)!r} ({crs.type_name}) is not one of maps: it has no x and y on them"
        )
    return crs.to_2d() if len(crs.axis_info) == 3 else crs


def without_shift(crs: CRS) -> CRS:
    """The CRS to which a bound one adds its own way to WGS 84; any other as it is."""
    source: CRS | None = crs.source_crs if crs.is_bound else None
    return crs if source is None else source


@lru_cache(CACHED)
def transformer(source: str, target: str) -> Transformer | None:
    """What turns x, y of one CRS into x, y of the other; None where the coordinates are the same.

    ArgumentError where PROJ has no way from one to the other.
    """
    if source == target and _needs_no_search(source):
        return None
    known = _through_utm(source, target)
    if known is not None:
        return known
    one, other = parse_crs(source), parse_crs(target)
    if source == target or one.equals(other, ignore_axis_order=True):
        return None
    try:
        made = Transformer.from_crs(one, other, always_xy=True)
    except ProjError as error:
        raise ArgumentError(
            f"no transformation from CRS {shorten(source)!r} to {shorten(target)!r}: {error}"
        ) from error
    return None if made.definition.startswith("proj=noop") else made


def _through_utm(source: str, target: str) -> Transformer | None:
    """From or to a zone of UTM on WGS 84, the other one longitude and latitude or a zone too; else None.

    The pipeline that PROJ finds for the two codes, without the 8 ms in its database that a process spends on
    its first pair: most archives are on such grids.
    """
    start, end = _utm(source), _utm(target)
    if (start is None and end is None) or not (_needs_no_search(source) and _needs_no_search(target)):
        return None
    one = TO_RADIANS if start is None else f"+step +inv {start}"
    other = TO_DEGREES if end is None else f"+step {end}"
    return Transformer.from_pipeline(f"+proj=pipeline {one} {other}")


def _needs_no_search(text: str) -> bool:
    return text in WGS84_LONLAT or WGS84_UTM.fullmatch(text) is not None


def _utm(text: str) -> str | None:
    """The projection of a zone."""
    zone = WGS84_UTM.fullmatch(text)
    if zone is None:
        return None
    return f"+proj=utm +zone={int(zone[2])}{' +south' if zone[1] == '7' else ''} +ellps=WGS84"


def utm_zone(longitude: float, latitude: float) -> str:
    """The zone of UTM on WGS 84 at a place, six degrees of longitude each, without the exceptions of Norway.

    ArgumentError nearer to a pole than the zones reach.
    """
    if not -80 <= latitude <= 84:
        raise ArgumentError(
            f"latitude {latitude:.6g} lies beyond the zones of UTM (-80 to 84 degrees): give crs :="
        )
    zone = int((longitude + 180) % 360 // 6) + 1
    return f"EPSG:32{6 if latitude >= 0 else 7}{zone:02}"


@lru_cache(CACHED)
def is_degrees(text: str) -> bool:
    """True for longitude and latitude in degrees."""
    if _needs_no_search(text):
        return text in WGS84_LONLAT
    crs = parse_crs(text)
    return crs.is_geographic and all(
        math.isclose(axis.unit_conversion_factor, math.pi / 180, rel_tol=1e-9) for axis in crs.axis_info[:2]
    )


@lru_cache(CACHED)
def turn_of(text: str) -> float | None:
    """Once around the globe in units of x: 360 of degrees; None where x is not a longitude."""
    if _needs_no_search(text):
        return 360.0 if text in WGS84_LONLAT else None
    crs = parse_crs(text)
    if not crs.is_geographic:
        return None
    turn: float = 2 * math.pi / crs.axis_info[0].unit_conversion_factor
    whole = float(round(turn))
    return whole if math.isclose(turn, whole, rel_tol=1e-9) else turn


@lru_cache(CACHED)
def greenwich_of(text: str) -> float:
    """The longitude of Greenwich in a geographic CRS: not 0 where its prime meridian is another."""
    if _needs_no_search(text):
        return 0.0
    crs = parse_crs(text)
    meridian = crs.prime_meridian
    if meridian is None:
        return 0.0
    radians = meridian.longitude * float(meridian.unit_conversion_factor)
    return float(-radians / crs.axis_info[0].unit_conversion_factor)


@lru_cache(CACHED)
def area_of_use(text: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north in degrees, as the authority states it; west > east where it wraps.

    Zones of UTM on WGS 84 (true to 0.01 degrees) need no database of PROJ, which a process opens for 8 ms.
    """
    if zone := WGS84_UTM.fullmatch(text):
        east = 6.0 * int(zone[2]) - 180
        return (east - 6, -80.0, east, 0.0) if zone[1] == "7" else (east - 6, 0.0, east, 84.0)
    area: Any = parse_crs(text).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)
