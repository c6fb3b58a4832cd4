"""A CRS as the GeoKeys of a file, in a form that reads back as the same places."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyproj
from pyproj import CRS
from pyproj.exceptions import CRSError

from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.crs import parse_crs, without_shift
from rasteret_sql.geo.crs_text import require_modest, shorten
from rasteret_sql.geo.same_places import same_places
from rasteret_sql.geotiff.georef.crs import crs_text
from rasteret_sql.tiff.image import GeoKey

# GeoKeys and their values (OGC GeoTIFF 1.1, annex B).
_MODEL_TYPE, _RASTER_TYPE, _CITATION, _GEODETIC_CRS, _PROJECTED_CRS = 1024, 1025, 1026, 2048, 3072
_GEODETIC_CITATION, _GEODETIC_DATUM, _PRIME_MERIDIAN, _ELLIPSOID = 2049, 2050, 2051, 2056
_ANGULAR_UNITS, _ANGULAR_UNIT_SIZE = 2054, 2055
_SEMI_MAJOR_AXIS, _SEMI_MINOR_AXIS, _INVERSE_FLATTENING, _PRIME_MERIDIAN_LONGITUDE = 2057, 2058, 2059, 2061
_TO_WGS84 = 2062
_PROJECTED_CITATION, _LINEAR_UNITS, _LINEAR_UNIT_SIZE = 3073, 3076, 3077
_PROJECTED, _GEOGRAPHIC = 1, 2
_PIXEL_IS_AREA = 1
_USER_DEFINED = 32767

Keys = dict[int, GeoKey]


def geo_keys(crs: int | str | None) -> Keys:
    """GeoKeys of a CRS: an EPSG code (``32632`` or ``'EPSG:32632'``), or any text of one; none for None.

    What has no EPSG code is written as GDAL does: a projected CRS as WKT in a citation, Esri's where that
    means the same, a geographic one by its ellipsoid. Of a CRS with heights the horizontal part is written.
    ``ArgumentError``: no such CRS, or none that GeoKeys can hold.
    """
    if crs is None:
        return {}
    text = str(crs).upper().removeprefix("EPSG:")
    return dict(_keys(f"EPSG:{int(text)}" if text.isdecimal() else str(crs), str(crs)))


@lru_cache(256)
def _keys(text: str, given: str) -> Keys:
    known = _crs(text, given)
    source = without_shift(known)
    code = None if known.is_bound else _epsg_code(known)
    common: Keys = {_RASTER_TYPE: _PIXEL_IS_AREA, _CITATION: source.name}
    if source.is_engineering:
        forms: tuple[Callable[[CRS], Keys], ...] = (_linear_unit,)
    elif source.is_projected:
        common[_MODEL_TYPE] = _PROJECTED
        forms = (lambda _: {_PROJECTED_CRS: code},) if code is not None else (_esri_wkt, _gdal_wkt)
    elif source.type_name.startswith("Geographic"):
        common[_MODEL_TYPE] = _GEOGRAPHIC
        forms = (lambda _: {_GEODETIC_CRS: code},) if code is not None else (_ellipsoid,)
    else:
        raise ArgumentError(
            f"crs {shorten(given)} of a GeoTIFF to write: a {source.type_name}; "
            "expected a projected or geographic one"
        )
    for form in forms:
        keys = common | form(known)
        if _means(keys, known):
            return keys
    raise ArgumentError(
        f"crs {shorten(given)} ({shorten(source.name)}) of a GeoTIFF to write: neither a code nor "
        "GeoKeys nor WKT in a citation give the same places when the file is read; bring the pixels to "
        "another CRS first"
    )


def _crs(text: str, given: str) -> CRS:
    """The horizontal part."""
    try:
        require_modest(text)
        crs = CRS.from_user_input(text)
    except CRSError as e:
        if text.startswith("EPSG:"):
            raise ArgumentError(
                f"crs {given!r} of a GeoTIFF to write: there is no EPSG code {text.removeprefix('EPSG:')}"
            ) from e
        return parse_crs(text)  # which says so
    if crs.is_geocentric or (crs.is_vertical and not crs.is_compound):
        raise ArgumentError(
            f"crs {shorten(given)} of a GeoTIFF to write: a {crs.type_name}; "
            "expected a projected or geographic one"
        )
    return parse_crs(text)


def _means(keys: Keys, crs: CRS) -> bool:
    """Whether the keys are read as this CRS."""
    try:
        read = crs_text(tuple(sorted(keys.items())), 0)
        return read is not None and same_places(parse_crs(read), crs)
    except RasteretError:
        return False


def _epsg_code(crs: CRS) -> int | None:
    """The code whose definition equals this one but for the order of axes, which rasters do not have."""
    authority = crs.to_authority("EPSG", min_confidence=70)
    if authority is None and crs.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return 4326  # OGC:CRS84
    same = authority and CRS.from_authority(*authority).equals(crs, ignore_axis_order=True)
    return int(authority[1]) if authority and same else None


def _ellipsoid(crs: CRS) -> Keys:
    """A geographic CRS by its ellipsoid's axes, and by the parameters of its shift to WGS 84."""
    base = without_shift(crs)
    if base.ellipsoid is None or base.prime_meridian is None:
        raise ArgumentError(f"crs {shorten(crs.name)} of a GeoTIFF to write has no ellipsoid")
    ellipsoid, unit = base.ellipsoid, base.axis_info[0]
    flat: Keys = (
        {_INVERSE_FLATTENING: ellipsoid.inverse_flattening}
        if ellipsoid.inverse_flattening
        else {_SEMI_MINOR_AXIS: ellipsoid.semi_minor_metre}
    )
    names = {"GCS Name": base.name, "Datum": base.datum and base.datum.name, "Ellipsoid": ellipsoid.name}
    angle, size = _unit_keys(unit, _ANGULAR_UNITS, _ANGULAR_UNIT_SIZE)
    return (
        flat
        | angle
        | size
        | _meridian(base.prime_meridian)
        | _shift(crs)
        | {
            _GEODETIC_CRS: _USER_DEFINED,
            _GEODETIC_CITATION: "|".join(f"{key} = {name}" for key, name in names.items() if name),
            _GEODETIC_DATUM: _code_of(base.datum),
            _ELLIPSOID: _USER_DEFINED,
            _SEMI_MAJOR_AXIS: ellipsoid.semi_major_metre,
        }
    )


def _meridian(meridian: Any) -> Keys:
    code = _code_of(meridian)
    return (
        {_PRIME_MERIDIAN_LONGITUDE: meridian.longitude}
        if code == _USER_DEFINED or meridian.longitude == 0
        else {_PRIME_MERIDIAN: code}
    )


def _shift(crs: CRS) -> Keys:
    """GeogTOWGS84 of a CRS with such parameters."""
    values = crs.coordinate_operation.towgs84 if crs.is_bound and crs.coordinate_operation else []
    return {_TO_WGS84: tuple(map(float, values))} if values else {}


def _code_of(part: Any) -> int:
    """EPSG's code of a datum or meridian."""
    known = {} if part is None else part.to_json_dict().get("id", {})
    return int(known["code"]) if known.get("authority") == "EPSG" else _USER_DEFINED


def _esri_wkt(crs: CRS) -> Keys:
    """Esri's WKT in a citation, as GDAL and ArcGIS write it; it has no shifts to WGS 84."""
    return {} if crs.is_bound or _is_turned(crs) else _in_citation(crs, "WKT1_ESRI")


def _is_turned(crs: CRS) -> bool:
    """Whether the grid is turned by another angle than the azimuth: GDAL loses it in Esri's WKT."""
    operation = crs.coordinate_operation
    angles = {one.name: one.value for one in operation.params} if operation else {}
    rectified = angles.get("Angle from Rectified to Skew Grid")
    return rectified is not None and rectified != angles.get("Azimuth at projection centre")


def _gdal_wkt(crs: CRS) -> Keys:
    """GDAL's WKT in its place: that has the sweep of a geostationary view, and TOWGS84."""
    return _in_citation(crs, "WKT1_GDAL")


def _in_citation(crs: CRS, version: str) -> Keys:
    try:
        wkt = crs.to_wkt(version)
    except CRSError:
        wkt = None
    if wkt is None:
        return {}
    citation: GeoKey = f"ESRI PE String = {wkt}"
    return {_MODEL_TYPE: _USER_DEFINED, _PROJECTED_CITATION: citation, **_linear_unit(without_shift(crs))}


def _linear_unit(crs: CRS) -> Keys:
    code, size = _unit_keys(crs.axis_info[0], _LINEAR_UNITS, _LINEAR_UNIT_SIZE)
    return code | size


def _code_of_unit(axis: Any) -> int:
    """EPSG's code of a unit that brings none along."""
    for unit in pyproj.database.get_units_map(auth_name="EPSG").values():
        if unit.name == axis.unit_name and math.isclose(unit.conv_factor, axis.unit_conversion_factor):
            return int(unit.code)
    return _USER_DEFINED


def _unit_keys(axis: Any, code_key: int, size_key: int) -> tuple[Keys, Keys]:
    code = int(axis.unit_code) if axis.unit_auth_code == "EPSG" else _code_of_unit(axis)
    if code == 9122:  # degree by its other code
        code = 9102
    return {code_key: code}, {size_key: axis.unit_conversion_factor} if code == _USER_DEFINED else {}
