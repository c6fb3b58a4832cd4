"""Areas into the CRS of a raster, and rasters' outlines into longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.antimeridian import clip, split_at_antimeridian, wrap_around
from rasteret_sql.raster.aoi import Aoi
from rasteret_sql.raster.crs import LONLAT, area_of_use, is_degrees, parse_crs, shorten, transformer
from rasteret_sql.raster.densify import Move, move_all
from rasteret_sql.raster.footprint import footprint

__all__ = ["footprint", "project", "project_all"]

Floats = npt.NDArray[np.float64]

WIDE_DEGREES = 90.0
WIDE_UNITS = 5e6
"""Wider areas are cut to where the target is used: a projection may fold half a globe onto itself."""
MARGINS_DEGREES = (30.0, 5.0, 0.0)
"""Around the stated area of use, tried in turn; near the poles scenes reach far out of their UTM zone."""
METRES_PER_DEGREE = 111_320.0


def project(aoi: Aoi, target_crs: str, *, tolerance: float) -> Any:
    """The area's geometry in ``target_crs``, true to ``tolerance`` (target units) along its edges.

    Where both CRSs give the same coordinates (OGC:CRS84 and EPSG:4326, say) it is the very geometry. An area
    that reaches beyond the projection is cut to the CRS's area of use, with 30 degrees around it where they
    have an image; the result is empty when nothing is left. ``ArgumentError`` when it cannot be projected.
    """
    found = project_all([aoi], target_crs, tolerance=tolerance)[0]
    if isinstance(found, ArgumentError):
        raise found
    return found


def project_all(aois: Sequence[Aoi], target_crs: str, *, tolerance: float) -> list[Any]:
    """Every area as ``project`` gives it, or its own ``ArgumentError``; small ones cost one call together."""
    if not tolerance > 0:
        raise ArgumentError(f"the tolerance of a reprojection is above 0; got {tolerance}")
    found: list[Any] = [aoi.geometry for aoi in aois]
    sources: dict[str, list[int]] = {}
    for row, aoi in enumerate(aois):
        sources.setdefault(aoi.crs, []).append(row)
    for source, rows in sources.items():
        try:
            there = transformer(source, target_crs)
        except ArgumentError as error:
            for row in rows:
                found[row] = error
            continue
        if there is None:
            continue
        geometries = np.array([aois[row].geometry for row in rows], dtype=object)
        for row, moved in zip(rows, _project(geometries, source, target_crs, there, tolerance), strict=True):
            found[row] = moved
    return found


def _project(
    geometries: npt.NDArray[np.object_], source: str, target: str, there: Transformer, tolerance: float
) -> list[Any]:
    bounds = shapely.bounds(geometries)
    wide = bounds[:, 2] - bounds[:, 0] > (WIDE_DEGREES if is_degrees(source) else WIDE_UNITS)
    moved = np.full(len(geometries), None, dtype=object)
    moved[~wide] = move_all(geometries[~wide], _move(there), tolerance)
    result = moved.tolist()
    for at, geometry in enumerate(geometries):
        if result[at] is None:
            result[at] = _project_in_parts(geometry, source, target, tolerance)
    return result


def _project_in_parts(geometry: Any, source: str, target: str, tolerance: float) -> Any:
    """By way of longitude and latitude: cut at the antimeridian, and to where the target is used."""
    lonlat, via = geometry, source
    if not is_degrees(source):
        lonlat, via = _to_lonlat(geometry, source, tolerance * _degrees_per_unit(target)), LONLAT
    if lonlat is not None:
        lonlat = split_at_antimeridian(lonlat)
        there = transformer(via, target)
        if there is None:
            return lonlat
        for region in _regions(target):
            piece = lonlat if region is None else clip(lonlat, region)
            if shapely.is_empty(piece):
                return piece
            moved = move_all(np.array([piece], dtype=object), _move(there), tolerance)[0]
            if moved is not None:
                return moved
    return ArgumentError(
        f"an area in CRS {shorten(source)} has no image in {shorten(target)}: "
        "it reaches beyond where one of the two is defined; cut the area to the raster's surroundings"
    )


def _to_lonlat(geometry: Any, source: str, tolerance: float) -> Any | None:
    """Longitude and latitude, continuous around the geometry's first vertex; may run past 180."""
    there = transformer(source, LONLAT)
    assert there is not None
    move = _move(there)
    middle = float(move(shapely.get_coordinates(geometry)[:1])[0, 0])
    if not np.isfinite(middle):
        return None

    def continuous(xy: Floats) -> Floats:
        moved = move(xy)
        moved[:, 0] = wrap_around(moved[:, 0], middle)
        return moved

    return move_all(np.array([geometry], dtype=object), continuous, tolerance)[0]


def _degrees_per_unit(crs: str) -> float:
    if is_degrees(crs):
        return 1.0
    return parse_crs(crs).axis_info[0].unit_conversion_factor / METRES_PER_DEGREE


def _regions(target: str) -> Iterator[Any]:
    """Where the target is used: generously, then strictly; None where nobody says."""
    area = area_of_use(target)
    if area is None or is_degrees(target):
        yield None
        return
    west, south, east, north = area
    east += 360 if west > east else 0
    for margin in MARGINS_DEGREES:
        left, right = west - margin, east + margin
        if right - left >= 360:
            left, right = -180, 180
        yield split_at_antimeridian(
            shapely.box(left, max(south - margin, -90), right, min(north + margin, 90))
        )


def _move(there: Transformer) -> Move:
    def move(xy: Floats) -> Floats:
        x, y = there.transform(xy[:, 0], xy[:, 1], errcheck=False)
        return np.column_stack((x, y))

    return move
