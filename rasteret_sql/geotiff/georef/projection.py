"""User-defined projections of GeoTIFF: ``ProjCoordTrans`` and its parameters as a PROJJSON conversion.

One row for each coordinate transformation method of GeoTIFF 1.1, annex C; names and numbers of methods
and parameters are EPSG's (Guidance Note 7-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.georef.geo_values import USER_DEFINED, number
from rasteret_sql.tiff.image import GeoKey

COORD_TRANS: Final = 3075
STD_PARALLEL_1, STD_PARALLEL_2 = 3078, 3079
LATITUDES: Final = (3081, 3085, 3089)
LONGITUDES: Final = (3080, 3084, 3088)
EASTINGS: Final = (3082, 3086, 3090)
NORTHINGS: Final = (3083, 3087, 3091)
SCALES: Final = (3092, 3093)
RECTIFIED_GRID_ANGLE: Final = 3096
PARAMETER_KEYS: Final = (STD_PARALLEL_1, STD_PARALLEL_2, *range(3080, 3097))
POLE_LONGITUDES: Final = (3095, *LONGITUDES)
"""A value may be at the natural origin, the false origin or the centre: the first that is there counts."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a method, and the GeoKeys that may hold it."""

    name: str
    code: int
    keys: tuple[int, ...]
    kind: str
    """``angle``, ``length`` or ``scale``."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One coordinate operation method."""

    name: str
    code: int | None
    parameters: tuple[Parameter, ...]
    axes: tuple[str, str] = ("east", "north")


def _parameter(name: str, code: int, keys: tuple[int, ...], kind: str = "angle") -> Parameter:
    return Parameter(name=name, code=code, keys=keys, kind=kind)


LAT = _parameter("Latitude of natural origin", 8801, LATITUDES)
LON = _parameter("Longitude of natural origin", 8802, LONGITUDES)
SCALE = _parameter("Scale factor at natural origin", 8805, SCALES, "scale")
FALSE_EN = (
    _parameter("False easting", 8806, EASTINGS, "length"),
    _parameter("False northing", 8807, NORTHINGS, "length"),
)
PARALLEL_1 = _parameter("Latitude of 1st standard parallel", 8823, (STD_PARALLEL_1,))
PARALLEL_2 = _parameter("Latitude of 2nd standard parallel", 8824, (STD_PARALLEL_2,))
FALSE_ORIGIN = (
    _parameter("Latitude of false origin", 8821, LATITUDES),
    _parameter("Longitude of false origin", 8822, LONGITUDES),
    PARALLEL_1,
    PARALLEL_2,
    _parameter("Easting at false origin", 8826, EASTINGS, "length"),
    _parameter("Northing at false origin", 8827, NORTHINGS, "length"),
)
CENTRE = (
    _parameter("Latitude of projection centre", 8811, (3089, 3081, 3085)),
    _parameter("Longitude of projection centre", 8812, (3088, 3080, 3084)),
    _parameter("Azimuth at projection centre", 8813, (3094,)),
    _parameter("Angle from Rectified to Skew Grid", 8814, (RECTIFIED_GRID_ANGLE,)),
    _parameter("Scale factor at projection centre", 8815, (3093, 3092), "scale"),
)
CENTRE_ROTATED = tuple(p for p in CENTRE if p.code != 8814)
CENTRE_EN = (
    _parameter("Easting at projection centre", 8816, EASTINGS, "length"),
    _parameter("Northing at projection centre", 8817, NORTHINGS, "length"),
)
POLE_LON = _parameter("Longitude of natural origin", 8802, POLE_LONGITUDES)
POLE_ORIGIN = _parameter("Longitude of origin", 8833, POLE_LONGITUDES)


def _method(name: str, code: int | None, *parameters: Parameter) -> Method:
    return Method(name=name, code=code, parameters=parameters)


METHODS: Final[dict[int, Method]] = {
    1: _method("Transverse Mercator", 9807, LAT, LON, SCALE, *FALSE_EN),
    3: _method("Hotine Oblique Mercator (variant A)", 9812, *CENTRE, *FALSE_EN),
    4: _method("Laborde Oblique Mercator", 9813, *CENTRE_ROTATED, *FALSE_EN),
    7: _method("Mercator (variant A)", 9804, LAT, LON, SCALE, *FALSE_EN),
    8: _method("Lambert Conic Conformal (2SP)", 9802, *FALSE_ORIGIN),
    9: _method("Lambert Conic Conformal (1SP)", 9801, LAT, LON, SCALE, *FALSE_EN),
    10: _method("Lambert Azimuthal Equal Area", 9820, LAT, LON, *FALSE_EN),
    11: _method("Albers Equal Area", 9822, *FALSE_ORIGIN),
    12: _method("Azimuthal Equidistant", 1125, LAT, LON, *FALSE_EN),
    13: _method("Equidistant Conic", 1119, *FALSE_ORIGIN),
    14: _method("Stereographic", None, LAT, LON, SCALE, *FALSE_EN),
    15: _method("Polar Stereographic (variant A)", 9810, LAT, POLE_LON, SCALE, *FALSE_EN),
    16: _method("Oblique Stereographic", 9809, LAT, LON, SCALE, *FALSE_EN),
    17: _method("Equidistant Cylindrical", 1028, PARALLEL_1, LAT, LON, *FALSE_EN),
    18: _method("Cassini-Soldner", 9806, LAT, LON, *FALSE_EN),
    19: _method("Gnomonic", None, LAT, LON, *FALSE_EN),
    20: _method("Miller Cylindrical", None, LON, *FALSE_EN),
    21: _method("Orthographic", 9840, LAT, LON, *FALSE_EN),
    22: _method("American Polyconic", 9818, LAT, LON, *FALSE_EN),
    23: _method("Robinson", None, LON, *FALSE_EN),
    24: _method("Sinusoidal", None, LON, *FALSE_EN),
    25: _method("Van Der Grinten", None, LON, *FALSE_EN),
    26: _method("New Zealand Map Grid", 9811, LAT, LON, *FALSE_EN),
    27: replace(
        _method("Transverse Mercator (South Orientated)", 9808, LAT, LON, SCALE, *FALSE_EN),
        axes=("west", "south"),
    ),
    28: _method("Lambert Cylindrical Equal Area", 9835, PARALLEL_1, LON, *FALSE_EN),
    9815: _method("Hotine Oblique Mercator (variant B)", 9815, *CENTRE, *CENTRE_EN),
}
MERCATOR_2SP = _method("Mercator (variant B)", 9805, PARALLEL_1, LON, *FALSE_EN)
POLAR_TRUE_SCALE = _method(
    "Polar Stereographic (variant B)",
    9829,
    _parameter("Latitude of standard parallel", 8832, LATITUDES),
    POLE_ORIGIN,
    *FALSE_EN,
)
UNSUPPORTED: Final = {
    2: "Transverse Mercator, modified for Alaska",
    5: "Oblique Mercator of Rosenmund",
    6: "Oblique Mercator, spherical",
}


def method_of(keys: Mapping[int, GeoKey]) -> Method:
    """The method that ``ProjCoordTrans`` names; variants follow from the parameters that are there."""
    code = keys.get(COORD_TRANS)
    if code is None or code == USER_DEFINED:
        raise UnsupportedError("the projection is user-defined without ProjCoordTrans (3075)")
    if not isinstance(code, int) or code not in METHODS:
        name = f" ({UNSUPPORTED[code]})" if isinstance(code, int) and code in UNSUPPORTED else ""
        raise UnsupportedError(f"the projection has ProjCoordTrans (3075) = {code}{name}, which is not read")
    if code == 7 and STD_PARALLEL_1 in keys:
        return MERCATOR_2SP
    return _polar_stereographic(keys) if code == 15 else METHODS[code]


def _polar_stereographic(keys: Mapping[int, GeoKey]) -> Method:
    """Variant A or B: one key holds the latitude of origin of A and the latitude of true scale of B."""
    latitude, scale = number(keys, LATITUDES, 0.0), number(keys, SCALES, 1.0)
    if latitude == 0:
        raise UnsupportedError("Polar Stereographic without a latitude (ProjNatOriginLat, 3081) is not read")
    if scale != 1 and abs(latitude) != 90:
        raise UnsupportedError(
            f"Polar Stereographic with true scale at {latitude} and a scale factor of {scale} is not read"
        )
    # Both axes point away from the pole, as in EPSG's own polar CRSs.
    axes = ("north", "north") if latitude < 0 else ("south", "south")
    return replace(POLAR_TRUE_SCALE if scale == 1 else METHODS[15], axes=axes)


def refuse_two_values(keys: Mapping[int, GeoKey], method: Method) -> None:
    """Refuse a parameter whose keys differ: readers do not agree which of them they prefer."""
    for parameter in method.parameters:
        values = {key: keys[key] for key in parameter.keys if key in keys}
        if len(set(values.values())) > 1:
            listed = " and ".join(f"GeoKey {key} is {value}" for key, value in values.items())
            raise UnsupportedError(f"the GeoKeys contradict each other: of {parameter.name!r}, {listed}")


def conversion(keys: Mapping[int, GeoKey], method: Method, units: Mapping[str, Any]) -> dict[str, Any]:
    """PROJJSON of the conversion; ``units`` maps ``angle``, ``length`` and ``scale`` to PROJJSON units."""
    refuse_two_values(keys, method)
    if any(p.keys == (RECTIFIED_GRID_ANGLE,) for p in method.parameters) and RECTIFIED_GRID_ANGLE not in keys:
        # GDAL takes 90 degrees; the projection of that name in other software takes the azimuth
        raise UnsupportedError(f"{method.name} without ProjRectifiedGridAngle (3096) is not read")
    parameters = [
        {
            "name": p.name,
            "value": number(keys, p.keys, 1.0 if p.kind == "scale" else 0.0),
            "unit": units[p.kind],
            "id": {"authority": "EPSG", "code": p.code},
        }
        for p in method.parameters
    ]
    named: dict[str, Any] = {"name": method.name}
    if method.code is not None:
        named["id"] = {"authority": "EPSG", "code": method.code}
    return {"type": "Conversion", "name": "unnamed", "method": named, "parameters": parameters}
