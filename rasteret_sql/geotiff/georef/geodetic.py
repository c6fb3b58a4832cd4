"""User-defined geographic and geocentric CRSs of GeoTIFF as PROJJSON: datum, ellipsoid, prime meridian."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from pyproj.crs import (  # type: ignore[attr-defined]  # pyproj exports them by documentation only
    CRS,
    Datum,
    Ellipsoid,
    PrimeMeridian,
)

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.georef.geo_values import (
    ANGULAR_UNITS,
    DEGREE,
    GEOG_LINEAR_UNITS,
    angular_unit,
    code,
    linear_unit,
    number,
    text,
)
from rasteret_sql.tiff.image import GeoKey

CITATION, DATUM, PRIME_MERIDIAN, PRIME_MERIDIAN_LONGITUDE = 2049, 2050, 2051, 2061
ELLIPSOID, SEMI_MAJOR, SEMI_MINOR, INVERSE_FLATTENING = 2056, 2057, 2058, 2059
GREENWICH: Final[dict[str, Any]] = {"name": "Greenwich", "longitude": 0}
"""Also of an ensemble of datums, which does not say so."""
SAME: Final = 1e-8
"""Relative difference below which two ellipsoids are one: writers round."""


def geographic(keys: Mapping[int, GeoKey]) -> dict[str, Any]:
    """A user-defined geographic CRS."""
    unit, _ = angular_unit(keys)
    return {
        "type": "GeographicCRS",
        "name": _citation_names(keys).get("GCS Name", "unknown"),
        **_datum(keys),
        "coordinate_system": {
            "subtype": "ellipsoidal",
            "axis": [
                _axis("Latitude", "lat", "north", unit),
                _axis("Longitude", "lon", "east", unit),
            ],
        },
    }


def geocentric(keys: Mapping[int, GeoKey], base: CRS | None) -> dict[str, Any]:
    """A geocentric CRS (GTModelType 3), on the datum of ``base`` or on a user-defined one."""
    unit, _ = linear_unit(keys, GEOG_LINEAR_UNITS)
    if base is None:
        datum = _datum(keys)
    else:
        known = base.to_json_dict()
        datum = {part: known[part] for part in ("datum", "datum_ensemble") if part in known}
    return {
        "type": "GeodeticCRS",
        "name": base.name if base is not None else text(keys, 1026) or "unknown",
        **datum,
        "coordinate_system": {
            "subtype": "Cartesian",
            "axis": [_axis(f"Geocentric {name}", name, f"geocentric{name}", unit) for name in "XYZ"],
        },
    }


def _axis(name: str, short: str, direction: str, unit: Any) -> dict[str, Any]:
    return {"name": name, "abbreviation": short, "direction": direction, "unit": unit}


def _datum(keys: Mapping[int, GeoKey]) -> dict[str, Any]:
    """``datum`` or ``datum_ensemble`` of PROJJSON.

    Beside the code of a datum, an ellipsoid or prime meridian of the file's own replaces that of the code, as
    in GDAL.
    """
    names, known = _citation_names(keys), code(keys, DATUM)
    ellipsoid, meridian = _ellipsoid(keys, names), _prime_meridian(keys, names)
    if known is not None:
        own = Datum.from_epsg(known).to_json_dict()
        if _fits(own, ellipsoid, meridian):
            return {"datum_ensemble" if own["type"] == "DatumEnsemble" else "datum": own}
        if ellipsoid is not None and "radius" in ellipsoid:
            raise UnsupportedError(
                f"the GeoKeys contradict each other: GeogGeodeticDatum (2050) is {known} ({own['name']}), "
                "and GeogSemiMajorAxis (2057), without a flattening, is another"
            )
        ellipsoid = ellipsoid or own["ellipsoid"]
        meridian = meridian or own.get("prime_meridian")
        names = {"Datum": own["name"]}
    elif ellipsoid is None:
        raise UnsupportedError("the ellipsoid is user-defined without GeogSemiMajorAxis (2057)")
    return {
        "datum": {
            "type": "GeodeticReferenceFrame",
            "name": names.get("Datum", "unknown"),
            "ellipsoid": ellipsoid,
            "prime_meridian": meridian or GREENWICH,
        }
    }


def refuse_contradiction(keys: Mapping[int, GeoKey], base: CRS, *, unit: bool) -> None:
    """Refuse a datum, an ellipsoid or a prime meridian that is not that of the CRS whose code is beside it.

    GDAL answers with the former under the latter's name. With ``unit`` the unit of angles counts too: that of
    the coordinates, where the CRS is geographic.
    """
    own = (base.geodetic_crs or base).to_json_dict()
    own = own.get("datum") or own.get("datum_ensemble") or {}
    known, stated = code(keys, DATUM), ""
    if known is not None and Datum.from_epsg(known).name != own.get("name"):
        stated = f"GeogGeodeticDatum (2050) is {known}"
    elif not _fits(own, _ellipsoid(keys, {}), _prime_meridian(keys, {})):
        stated = "its ellipsoid or prime meridian (GeoKeys 2051 to 2061) is another"
    elif unit and ANGULAR_UNITS[0] in keys:
        _, radians = angular_unit(keys)
        if not math.isclose(base.axis_info[0].unit_conversion_factor, radians, rel_tol=1e-9):
            stated = "GeogAngularUnits (2054) is not its unit"
    if stated:
        raise UnsupportedError(
            f"the GeoKeys contradict each other: the geographic CRS is {base.name!r} by its code, but "
            f"{stated}"
        )


def _fits(own: dict[str, Any], ellipsoid: dict[str, Any] | None, meridian: dict[str, Any] | None) -> bool:
    """Whether what the file says of its own is what the datum's code says."""
    if ellipsoid is not None and not _same_ellipsoid(ellipsoid, own["ellipsoid"]):
        return False
    if meridian is None:
        return True
    return math.isclose(_radians(meridian), _radians(own.get("prime_meridian", GREENWICH)), abs_tol=1e-10)


def _same_ellipsoid(one: dict[str, Any], other: dict[str, Any]) -> bool:
    sizes = list(zip(_axes(one), _axes(other), strict=True))
    if "radius" in one:  # only its semi-major axis is given
        del sizes[1]
    return all(math.isclose(a, b, rel_tol=SAME) for a, b in sizes)


def _axes(ellipsoid: dict[str, Any]) -> tuple[float, float]:
    """Semi-major and semi-minor axis in metres."""
    known = Ellipsoid.from_json_dict({"type": "Ellipsoid", **ellipsoid})
    return known.semi_major_metre, known.semi_minor_metre


def _radians(meridian: dict[str, Any]) -> float:
    known = PrimeMeridian.from_json_dict({"type": "PrimeMeridian", **meridian})
    return float(known.longitude) * float(known.unit_conversion_factor)


def _citation_names(keys: Mapping[int, GeoKey]) -> dict[str, str]:
    """GDAL's ``GCS Name = a|Datum = b|``; any other citation is the name itself."""
    citation = text(keys, CITATION)
    if not citation:
        return {}
    pairs = (part.partition("=") for part in citation.split("|"))
    named = {key.strip(): value.strip() for key, equals, value in pairs if equals}
    return named or {"GCS Name": citation, "Datum": citation}


def _ellipsoid(keys: Mapping[int, GeoKey], names: Mapping[str, str]) -> dict[str, Any] | None:
    """The ellipsoid's own keys; None where there are none."""
    known, own = code(keys, ELLIPSOID), _own_ellipsoid(keys, names)
    if known is None:
        return own
    ellipsoid: dict[str, Any] = Ellipsoid.from_epsg(known).to_json_dict()
    if own is not None and not _same_ellipsoid(own, ellipsoid):
        raise UnsupportedError(
            f"the GeoKeys contradict each other: GeogEllipsoid (2056) is {known} ({ellipsoid['name']}), "
            "and the axes beside it are of another one"
        )
    return ellipsoid


def _own_ellipsoid(keys: Mapping[int, GeoKey], names: Mapping[str, str]) -> dict[str, Any] | None:
    _, metres = linear_unit(keys, GEOG_LINEAR_UNITS)
    if SEMI_MAJOR in keys and metres != 1:
        raise UnsupportedError(
            f"an ellipsoid in units of {metres:g} m (GeogLinearUnits, 2052) is not read: "
            "GDAL takes its axes for metres all the same"
        )
    major, minor = number(keys, (SEMI_MAJOR,), 0.0), number(keys, (SEMI_MINOR,), 0.0)
    inverse = number(keys, (INVERSE_FLATTENING,), 0.0)
    if major <= 0:
        return None
    shape: dict[str, float] = {"semi_major_axis": major, "inverse_flattening": inverse}
    if inverse == 0 and INVERSE_FLATTENING in keys:
        shape = {"semi_major_axis": major, "semi_minor_axis": minor or major}
    elif inverse == 0:
        shape = {"semi_major_axis": major, "semi_minor_axis": minor} if minor > 0 else {"radius": major}
    return {"type": "Ellipsoid", "name": names.get("Ellipsoid", "unknown"), **shape}


def _prime_meridian(keys: Mapping[int, GeoKey], names: Mapping[str, str]) -> dict[str, Any] | None:
    """The prime meridian's own keys; None where there are none."""
    known = code(keys, PRIME_MERIDIAN)
    if known is not None:
        meridian: dict[str, Any] = PrimeMeridian.from_epsg(known).to_json_dict()
        return meridian
    if PRIME_MERIDIAN_LONGITUDE not in keys:
        return None
    longitude = number(keys, (PRIME_MERIDIAN_LONGITUDE,), 0.0)
    _, radians = angular_unit(keys)
    if longitude and not math.isclose(radians, DEGREE, rel_tol=1e-9):
        # GDAL 3.10 writes Paris as 0.0367 grads (2.5969 is right) and reads that as 0.0297 degrees
        raise UnsupportedError(
            f"a prime meridian at {longitude} (GeogPrimeMeridianLong, 2061) in another unit than degrees is "
            "not read: writers do not agree what it means"
        )
    fallback = "Greenwich" if longitude == 0 else "unknown"
    return {"name": names.get("Primem", fallback), "longitude": longitude}
