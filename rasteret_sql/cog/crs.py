"""GeoKeys to a coordinate reference system: an authority code where there is one, else WKT2:2019."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import pyproj
from pyproj.crs import (  # type: ignore[attr-defined]  # pyproj exports them by documentation only
    CRS,
    BoundCRS,
    CompoundCRS,
    CoordinateOperation,
    Datum,
    Ellipsoid,
    PrimeMeridian,
)
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.exceptions import CRSError

from rasteret_sql.cog.projection import conversion, method_of, number
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.tiff.image import GeoKey

USER_DEFINED: Final = 32767
MODEL_TYPE = 1024
CITATIONS: Final = (1026, 3073, 2049)
GEODETIC_CRS, GEODETIC_CITATION, DATUM, PRIME_MERIDIAN = 2048, 2049, 2050, 2051
GEOG_LINEAR_UNITS, GEOG_LINEAR_UNIT_SIZE, ANGULAR_UNITS, ANGULAR_UNIT_SIZE = 2052, 2053, 2054, 2055
ELLIPSOID, SEMI_MAJOR, SEMI_MINOR, INVERSE_FLATTENING = 2056, 2057, 2058, 2059
PRIME_MERIDIAN_LONGITUDE, TO_WGS84 = 2061, 2062
PROJECTED_CRS, PROJECTION, LINEAR_UNITS, LINEAR_UNIT_SIZE = 3072, 3074, 3076, 3077
VERTICAL_CRS = 4096
DEFINING: Final = (GEODETIC_CRS, DATUM, ELLIPSOID, SEMI_MAJOR, PROJECTED_CRS, PROJECTION, 3075)
"""Keys without any of which nothing is said of the CRS."""

ESRI_WKT = re.compile(r"ESRI PE String = (.*)", re.DOTALL)

# PROJJSON units that EPSG codes name; all others are looked up.
UNITS: Final[dict[int, Any]] = {9001: "metre", 9102: "degree", 9122: "degree"}


@lru_cache(maxsize=4096)
def crs_text(keys: tuple[tuple[int, GeoKey], ...], minor_revision: int) -> str | None:
    """The CRS of one set of GeoKeys (sorted items); None where they say nothing of it.

    Raises ``UnsupportedError`` naming the code of what cannot be built.
    """
    known = dict(keys)
    try:
        crs = (None if _has_code(known) else _from_esri_wkt(known)) or _horizontal(known)
        if crs is None:
            return None
        return _text(_with_vertical(crs, known) if minor_revision else crs)
    except CRSError as error:
        code = {key: known[key] for key in DEFINING if key in known}
        raise UnsupportedError(f"the CRS of GeoKeys {code} cannot be built: {error}") from error


def _code(keys: Mapping[int, GeoKey], key: int) -> int | None:
    """A key that names an entry of EPSG's tables; None where it is absent or user-defined."""
    value = keys.get(key)
    return value if isinstance(value, int) and value not in (0, USER_DEFINED) else None


def _has_code(keys: Mapping[int, GeoKey]) -> bool:
    """A code beats a citation: ESRI's WKT of the same CRS says less (no ensembles, no axis order)."""
    if keys.get(MODEL_TYPE) == 2:
        return _code(keys, GEODETIC_CRS) is not None
    return _code(keys, PROJECTED_CRS) is not None


def _text(crs: CRS) -> str:
    """The authority's code where its definition equals this one, else WKT."""
    if not crs.is_compound and not crs.is_bound:
        authority = crs.to_authority(min_confidence=70)
        if authority and CRS.from_authority(*authority).equals(crs, ignore_axis_order=True):
            return ":".join(authority)
    text: str = crs.to_wkt("WKT2_2019")
    return text


def _from_esri_wkt(keys: Mapping[int, GeoKey]) -> CRS | None:
    """What GDAL and ArcGIS write where GeoKeys cannot say it: WKT inside a citation."""
    for key in CITATIONS:
        text = keys.get(key)
        match = ESRI_WKT.search(text) if isinstance(text, str) else None
        if match:
            return CRS.from_wkt(match.group(1))
    return None


def _horizontal(keys: Mapping[int, GeoKey]) -> CRS | None:
    if not any(key in keys for key in DEFINING):
        return None
    model = keys.get(MODEL_TYPE)
    projected = _code(keys, PROJECTED_CRS)
    if projected is not None:
        return _amended(_from_code(projected, "ProjectedCRS", PROJECTED_CRS), keys)
    if model == 1 or PROJECTED_CRS in keys:
        return _projected(keys)
    code = _code(keys, GEODETIC_CRS)
    if code is not None:
        return _from_code(code, "GeodeticCRS", GEODETIC_CRS)
    if model == 3:
        raise UnsupportedError("a user-defined geocentric CRS (GTModelType 3) is not read")
    return _bound(CRS.from_json_dict(_geographic(keys)), keys)


def _from_code(code: int, kind: str, key: int) -> CRS:
    """EPSG's definition; ESRI's for the numbers above 53000 that ArcGIS writes into the same key."""
    for authority in ("EPSG", "ESRI"):
        try:
            crs = CRS.from_authority(authority, code)
        except CRSError:
            continue
        if not crs.is_vertical or crs.is_compound:
            return crs
    raise UnsupportedError(f"{kind}GeoKey ({key}) is {code}, which is no horizontal CRS of EPSG or ESRI")


def _amended(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    """A CRS from its code, with the linear unit and the geographic CRS that other keys name, as in GDAL."""
    changes: dict[str, Any] = {}
    definition = crs.to_json_dict()
    geodetic = _code(keys, GEODETIC_CRS)
    if geodetic is not None and "base_crs" in definition:
        base = _from_code(geodetic, "GeodeticCRS", GEODETIC_CRS)
        if not base.equals(crs.geodetic_crs, ignore_axis_order=True):
            changes["base_crs"] = base.to_json_dict()
    if LINEAR_UNITS in keys and "base_crs" in definition:
        unit, factor = _unit(keys, LINEAR_UNITS, LINEAR_UNIT_SIZE, 9001, "LinearUnit")
        if abs(crs.axis_info[0].unit_conversion_factor - factor) > 1e-9 * factor:
            axes = [{**axis, "unit": unit} for axis in definition["coordinate_system"]["axis"]]
            changes["coordinate_system"] = {**definition["coordinate_system"], "axis": axes}
    if not changes:
        return crs
    definition.pop("id", None)
    return CRS.from_json_dict({**definition, **changes})


def _projected(keys: Mapping[int, GeoKey]) -> CRS:
    unit, _ = _unit(keys, LINEAR_UNITS, LINEAR_UNIT_SIZE, 9001, "LinearUnit")
    code = _code(keys, PROJECTION)
    axes = ("east", "north")
    if code is not None:
        step = CoordinateOperation.from_epsg(code).to_json_dict()
    else:
        angle, _ = _unit(keys, ANGULAR_UNITS, ANGULAR_UNIT_SIZE, 9102, "AngularUnit")
        method = method_of(keys)
        axes = method.axes
        step = conversion(keys, method, {"angle": angle, "length": unit, "scale": "unity"})
    base = _code(keys, GEODETIC_CRS)
    definition = {
        "type": "ProjectedCRS",
        "name": str(keys.get(3073) or keys.get(1026) or "unnamed").split("|")[0],
        "base_crs": _geographic(keys) if base is None else CRS.from_epsg(base).to_json_dict(),
        "conversion": step,
        "coordinate_system": {
            "subtype": "Cartesian",
            "axis": [
                {"name": name, "abbreviation": short, "direction": direction, "unit": unit}
                for name, short, direction in zip(("Easting", "Northing"), "EN", axes, strict=True)
            ],
        },
    }
    crs = CRS.from_json_dict(definition)
    return crs if base is not None else _bound(crs, keys)


def _geographic(keys: Mapping[int, GeoKey]) -> dict[str, Any]:
    """A user-defined geographic CRS as PROJJSON."""
    names = _citation_names(keys)
    unit, _ = _unit(keys, ANGULAR_UNITS, ANGULAR_UNIT_SIZE, 9102, "AngularUnit")
    code = _code(keys, DATUM)
    if code is not None:
        datum = Datum.from_epsg(code).to_json_dict()
    else:
        datum = {
            "type": "GeodeticReferenceFrame",
            "name": names.get("Datum", "unknown"),
            "ellipsoid": _ellipsoid(keys, names),
            "prime_meridian": _prime_meridian(keys, names),
        }
    return {
        "type": "GeographicCRS",
        "name": names.get("GCS Name", "unknown"),
        "datum_ensemble" if datum["type"] == "DatumEnsemble" else "datum": datum,
        "coordinate_system": {
            "subtype": "ellipsoidal",
            "axis": [
                {"name": "Latitude", "abbreviation": "lat", "direction": "north", "unit": unit},
                {"name": "Longitude", "abbreviation": "lon", "direction": "east", "unit": unit},
            ],
        },
    }


def _citation_names(keys: Mapping[int, GeoKey]) -> dict[str, str]:
    """GDAL's ``GCS Name = a|Datum = b|``; any other citation is the name itself."""
    text = keys.get(GEODETIC_CITATION)
    if not isinstance(text, str) or not text:
        return {}
    pairs = (part.partition("=") for part in text.split("|"))
    named = {key.strip(): value.strip() for key, equals, value in pairs if equals}
    return named or {"GCS Name": text, "Datum": text}


def _ellipsoid(keys: Mapping[int, GeoKey], names: Mapping[str, str]) -> dict[str, Any]:
    code = _code(keys, ELLIPSOID)
    if code is not None:
        found: dict[str, Any] = Ellipsoid.from_epsg(code).to_json_dict()
        return found
    _, metres = _unit(keys, GEOG_LINEAR_UNITS, GEOG_LINEAR_UNIT_SIZE, 9001, "LinearUnit")
    major = number(keys, (SEMI_MAJOR,), 0.0) * metres
    minor = number(keys, (SEMI_MINOR,), 0.0) * metres
    inverse = number(keys, (INVERSE_FLATTENING,), 0.0)
    if major <= 0:
        raise UnsupportedError("the ellipsoid is user-defined without GeogSemiMajorAxis (2057)")
    shape: dict[str, float] = {"semi_major_axis": major, "inverse_flattening": inverse}
    if inverse == 0:
        shape = {"semi_major_axis": major, "semi_minor_axis": minor} if minor > 0 else {"radius": major}
    return {"type": "Ellipsoid", "name": names.get("Ellipsoid", "unknown"), **shape}


def _prime_meridian(keys: Mapping[int, GeoKey], names: Mapping[str, str]) -> dict[str, Any]:
    code = _code(keys, PRIME_MERIDIAN)
    if code is not None:
        found: dict[str, Any] = PrimeMeridian.from_epsg(code).to_json_dict()
        return found
    longitude = number(keys, (PRIME_MERIDIAN_LONGITUDE,), 0.0)
    fallback = "Greenwich" if longitude == 0 else "unknown"
    return {"name": names.get("Primem", fallback), "longitude": longitude}


def _unit(
    keys: Mapping[int, GeoKey], key: int, size_key: int, default: int, kind: str
) -> tuple[str | dict[str, Any], float]:
    """PROJJSON of a unit, and metres or radians a unit."""
    code = keys.get(key, USER_DEFINED if size_key in keys else default)
    if code == USER_DEFINED:
        factor = number(keys, (size_key,), 0.0)
        if factor <= 0:
            raise UnsupportedError(f"GeoKey {key} is user-defined without its size in GeoKey {size_key}")
        return {"type": kind, "name": "unknown", "conversion_factor": factor}, factor
    for unit in _epsg_units().values():
        if unit.code == str(code):
            named = {"type": kind, "name": unit.name, "conversion_factor": unit.conv_factor}
            return UNITS.get(int(unit.code), named), unit.conv_factor
    raise UnsupportedError(f"GeoKey {key} is {code!r}, which is no unit of EPSG")


@lru_cache(maxsize=1)
def _epsg_units() -> Mapping[str, Any]:
    return pyproj.database.get_units_map(auth_name="EPSG", allow_deprecated=True)


def _bound(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    """With the shift to WGS 84 that GeogTOWGS84 gives for a user-defined datum."""
    shift = keys.get(TO_WGS84)
    if not isinstance(shift, tuple) or len(shift) not in (3, 7):
        return crs
    return BoundCRS(
        source_crs=crs,
        target_crs="EPSG:4326",
        transformation=ToWGS84Transformation(crs.geodetic_crs, *shift),
    )


def _with_vertical(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    """A compound CRS where VerticalGeoKey is EPSG's code of a vertical CRS; heights never move a pixel.

    Only for GeoTIFF 1.1: the codes of 1.0 were of another table, and GDAL passes them over.
    """
    code = _code(keys, VERTICAL_CRS)
    if code is None:
        return crs
    try:
        vertical = CRS.from_epsg(code)
    except CRSError:
        return crs
    if not vertical.is_vertical:
        return crs
    return CompoundCRS(name=f"{crs.name} + {vertical.name}", components=[crs, vertical])
