"""GeoKeys to a coordinate reference system: an authority code where there is one, else WKT2:2019."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyproj
from pyproj import Transformer
from pyproj.crs import (  # type: ignore[attr-defined]  # pyproj exports them by documentation only
    CRS,
    BoundCRS,
    CoordinateOperation,
)
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.exceptions import CRSError, ProjError

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.geo.crs_text import require_modest
from rasteret_sql.geotiff.georef.citations import imagine_metres, web_mercator
from rasteret_sql.geotiff.georef.geo_values import (
    ANGULAR_UNITS,
    DEGREE,
    LINEAR_UNITS,
    angular_unit,
    code,
    linear_unit,
    number,
    text,
)
from rasteret_sql.geotiff.georef.geodetic import geocentric, geographic, refuse_contradiction
from rasteret_sql.geotiff.georef.projection import (
    COORD_TRANS,
    PARAMETER_KEYS,
    SCALES,
    conversion,
    method_of,
    refuse_two_values,
)
from rasteret_sql.geotiff.georef.vertical import with_vertical
from rasteret_sql.tiff.image import GeoKey

MODEL_TYPE, GT_CITATION, PROJECTED_CITATION, GEODETIC_CITATION = 1024, 1026, 3073, 2049
CITATIONS: Final = (GT_CITATION, PROJECTED_CITATION, GEODETIC_CITATION)
GEODETIC_CRS, PROJECTED_CRS, PROJECTION, TO_WGS84 = 2048, 3072, 3074, 2062
PROJECTED, GEOGRAPHIC, GEOCENTRIC = 1, 2, 3
"""Values of GTModelType."""
DEFINING: Final = (GEODETIC_CRS, 2050, 2056, 2057, PROJECTED_CRS, PROJECTION, COORD_TRANS)
"""If a file has none of these keys, it says nothing about the CRS."""

WEB_MERCATOR: Final = 3857
MERCATOR: Final = 7
"""A value of ProjCoordTrans."""

SHOWN: Final = 400
"""Characters of a file's own text, or of PROJ's, in a message."""

ESRI_WKT = re.compile(r"ESRI PE String = (.*)", re.DOTALL)


@lru_cache(maxsize=4096)
def crs_text(keys: tuple[tuple[int, GeoKey], ...], minor_revision: int) -> str | None:
    """The CRS of one set of GeoKeys (sorted items); None where they say nothing of it.

    Raises ``UnsupportedError`` naming the code of what cannot be built, or the keys that contradict.
    """
    known = dict(keys)
    _require_modest(known)
    try:
        crs = (None if _has_code(known) else _from_esri_wkt(known)) or _horizontal(known)
        if crs is None:
            return None
        crs = _in_unit_of_citation(crs, known)
        return _text(with_vertical(crs, known) if minor_revision and not crs.is_engineering else crs)
    except ProjError as error:  # of which CRSError is a kind; a transformation has none of its own
        stated = {key: known[key] for key in DEFINING if key in known}
        raise UnsupportedError(
            f"the CRS of GeoKeys {str(stated)[:SHOWN]} cannot be built with PROJ {pyproj.proj_version_str}: "
            f"{str(error)[:SHOWN]}"
        ) from error


def _require_modest(keys: Mapping[int, GeoKey]) -> None:
    for key, value in keys.items():
        if isinstance(value, str):
            try:
                require_modest(value)
            except ArgumentError as error:
                raise UnsupportedError(f"GeoKey {key}: {error}") from None


def _in_unit_of_citation(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    metres = imagine_metres(keys) if crs.is_projected and not crs.is_bound else None
    if metres is None:
        return crs
    return _with_unit(crs, {"type": "LinearUnit", "name": "unknown", "conversion_factor": metres}, metres)


def _has_code(keys: Mapping[int, GeoKey]) -> bool:
    """A code beats a citation: ESRI's WKT of the same CRS says less (no ensembles, no axis order)."""
    if keys.get(MODEL_TYPE) == GEOGRAPHIC:
        return code(keys, GEODETIC_CRS) is not None
    return code(keys, PROJECTED_CRS) is not None


def _text(crs: CRS) -> str:
    """The authority's code where its definition equals this one, else WKT."""
    if not crs.is_bound and not crs.is_engineering:
        authority = crs.to_authority(min_confidence=70)
        if authority and CRS.from_authority(*authority).equals(crs, ignore_axis_order=True):
            return ":".join(authority)
    wkt: str = crs.to_wkt("WKT2_2019")
    return wkt


def _from_esri_wkt(keys: Mapping[int, GeoKey]) -> CRS | None:
    """What GDAL and ArcGIS write where GeoKeys cannot say it: WKT inside a citation."""
    for key in CITATIONS:
        match = ESRI_WKT.search(text(keys, key))
        if match:
            return CRS.from_wkt(match.group(1))
    return None


def _horizontal(keys: Mapping[int, GeoKey]) -> CRS | None:
    """By GTModelType, as GDAL; a file without it has a projected CRS if it names one, else a local one."""
    model, projected = keys.get(MODEL_TYPE), code(keys, PROJECTED_CRS)
    geodetic = code(keys, GEODETIC_CRS)
    stated = any(key in keys for key in DEFINING)
    if model in (GEOGRAPHIC, GEOCENTRIC):
        if not stated:
            return None
        if projected is not None and _from_code(projected, "ProjectedCRS", PROJECTED_CRS).is_projected:
            kind = "geographic" if model == GEOGRAPHIC else "geocentric"
            raise UnsupportedError(
                f"the GeoKeys contradict each other: GTModelType (1024) says {kind} "
                f"and ProjectedCRSGeoKey (3072) is {projected}"
            )
        base = None if geodetic is None else _from_code(geodetic, "GeodeticCRS", GEODETIC_CRS)
        if base is None and projected is not None:
            base = _from_code(projected, "ProjectedCRS", PROJECTED_CRS)
        # GDAL, too, has EPSG:4326 whatever stands beside that code
        if base is not None and geodetic != 4326:
            refuse_contradiction(keys, base, unit=model == GEOGRAPHIC)
        if model == GEOCENTRIC:
            fits = base is not None and base.is_geocentric
            return base if fits else CRS.from_json_dict(geocentric(keys, base))
        return base or _bound(CRS.from_json_dict(geographic(keys)), keys)
    if projected is not None:
        crs = _amended(_from_code(projected, "ProjectedCRS", PROJECTED_CRS), keys)
        base = crs.geodetic_crs
        if base is not None and (GEODETIC_CRS in keys or base.to_authority() != ("EPSG", "4326")):
            refuse_contradiction(keys, base, unit=False)
        _refuse_other_projection(crs, f"ProjectedCRSGeoKey (3072) is {projected}", keys)
        return crs
    if model == PROJECTED and (code(keys, PROJECTION) is not None or code(keys, COORD_TRANS) is not None):
        heeds_unit = web_mercator(keys)
        if heeds_unit is None:
            return _projected(keys)
        sphere = CRS.from_epsg(WEB_MERCATOR)
        return _with_unit(sphere, *linear_unit(keys)) if heeds_unit else sphere
    return _local(keys) if stated or model == PROJECTED or text(keys, GT_CITATION) else None


def _local(keys: Mapping[int, GeoKey]) -> CRS:
    """An engineering CRS: axes and their unit, but no place on the Earth."""
    unit, _ = linear_unit(keys)
    return CRS.from_json_dict(
        {
            "type": "EngineeringCRS",
            "name": text(keys, GT_CITATION) or "unnamed",
            "datum": {"name": "Unknown engineering datum"},
            "coordinate_system": _plane(("east", "north"), unit),
        }
    )


def _from_code(number: int, kind: str, key: int) -> CRS:
    """EPSG's definition; ESRI's for the numbers above 53000 that ArcGIS writes into the same key."""
    for authority in ("EPSG", "ESRI"):
        try:
            crs = CRS.from_authority(authority, number)
        except CRSError:
            continue
        if not crs.is_vertical or crs.is_compound:
            return crs
    raise UnsupportedError(
        f"{kind}GeoKey ({key}) is {number}, which is not a horizontal CRS of EPSG or ESRI "
        f"that PROJ {pyproj.proj_version_str} knows"
    )


def _amended(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    """A CRS from its code, with the linear unit and the geographic CRS that other keys name, as in GDAL."""
    changes: dict[str, Any] = {}
    definition = crs.to_json_dict()
    geodetic = code(keys, GEODETIC_CRS)
    if geodetic is not None and "base_crs" in definition:
        base = _from_code(geodetic, "GeodeticCRS", GEODETIC_CRS)
        if not base.equals(crs.geodetic_crs, ignore_axis_order=True):
            changes["base_crs"] = base.to_json_dict()
    if changes:
        definition.pop("id", None)
        crs = CRS.from_json_dict({**definition, **changes})
    if LINEAR_UNITS[0] in keys and "base_crs" in definition:
        return _with_unit(crs, *linear_unit(keys))
    return crs


def _with_unit(crs: CRS, unit: Any, metres: float) -> CRS:
    """A projected CRS whose coordinates are in another unit; its parameters stay as long as they are."""
    if abs(crs.axis_info[0].unit_conversion_factor - metres) <= 1e-9 * metres:
        return crs
    definition = crs.to_json_dict()
    definition.pop("id", None)
    system = definition["coordinate_system"]
    axes = [{**axis, "unit": unit} for axis in system["axis"]]
    return CRS.from_json_dict({**definition, "coordinate_system": {**system, "axis": axes}})


def _projected(keys: Mapping[int, GeoKey], base: CRS | None = None) -> CRS:
    """A user-defined projected CRS, on ``base`` or else on what the keys say."""
    known, geodetic = code(keys, PROJECTION), code(keys, GEODETIC_CRS)
    if base is None and geodetic is not None:
        named = _from_code(geodetic, "GeodeticCRS", GEODETIC_CRS)
        base = named.geodetic_crs or named
        refuse_contradiction(keys, base, unit=False)
    length = linear_unit(keys)[0]
    if known is None:
        method = method_of(keys)
        axes = method.axes
        step = conversion(keys, method, {"angle": _angle(keys, base), "length": length, "scale": "unity"})
    else:
        axes, step = ("east", "north"), CoordinateOperation.from_epsg(known).to_json_dict()
    definition = {
        "type": "ProjectedCRS",
        "name": (text(keys, PROJECTED_CITATION) or text(keys, GT_CITATION) or "unnamed").split("|")[0],
        "base_crs": geographic(keys) if base is None else base.to_json_dict(),
        "conversion": step,
        "coordinate_system": _plane(axes, length),
    }
    crs = CRS.from_json_dict(definition)
    if known is not None:
        _refuse_other_projection(crs, f"ProjectionGeoKey (3074) is {known}", keys)
    return crs if base is not None else _bound(crs, keys)


def _angle(keys: Mapping[int, GeoKey], base: CRS | None) -> Any:
    """The unit of angles: GeogAngularUnits, else that of the geographic CRS's code (GeoTIFF 1.1)."""
    if base is None or ANGULAR_UNITS[0] in keys:
        return angular_unit(keys)[0]
    return base.to_json_dict()["coordinate_system"]["axis"][0]["unit"]


def _plane(axes: tuple[str, str], unit: Any) -> dict[str, Any]:
    named = zip(("Easting", "Northing"), "EN", axes, strict=True)
    return {
        "subtype": "Cartesian",
        "axis": [
            {"name": name, "abbreviation": short, "direction": direction, "unit": unit}
            for name, short, direction in named
        ],
    }


def _refuse_other_projection(crs: CRS, stated: str, keys: Mapping[int, GeoKey]) -> None:
    """Refuse a code beside parameters of another projection.

    GDAL answers with the parameters under the code's name, so its users get either.
    """
    if code(keys, COORD_TRANS) is None or not any(key in keys for key in PARAMETER_KEYS):
        return
    if _is_spherical(keys) and code(keys, COORD_TRANS) == MERCATOR:
        return  # GeoTIFF 1.0 has no method that says so: writers name the ellipsoidal one beside the code
    base = crs.geodetic_crs
    if base is None:
        return
    without_codes = {key: value for key, value in keys.items() if key not in (PROJECTED_CRS, PROJECTION)}
    try:
        method = method_of(keys)
    except UnsupportedError:
        return
    refuse_two_values(keys, method)
    try:
        same = _same_places(crs, _projected(without_codes, base), base)
    except (UnsupportedError, ProjError):
        return  # what the parameters mean is not known, so nothing contradicts
    if not same:
        raise UnsupportedError(
            f"the GeoKeys contradict each other: {stated}, and the parameters of ProjCoordTrans (3075) "
            "are those of another projection"
        )


def _is_spherical(keys: Mapping[int, GeoKey]) -> bool:
    """Whether a code says Web Mercator, without an origin or a scale of its own."""
    named = code(keys, PROJECTED_CRS) in (WEB_MERCATOR, 3785) or code(keys, PROJECTION) == 3856
    numbers = (number(keys, (key,), 0.0) for key in PARAMETER_KEYS if key not in SCALES)
    return named and not any(numbers) and all(number(keys, (key,), 1.0) == 1 for key in SCALES)


def _same_places(one: CRS, other: CRS, base: CRS) -> bool:
    """Whether two projections of one geographic CRS agree to a unit where the first is used."""
    operation = one.coordinate_operation
    area = one.area_of_use or (operation and operation.area_of_use)
    west, south, east, north = (
        (area.west, area.south, area.east, area.north) if area else (-180, -80, 180, 80)
    )
    east += 360 * (east < west)
    steps = np.linspace(0.05, 0.95, 10)
    scale = DEGREE / base.axis_info[0].unit_conversion_factor
    x, y = np.meshgrid((west + (east - west) * steps) * scale, (south + (north - south) * steps) * scale)
    places = [
        np.array(Transformer.from_crs(base, crs, always_xy=True).transform(x.ravel(), y.ravel()))
        for crs in (one, other)
    ]
    there = np.isfinite(places).all(axis=(0, 1))
    return not there.any() or bool(np.abs(places[0] - places[1])[:, there].max() < 1)


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
