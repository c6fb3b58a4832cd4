"""The tags that place a raster on Earth and describe its bands, as GDAL writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.crs import parse_crs, shorten
from rasteret_sql.tiff.image import GeoKey

# GeoKeys and their values (OGC GeoTIFF 1.1, annex B).
_MODEL_TYPE, _RASTER_TYPE, _CITATION, _GEODETIC_CRS, _PROJECTED_CRS = 1024, 1025, 1026, 2048, 3072
_GEODETIC_CITATION, _GEODETIC_DATUM, _ANGULAR_UNITS, _ELLIPSOID = 2049, 2050, 2054, 2056
_SEMI_MAJOR_AXIS, _SEMI_MINOR_AXIS, _INVERSE_FLATTENING, _PRIME_MERIDIAN_LONGITUDE = 2057, 2058, 2059, 2061
_PROJECTED_CITATION, _LINEAR_UNITS, _LINEAR_UNIT_SIZE = 3073, 3076, 3077
_PROJECTED, _GEOGRAPHIC = 1, 2
_PIXEL_IS_AREA = 1
_USER_DEFINED, _DEGREE = 32767, 9102


def geo_keys(crs: int | str | None) -> dict[int, GeoKey]:
    """GeoKeys of a CRS: an EPSG code (``32632`` or ``'EPSG:32632'``), or any text of one; none for None.

    What has no EPSG code is written as GDAL does: a projected CRS as Esri's WKT in a citation, a geographic
    one by its ellipsoid. Of a CRS with heights the horizontal part is written.
    ``ArgumentError``: no such CRS, or neither a projected nor a geographic one.
    """
    if crs is None:
        return {}
    text = str(crs).upper().removeprefix("EPSG:")
    code = int(text) if text.isdecimal() else None
    try:
        known = parse_crs(str(crs)) if code is None else CRS.from_epsg(code)
    except CRSError as e:
        raise ArgumentError(f"crs {crs!r} of a GeoTIFF to write: there is no EPSG code {code}") from e
    code = _epsg_code(known) if code is None else code
    projected = known.type_name == "Projected CRS"
    if not projected and not known.type_name.startswith("Geographic"):
        raise ArgumentError(
            f"crs {shorten(str(crs))} of a GeoTIFF to write: a {known.type_name}; "
            "expected a projected or geographic one"
        )
    keys: dict[int, GeoKey] = {
        _RASTER_TYPE: _PIXEL_IS_AREA,
        _CITATION: known.name,
        _MODEL_TYPE: _PROJECTED if projected else _GEOGRAPHIC,
    }
    if code is not None:
        return keys | {_PROJECTED_CRS if projected else _GEODETIC_CRS: code}
    return keys | _ellipsoid(known) | (_esri_wkt(known) if projected else {})


def _epsg_code(crs: CRS) -> int | None:
    """The code whose definition equals this one but for the order of axes, which rasters do not have."""
    authority = crs.to_authority("EPSG", min_confidence=70)
    if authority is None and crs.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return 4326  # OGC:CRS84
    same = authority and CRS.from_authority(*authority).equals(crs, ignore_axis_order=True)
    return int(authority[1]) if authority and same else None


def _ellipsoid(crs: CRS) -> dict[int, GeoKey]:
    """A geographic CRS in degrees from Greenwich, by its ellipsoid's axes."""
    base = crs.geodetic_crs
    if base is None or base.ellipsoid is None or base.prime_meridian is None:
        raise ArgumentError(f"crs {shorten(crs.name)} of a GeoTIFF to write has no ellipsoid")
    ellipsoid = base.ellipsoid
    flat: dict[int, GeoKey] = (
        {_INVERSE_FLATTENING: ellipsoid.inverse_flattening}
        if ellipsoid.inverse_flattening
        else {_SEMI_MINOR_AXIS: ellipsoid.semi_minor_metre}
    )
    datum = base.datum.to_json_dict().get("id", {}) if base.datum is not None else {}
    return flat | {
        _GEODETIC_CRS: _USER_DEFINED,
        _GEODETIC_CITATION: base.name,
        _GEODETIC_DATUM: datum["code"] if datum.get("authority") == "EPSG" else _USER_DEFINED,
        _ANGULAR_UNITS: _DEGREE,
        _ELLIPSOID: _USER_DEFINED,
        _SEMI_MAJOR_AXIS: ellipsoid.semi_major_metre,
        _PRIME_MERIDIAN_LONGITUDE: base.prime_meridian.longitude,
    }


def _esri_wkt(crs: CRS) -> dict[int, GeoKey]:
    try:
        wkt = crs.to_wkt("WKT1_ESRI")
    except CRSError:
        wkt = None
    if wkt is None:
        raise ArgumentError(
            f"crs {shorten(crs.to_wkt())} of a GeoTIFF to write can be told neither by an EPSG code nor by "
            "Esri's WKT; bring the pixels to another CRS first"
        )
    unit = crs.axis_info[0]
    code = int(unit.unit_code) if unit.unit_auth_code == "EPSG" else _USER_DEFINED
    size = {_LINEAR_UNIT_SIZE: unit.unit_conversion_factor} if code == _USER_DEFINED else {}
    said: GeoKey = f"ESRI PE String = {wkt}"
    return {_MODEL_TYPE: _USER_DEFINED, _PROJECTED_CITATION: said, _LINEAR_UNITS: code, **size}


def model_tags(transform: Sequence[float], *, georeferenced: bool) -> dict[str, Any]:
    """The model tags of an affine a b c d e f, by the names of ``tiff.Image``.

    Pixel scale and tie point for a north-up raster, a matrix for any other; nothing for pixel
    coordinates without a CRS. ``ArgumentError``: not six finite numbers, or they flatten the raster.
    """
    if len(transform) != 6 or not all(isfinite(number) for number in transform):
        raise ArgumentError(f"transform {tuple(transform)}: expected six finite numbers a, b, c, d, e, f")
    a, b, c, d, e, f = (float(number) for number in transform)
    if a * e == b * d:
        raise ArgumentError(f"transform {tuple(transform)}: all pixels lie on one line")
    if (a, b, c, d, e, f) == (1, 0, 0, 0, 1, 0) and not georeferenced:
        return {}
    if a > 0 > e and b == d == 0:
        return {"model_pixel_scale": (a, -e, 0.0), "model_tiepoint": (0.0, 0.0, 0.0, c, f, 0.0)}
    matrix = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    return {"model_transformation": matrix}


def nodata_text(nodata: float, dtype: np.dtype[Any]) -> str:
    """What GDAL_NODATA says. ``ArgumentError``: an integer raster cannot hold the value."""
    if dtype.kind not in "iu":
        return repr(float(nodata))
    limits = np.iinfo(dtype)
    if not limits.min <= nodata <= limits.max or nodata != int(nodata):
        raise ArgumentError(f"nodata {nodata} of {dtype} pixels: expected a whole number they can hold")
    return str(int(nodata))


def band_metadata(band_count: int, columns: Mapping[str, Sequence[Any] | None]) -> str | None:
    """GDAL_METADATA of a role of GDAL's (``description``, ``scale``, ``offset``) to a value for each band.

    None without any. ``ArgumentError``: not one value a band.
    """
    items: list[str] = []
    for role, values in columns.items():
        if values is None:
            continue
        if len(values) != band_count:
            raise ArgumentError(f"{len(values)} values of {role} for {band_count} bands")
        for band, value in enumerate(values):
            if value is not None:
                # GDAL escapes a value once more than XML does, and reads it back so.
                text = escape(escape(value)) if isinstance(value, str) else repr(float(value))
                items.append(f'  <Item name="{role.upper()}" sample="{band}" role="{role}">{text}</Item>\n')
    return f"<GDALMetadata>\n{''.join(items)}</GDALMetadata>\n" if items else None
