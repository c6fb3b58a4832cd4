"""Values of GeoKeys: numbers, codes of EPSG's tables, and units as PROJJSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import pyproj

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.tiff.image import GeoKey

USER_DEFINED: Final = 32767
DEGREE: Final = 0.017453292519943295
"""Radians."""
ANGULAR_UNITS: Final = (2054, 2055)
LINEAR_UNITS: Final = (3076, 3077)
GEOG_LINEAR_UNITS: Final = (2052, 2053)
"""The key that names a unit, and the key with the size of one that EPSG does not know."""

PROJJSON_UNITS: Final[dict[int, Any]] = {9001: "metre", 9102: "degree", 9122: "degree"}
"""Units that PROJJSON has a word for."""


def number(keys: Mapping[int, GeoKey], names: tuple[int, ...], default: float) -> float:
    """The value of the first of these keys that is there."""
    for name in names:
        value = keys.get(name)
        if isinstance(value, int | float):
            return float(value)
        if value is not None:
            raise MalformedError(f"GeoKey {name} is {value!r} where a number was expected")
    return default


def code(keys: Mapping[int, GeoKey], key: int) -> int | None:
    """A key that names an entry of EPSG's tables; None where it is absent or user-defined."""
    value = keys.get(key)
    return value if isinstance(value, int) and value not in (0, USER_DEFINED) else None


def text(keys: Mapping[int, GeoKey], key: int) -> str:
    """A citation; empty where there is none."""
    value = keys.get(key)
    return value if isinstance(value, str) else ""


def angular_unit(keys: Mapping[int, GeoKey]) -> tuple[str | dict[str, Any], float]:
    """PROJJSON of GeogAngularUnits, degrees where it is absent, and its radians."""
    return _unit(keys, ANGULAR_UNITS, 9102, "AngularUnit")


def linear_unit(
    keys: Mapping[int, GeoKey], names: tuple[int, int] = LINEAR_UNITS
) -> tuple[str | dict[str, Any], float]:
    """PROJJSON of a linear unit, metres where it is absent, and its metres."""
    return _unit(keys, names, 9001, "LinearUnit")


def _unit(
    keys: Mapping[int, GeoKey], names: tuple[int, int], default: int, kind: str
) -> tuple[str | dict[str, Any], float]:
    key, size_key = names
    unit_code = keys.get(key, USER_DEFINED if size_key in keys else default)
    if unit_code == USER_DEFINED:
        factor = number(keys, (size_key,), 0.0)
        if factor <= 0:
            raise UnsupportedError(f"GeoKey {key} is user-defined without its size in GeoKey {size_key}")
        return {"type": kind, "name": "unknown", "conversion_factor": factor}, factor
    for unit in _epsg_units().values():
        if unit.code == str(unit_code):
            named = {"type": kind, "name": unit.name, "conversion_factor": unit.conv_factor}
            return PROJJSON_UNITS.get(int(unit.code), named), unit.conv_factor
    raise UnsupportedError(f"GeoKey {key} is {unit_code!r}, which is not a unit of EPSG")


@lru_cache(maxsize=1)
def _epsg_units() -> Mapping[str, Any]:
    return pyproj.database.get_units_map(auth_name="EPSG", allow_deprecated=True)
