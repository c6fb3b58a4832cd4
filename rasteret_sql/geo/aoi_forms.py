"""The forms an area of interest may have in SQL, each read into a geometry and the CRS it names itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.antimeridian import split_at_antimeridian
from rasteret_sql.geo.aoi_native import is_native, native_geometry
from rasteret_sql.geo.guard import why_geojson, why_wkb, why_wkt
from rasteret_sql.geo.longitudes import why_swapped

FORMS = (
    "WKB, WKT, GeoJSON text, a box [xmin, ymin, xmax, ymax] or {'xmin': …, 'ymin': …, 'xmax': …, 'ymax': …}, "
    "a point [x, y] or {'x': …, 'y': …}, or lists of STRUCT(x, y) as in GeoParquet's native encodings"
)
BOX_KEYS = ("xmin", "ymin", "xmax", "ymax")
HEXADECIMAL = re.compile(r"\s*(\\x)?0[01](?:[0-9A-Fa-f]{2}){4,}\s*")
"""WKB as PostGIS and shapely write it in text: two digits a byte, the first of them the byte order."""
EWKT = re.compile(r"\s*SRID\s*=\s*(\d+)\s*;", re.IGNORECASE)
GEOJSON_CRS = re.compile(r'"crs"\s*:\s*\{[^{}]*"properties"\s*:\s*\{[^{}]*"name"\s*:\s*"([^"]+)"')


WHY_REFUSED: dict[str, Callable[[Any], str | None]] = {
    "WKB": why_wkb,
    "WKT": why_wkt,
    "GeoJSON": why_geojson,
}


@dataclass
class Draft:
    """One value on its way: its geometry once parsed, or what is wrong with it."""

    geometry: Any = None
    crs: str | None = None
    wraps: bool = False
    """A box with xmin > xmax, already cut at 180 degrees: right only where x is a longitude."""
    error: ArgumentError | None = None
    beyond: float = 0.0
    """Degrees over a pole."""


Reader = Callable[[list[Any], list[Draft]], None]


def reader(value: Any) -> Reader:
    """What reads values of this kind, many at once: fills each draft's geometry or its error."""
    if isinstance(value, bytes | bytearray | memoryview):
        return _read_wkb
    if isinstance(value, str):
        if HEXADECIMAL.fullmatch(value):
            return _read_hexadecimal
        return _read_geojson if value.lstrip().startswith("{") else _read_wkt
    if isinstance(value, shapely.Geometry):
        return _take_geometry
    return _read_native if is_native(value) else _read_boxes


def _take_geometry(values: list[Any], drafts: list[Draft]) -> None:
    for value, draft in zip(values, drafts, strict=True):
        draft.geometry = value


def _read_wkb(values: list[Any], drafts: list[Draft]) -> None:
    _parse("WKB", shapely.from_wkb, [bytes(value) for value in values], drafts)
    parsed = [draft for draft in drafts if draft.geometry is not None]
    srids = shapely.get_srid(np.array([draft.geometry for draft in parsed], dtype=object))
    for draft, srid in zip(parsed, srids.tolist(), strict=True):
        draft.crs = f"EPSG:{srid}" if srid else None


def _read_hexadecimal(values: list[Any], drafts: list[Draft]) -> None:
    _read_wkb([bytes.fromhex(value.strip().removeprefix("\\x")) for value in values], drafts)


def _read_native(values: list[Any], drafts: list[Draft]) -> None:
    for value, draft in zip(values, drafts, strict=True):
        try:
            draft.geometry = native_geometry(value)
        except (ValueError, TypeError, LookupError, GEOSException) as error:
            draft.error = ArgumentError(
                f"aoi: {show(value)} is not a geometry in GeoParquet's native encoding ({error})"
            )


def _read_wkt(values: list[Any], drafts: list[Draft]) -> None:
    texts = []
    for value, draft in zip(values, drafts, strict=True):
        prefix = EWKT.match(value)
        if prefix and int(prefix[1]):
            draft.crs = f"EPSG:{prefix[1]}"
        texts.append(value[prefix.end() :] if prefix else value)
    _parse("WKT", shapely.from_wkt, texts, drafts)


def _read_geojson(values: list[Any], drafts: list[Draft]) -> None:
    for value, draft in zip(values, drafts, strict=True):
        # RFC 7946 dropped the member, but GDAL and GeoPandas still write it for other CRSs.
        named = GEOJSON_CRS.search(value) if '"crs"' in value else None
        draft.crs = named[1] if named else None
    _parse("GeoJSON", shapely.from_geojson, values, drafts)


def _parse(form: str, parse: Callable[..., Any], values: Sequence[Any], drafts: Sequence[Draft]) -> None:
    """One call for all values; those that fail are parsed again alone for their message."""
    allowed, waiting = [], []
    for value, draft in zip(values, drafts, strict=True):
        reason = WHY_REFUSED[form](value)
        if reason is None:
            allowed.append(value)
            waiting.append(draft)
        else:
            draft.error = ArgumentError(f"aoi: the area {show(value)} {reason}")
    values, drafts = allowed, waiting
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a coordinate past any number is looked at later
            geometries = parse(np.array(values, dtype=object), on_invalid="ignore")
    except NotImplementedError:  # a curve anywhere fails the whole batch
        geometries = [None] * len(values)
    for value, draft, geometry in zip(values, drafts, geometries, strict=True):
        draft.geometry = geometry
        if geometry is None:
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    draft.geometry = parse(value)
            except NotImplementedError:
                draft.error = ArgumentError(
                    f"aoi: curved geometries are not read; turn {show(value)} into straight lines first"
                )
            except (GEOSException, UnicodeDecodeError) as error:  # GEOS's message may end within a letter
                told = str(error).split(": ", 1)[-1] if isinstance(error, GEOSException) else "not JSON"
                reason = told if len(told) <= 200 else f"{told[:199]}…"
                draft.error = ArgumentError(
                    f"aoi: {show(value)} is not valid {form} ({reason}); expected {FORMS}"
                )


def _read_boxes(values: list[Any], drafts: list[Draft]) -> None:
    for value, draft in zip(values, drafts, strict=True):
        try:
            xmin, ymin, xmax, ymax = _sides(value)
        except ArgumentError as error:
            draft.error = error
            continue
        draft.wraps = xmin > xmax
        if not draft.wraps:
            draft.geometry = _box(xmin, ymin, xmax, ymax)
        elif max(abs(xmin), abs(xmax)) > 360:
            draft.error = ArgumentError(
                f"aoi: the box {show(value)} has xmin {xmin:g} above xmax {xmax:g}; were they swapped?"
            )
        elif (reason := why_swapped(xmin, xmax)) is not None:
            draft.error = ArgumentError(f"aoi: the box {show(value)} {reason}")
        else:
            east = xmin + (xmax - xmin) % 360
            draft.geometry = split_at_antimeridian(_box(xmin, ymin, east, ymax))


def _sides(value: Any) -> list[float]:
    """xmin, ymin, xmax, ymax of a box, or of the point of two numbers."""
    if isinstance(value, Mapping):
        missing = [key for key in BOX_KEYS if key not in value]
        if missing:
            raise ArgumentError(f"aoi: {show(value)} has no {', '.join(missing)}; expected {FORMS}")
        given = [value[key] for key in BOX_KEYS]
    elif isinstance(value, Sequence | np.ndarray):
        given = list(value)
    else:
        raise ArgumentError(f"aoi: {type(value).__name__} {show(value)} is not an area; expected {FORMS}")
    if len(given) not in (2, 4) or not all(isinstance(n, Real) and not isinstance(n, bool) for n in given):
        raise ArgumentError(
            "aoi: expected a box of four numbers xmin, ymin, xmax, ymax, or a point of two, x and y; "
            f"got {show(value)}"
        )
    numbers = [float(n) for n in given]
    if not np.isfinite(numbers).all():
        what = "point" if len(given) == 2 else "box"
        raise ArgumentError(f"aoi: the {what} {show(value)} holds a number that is not finite")
    if len(numbers) == 2:
        return numbers * 2
    if numbers[1] > numbers[3]:
        raise ArgumentError(f"aoi: the box {show(value)} has ymin {numbers[1]:g} above ymax {numbers[3]:g}")
    return numbers


def _box(xmin: float, ymin: float, xmax: float, ymax: float) -> Any:
    """A polygon, or the line or point that is left of it where a side is 0."""
    corners = list(dict.fromkeys([(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)]))
    if len(corners) == 1:
        return shapely.Point(corners[0])
    return shapely.LineString(corners) if len(corners) == 2 else shapely.Polygon(corners)


def show(value: Any) -> str:
    """Enough of a value to recognise it by."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes ({bytes(value[:8]).hex()}{'…' if len(value) > 8 else ''})"
    text = value.wkt if isinstance(value, shapely.Geometry) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
