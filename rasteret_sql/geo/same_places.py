"""Whether two CRSs give the same places to the same coordinates, whatever they are called."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from rasteret_sql.geo.crs import LONLAT, without_shift

Places = npt.NDArray[np.float64]
SIDE = 12
"""Samples along longitude, and along latitude."""
NEAR = 1e-9
"""Degrees that places may differ by: a tenth of a millimetre."""
ALIKE = 1e-9
"""Relative difference of axes of one ellipsoid: texts round."""


def same_places(one: CRS, other: CRS) -> bool:
    """Equal but for names and codes: ellipsoid, meridian, unit, projection, and the way to WGS 84."""
    if one.equals(other, ignore_axis_order=True):
        return True
    if one.is_engineering or other.is_engineering:
        return one.is_engineering and other.is_engineering and _units(one) == _units(other)
    first, second = _base(one), _base(other)
    if not _same_ellipsoid(first, second) or _shift(one) != _shift(other):
        return False
    try:
        x, y = _samples(one, first)
    except ProjError:
        return False
    return _agree(one, first, other, second, x, y) and _agree(one, LONLAT, other, LONLAT, x, y)


def _units(crs: CRS) -> list[float]:
    return [axis.unit_conversion_factor for axis in crs.axis_info]


def _base(crs: CRS) -> CRS:
    """The geographic CRS below a projection and a shift."""
    source = without_shift(crs)
    return source.geodetic_crs or source


def _same_ellipsoid(one: CRS, other: CRS) -> bool:
    def numbers(crs: CRS) -> list[float]:
        ellipsoid, meridian = crs.ellipsoid, crs.prime_meridian
        axes = [] if ellipsoid is None else [ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre]
        return axes + (
            [] if meridian is None else [float(meridian.longitude) * float(meridian.unit_conversion_factor)]
        )

    pairs = list(zip(numbers(one), numbers(other), strict=False))
    return len(pairs) == 3 and all(math.isclose(a, b, rel_tol=ALIKE, abs_tol=1e-12) for a, b in pairs)


def _shift(crs: CRS) -> tuple[str, ...]:
    """Parameters, or grids, of the shift to WGS 84 that a CRS brings along."""
    operation: Any = crs.coordinate_operation if crs.is_bound else None
    if operation is None:
        return ()
    numbers = [*operation.towgs84, 0, 0, 0, 0][:7] if operation.towgs84 else []
    return (*[f"{number:.9g}" for number in numbers], *[grid.short_name for grid in operation.grids])


def _samples(crs: CRS, base: CRS) -> tuple[Places, Places]:
    """Coordinates of the CRS, where it is used."""
    area = without_shift(crs).area_of_use
    west, south, east, north = (
        (area.west, area.south, area.east, area.north) if area else (-180, -85, 180, 85)
    )
    east += 360 * (east < west)
    steps = np.linspace(0.03, 0.97, SIDE)
    x, y = np.meshgrid(west + (east - west) * steps, south + (north - south) * steps)
    per_degree = math.radians(1) / base.axis_info[0].unit_conversion_factor
    forward = Transformer.from_crs(base, without_shift(crs), always_xy=True)
    places = np.array(forward.transform(x.ravel() * per_degree, y.ravel() * per_degree))
    seen = places[:, np.isfinite(places).all(axis=0)]
    return seen[0], seen[1]


def _agree(one: CRS, to_one: Any, other: CRS, to_other: Any, x: Places, y: Places) -> bool:
    """Whether both bring coordinates of theirs to the same places; two that lead nowhere agree."""
    first, second = (_brought(crs, target, x, y) for crs, target in ((one, to_one), (other, to_other)))
    if first is None or second is None:
        return first is second
    seen = np.isfinite(first).all(axis=0)
    if (seen != np.isfinite(second).all(axis=0)).any():
        return False
    apart = np.abs(first - second)[:, seen]
    apart[0] = np.minimum(apart[0], np.abs(apart[0] - 360))
    return bool(apart.max(initial=0) <= NEAR)


def _brought(crs: CRS, target: Any, x: Places, y: Places) -> Places | None:
    source = crs if target == LONLAT else without_shift(crs)
    try:
        there = Transformer.from_crs(source, target, always_xy=True)
        return np.array(there.transform(x, y))
    except ProjError:
        return None
