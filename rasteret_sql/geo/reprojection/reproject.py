"""Areas into the CRS of a raster, and rasters' outlines into longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from rasteret_sql.arrays import Bools, Floats
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.antimeridian import clip, split_at_antimeridian, wrap_around
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.crs import (
    LONLAT,
    area_of_use,
    greenwich_of,
    is_degrees,
    parse_crs,
    transformer,
    turn_of,
)
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.outline import WORLD, footprint
from rasteret_sql.geo.reprojection.curves import Move, move_all
from rasteret_sql.geo.reprojection.domain import comes_back, domain
from rasteret_sql.geo.reprojection.unfold import unfold

__all__ = ["footprint", "project", "project_all"]


WIDE_DEGREES = 90.0
WIDE_UNITS = 5e6
"""Wider areas are cut to where the target is used: a projection may fold half a globe onto itself."""
MARGINS_DEGREES = (30.0, 5.0, 0.0)
"""Around the stated area of use, tried in turn; near the poles scenes reach far out of their UTM zone."""
METRES_PER_DEGREE = 111_320.0
AROUND = 0.02
"""Of a raster's size around it: more than its footprint, true to a pixel or a thousandth, is away from it."""
MIN_AROUND_DEGREES = 1e-3
OFF_THE_MAP = 1e9
"""Units of a CRS; PROJ answers with numbers beyond, or infinity, for a pole that a map does not have."""
COMES_BACK_DEGREES = 1e-3
FINER = 8
"""Times the first of two moves is truer than asked for."""
INSET_DEGREES = 0.01
"""What is left out along the rim of what a projection sees, where it looks along the ground: metres of it."""
WHOLE_GLOBE = (-180.0, -90.0, 180.0, 90.0)


def project(aoi: Aoi, target_crs: str, *, tolerance: float, near: Grid | None = None) -> Any:
    """The area's geometry in ``target_crs``, true to ``tolerance`` (target units) along its edges.

    Where both CRSs give the same coordinates (OGC:CRS84 and EPSG:4326, say) it is the very geometry; between
    two CRSs of longitudes it stays in its turn. An area that reaches beyond the projection is cut to the
    surroundings of the grid ``near``, and to what the projection sees; without ``near`` to the CRS's area
    of use, with 30 degrees around it where they have an image. The result is empty when nothing is left.
    ``ArgumentError`` when it cannot be projected.
    """
    projected = project_all([aoi], target_crs, tolerance=tolerance, near=[near])[0]
    if isinstance(projected, ArgumentError):
        raise projected
    return projected


def project_all(
    aois: Sequence[Aoi],
    target_crs: str,
    *,
    tolerance: float,
    near: Sequence[Grid | None] | None = None,
) -> list[Any]:
    """Every area as ``project`` gives it, or its own ``ArgumentError``; small ones cost one call together."""
    projected = project_simple(aois, target_crs, tolerance=tolerance)
    for row, geometry in enumerate(projected):
        if geometry is None:
            projected[row] = project_near(
                aois[row], target_crs, tolerance=tolerance, near=near[row] if near else None
            )
    return projected


def project_simple(aois: Sequence[Aoi], target_crs: str, *, tolerance: float) -> list[Any]:
    """The same, whatever the raster; None for an area that has no image as a whole (``project_near``)."""
    if not tolerance > 0:
        raise ArgumentError(f"the tolerance of a reprojection is above 0; got {tolerance}")
    projected: list[Any] = [aoi.geometry for aoi in aois]
    sources: dict[str, list[int]] = {}
    for row, aoi in enumerate(aois):
        sources.setdefault(aoi.crs, []).append(row)
    for source, rows in sources.items():
        try:
            there = transformer(source, target_crs)
        except ArgumentError as error:
            for row in rows:
                projected[row] = error
            continue
        if there is None:
            continue
        geometries = np.array([aois[row].geometry for row in rows], dtype=object)
        whole = _has_whole_image(geometries, source, target_crs)
        moved = np.full(len(rows), None, dtype=object)
        moved[whole] = move_all(geometries[whole], _move(there, source, target_crs), tolerance)
        for row, geometry in zip(rows, moved, strict=True):
            projected[row] = geometry
    return projected


def _has_whole_image(geometries: npt.NDArray[np.object_], source: str, target: str) -> Bools:
    """Which areas are small and near enough to be moved as they are."""
    if turn_of(source) and turn_of(target):
        return np.ones(len(geometries), np.bool_)
    bounds = shapely.bounds(geometries)
    size = bounds[:, 2] - bounds[:, 0]
    if not is_degrees(source):
        narrow: Bools = size <= WIDE_UNITS
        for x, y in _lost_poles(source, target):
            holds = (bounds[:, 0] <= x) & (x <= bounds[:, 2]) & (bounds[:, 1] <= y) & (y <= bounds[:, 3])
            narrow &= ~holds
        return narrow
    used = area_of_use(target)
    whole: Bools = size <= WIDE_DEGREES
    if used is None:
        return whole
    west, south, east, north = used
    east += 360 if west > east else 0
    beside = np.abs(wrap_around((bounds[:, 0] + bounds[:, 2] - west - east) / 2, 0.0))
    margin = MARGINS_DEGREES[0]
    whole &= beside - size / 2 <= (east - west) / 2 + margin
    whole &= (bounds[:, 3] >= south - margin) & (bounds[:, 1] <= north + margin)
    return whole


@lru_cache(256)
def _lost_poles(source: str, target: str) -> list[tuple[float, float]]:
    """Poles that are places of a projected ``source`` and of no place of ``target``.

    The outline around one would become the outline of all the rest.
    """
    globe, there = transformer(LONLAT, source), transformer(source, target)
    if globe is None or there is None:
        return []
    images = [globe.transform(0.0, latitude, errcheck=False) for latitude in (90.0, -90.0)]
    return [pole for pole in images if np.isfinite(pole).all() and not _is_place(there, pole)]


def _is_place(there: Transformer, xy: tuple[float, float]) -> bool:
    moved = there.transform(*xy, errcheck=False)
    return bool(np.isfinite(moved).all() and np.abs(moved).max() < OFF_THE_MAP)


def project_near(aoi: Aoi, target: str, *, tolerance: float, near: Grid | None = None) -> Any:
    """By way of longitude and latitude: cut at the antimeridian, and to where the target sees it."""
    lonlat, via = aoi.geometry, aoi.crs
    if not turn_of(via):
        lonlat, via = (
            _unfolded(shapely.to_wkb(lonlat), via, tolerance * _degrees_per_unit(target) / FINER),
            LONLAT,
        )
    elif not is_degrees(via):
        lonlat, via = _moved(lonlat, via, LONLAT, 1e-9), LONLAT
    if lonlat is not None:
        lonlat = split_at_antimeridian(lonlat)
        if shapely.is_empty(lonlat) or transformer(via, target) is None:
            return lonlat
        for region in _regions(lonlat, target, near):
            piece = lonlat if region is None else clip(lonlat, region)
            if shapely.is_empty(piece):
                return piece
            moved = _moved(piece, via, target, tolerance)
            if moved is not None:
                return moved
    return ArgumentError(
        f"an area in CRS {shorten(aoi.crs)} has no image in {shorten(target)}: "
        "it reaches beyond where one of the two is defined; cut the area to the raster's surroundings"
    )


@lru_cache(64)
def _unfolded(wkb: bytes, crs: str, tolerance: float) -> Any:
    """One area for many rasters."""
    return unfold(shapely.from_wkb(wkb), crs, tolerance)


def _moved(geometry: Any, source: str, target: str, tolerance: float) -> Any | None:
    there = transformer(source, target)
    if there is None:
        return geometry
    return move_all(np.array([geometry], dtype=object), _move(there, source, target), tolerance)[0]


def _degrees_per_unit(crs: str) -> float:
    turn = turn_of(crs)
    if turn:
        return 360 / turn
    return parse_crs(crs).axis_info[0].unit_conversion_factor / METRES_PER_DEGREE


def _regions(lonlat: Any, target: str, near: Grid | None) -> Iterator[Any]:
    """What of the globe is looked at, from the most on; None for all of it."""
    if turn_of(target):
        yield None
        return
    if near is not None:
        around = _around(near, target)
        if around is not None:
            yield around
            yield clip(around, _seen(target))
            yield from _used_around(near, target, around)
            return
    area = area_of_use(target)
    if area is None:
        yield None
    else:
        yield from _used(area)
    if not shapely.is_empty(clip(lonlat, _seen(target))):
        yield _seen(target)


def _used_around(near: Grid, target: str, around: Any) -> Iterator[Any]:
    """Where the target is used, if all of the raster lies there: beyond, Mercator's poles are far away."""
    area, outline = area_of_use(target), footprint(near.transform, near.width, near.height, target)
    if area is not None and outline is not None:
        whole = shapely.from_wkb(outline)
        yield from (clip(around, region) for region in _used(area) if shapely.covers(region, whole))


def _used(area: tuple[float, float, float, float]) -> Iterator[Any]:
    """Where the target is used: generously, then strictly."""
    west, south, east, north = area
    east += 360 if west > east else 0
    for margin in MARGINS_DEGREES:
        left, right = west - margin, east + margin
        if right - left >= 360:
            left, right = -180, 180
        yield split_at_antimeridian(
            shapely.box(left, max(south - margin, -90), right, min(north + margin, 90))
        )


@lru_cache(256)
def _around(near: Grid, crs: str) -> Any | None:
    """A raster's footprint and what is next to it; None where it has none."""
    outline = footprint(near.transform, near.width, near.height, crs)
    if outline is None:
        return None
    lonlat = shapely.from_wkb(outline)
    xmin, ymin, xmax, ymax = shapely.bounds(lonlat).tolist()
    margin = max(AROUND * max(xmax - xmin, ymax - ymin), MIN_AROUND_DEGREES)
    return split_at_antimeridian(clip(shapely.buffer(lonlat, margin, quad_segs=2), WORLD))


@lru_cache(64)
def _seen(crs: str) -> Any:
    """What of the globe a projection sees, in longitude and latitude."""
    there = transformer(LONLAT, crs)
    assert there is not None, "a projected CRS"
    seen = domain(comes_back(there, degrees=True, tolerance=COMES_BACK_DEGREES), WHOLE_GLOBE, refined=3)
    return seen if seen.equals(shapely.box(*WHOLE_GLOBE)) else shapely.buffer(seen, -INSET_DEGREES)


def _move(there: Transformer, source: str, target: str) -> Move:
    """Coordinates of one CRS in the other; longitudes stay in the turn that they are written in."""
    turns = turn_of(source), turn_of(target)

    def move(xy: Floats) -> Floats:
        x, y = there.transform(xy[:, 0], xy[:, 1], errcheck=False)
        if turns[0] and turns[1]:
            scale = turns[1] / turns[0]
            expected = (xy[:, 0] - greenwich_of(source)) * scale + greenwich_of(target)
            with np.errstate(invalid="ignore"):
                x = wrap_around(x, expected, turns[1])
        return np.column_stack((x, y))

    return move
