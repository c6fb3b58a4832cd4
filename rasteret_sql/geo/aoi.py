"""Areas of interest: the forms that SQL hands over, checked once and turned into geometries with a CRS.

WKB (ISO, and EWKB with its SRID), WKT and EWKT, GeoJSON text, a box of four numbers, or a mapping with
``xmin, ymin, xmax, ymax``. Coordinates are x, y: longitude before latitude, also for EPSG:4326. Heights and
measures are dropped. Polygons that cross themselves are accepted: their mask is the even-odd fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Floats
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi_forms import FORMS, Draft, Reader, reader, show
from rasteret_sql.geo.crs import LONLAT, is_degrees
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.window import Affine

MAX_DEGREES_BEYOND = 10.0
"""Degrees over a pole that the pixels of some grid may reach: half of one of 20 degrees."""
FARTHEST = 1e12
"""No CRS reaches beyond; larger numbers are garbage that would only overflow later."""


@dataclass(frozen=True, kw_only=True)
class Aoi:
    """A geometry whose pixels are wanted; not empty, finite, 2-D."""

    geometry: Any
    """shapely; points, lines, polygons and collections of them."""
    crs: str
    """Authority code, WKT or PROJJSON that PROJ knows; coordinates are in x, y order."""
    beyond: float = 0.0
    """Degrees by which it reaches over a pole: right as the bounds of a grid with centres on the poles."""


def parse_aoi(value: Any, *, crs: str | None = None) -> Aoi:
    """The area that one value names; ArgumentError says what is wrong with it.

    The value's own CRS (EWKB or EWKT SRID, GeoJSON ``crs``) wins over ``crs``; without both it is OGC:CRS84.
    """
    if value is None:
        raise ArgumentError(f"aoi: NULL is not an area; expected {FORMS}")
    area = parse_aois([value], crs=crs)[0]
    if isinstance(area, ArgumentError):
        raise area
    assert area is not None
    return area


def parse_aois(values: Sequence[Any], *, crs: str | None = None) -> list[Aoi | ArgumentError | None]:
    """Every value's area, its own error, or None for None; the same as ``parse_aoi`` on each, but batched."""
    drafts = [Draft() for _ in values]
    groups: dict[Reader, list[int]] = {}
    for row, value in enumerate(values):
        if value is not None:
            groups.setdefault(reader(value), []).append(row)
    for read, rows in groups.items():
        read([values[row] for row in rows], [drafts[row] for row in rows])
    by_crs: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.geometry is not None:
            draft.crs = draft.crs or crs or LONLAT
            by_crs.setdefault(draft.crs, []).append(draft)
    for text, group in by_crs.items():
        _check(text, group)
    return [
        draft.error
        or (
            None
            if draft.geometry is None
            else Aoi(geometry=draft.geometry, crs=draft.crs or LONLAT, beyond=draft.beyond)
        )
        for draft in drafts
    ]


def _check(crs: str, drafts: list[Draft]) -> None:
    """Drop heights; refuse what is empty, not finite, or outside the degrees of a globe."""
    try:
        degrees = is_degrees(crs)
    except ArgumentError as error:
        for draft in drafts:
            draft.error = ArgumentError(f"aoi: {error}")
        return
    geometries = shapely.force_2d(np.array([draft.geometry for draft in drafts], dtype=object))
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    for draft, geometry, empty in zip(drafts, geometries, shapely.is_empty(geometries), strict=True):
        draft.geometry = geometry
        if empty:
            draft.error = ArgumentError(f"aoi: {show(geometry)} is empty; an area has at least one point")
        elif draft.wraps and not degrees:
            draft.error = ArgumentError(
                f"aoi: the box has xmin above xmax, which means across the antimeridian for longitudes only, "
                f"not in CRS {shorten(crs)}"
            )
    for at in misplaced(xy, degrees, MAX_DEGREES_BEYOND)[
        ::-1
    ].tolist():  # report the first one of each geometry
        drafts[owner[at]].error = ArgumentError(f"aoi: {why_misplaced(xy[at], crs, degrees)}")
    if degrees:
        for at in np.flatnonzero(abs(xy[:, 1]) > 90).tolist():
            draft = drafts[owner[at]]
            draft.beyond = max(draft.beyond, float(abs(xy[at, 1])) - 90)


def require_on_globe(
    aoi: Aoi, crs: str | None = None, transform: Affine | None = None, height: int = 0
) -> None:
    """Raise for an area over a pole, unless a grid in degrees reaches as far, or has pixels that large."""
    if not aoi.beyond:
        return
    if crs is not None and transform is not None and is_degrees(crs):
        _, _, _, _, pixel, top = transform
        reach = max(abs(top), abs(top + pixel * height)) - 90
        if aoi.beyond <= max(reach, abs(pixel)) * (1 + 1e-9):
            return
    xy = shapely.get_coordinates(aoi.geometry)
    raise ArgumentError(f"aoi: {why_misplaced(xy[misplaced(xy, True)[0]], aoi.crs, True)}")


def misplaced(xy: Floats, degrees: bool, beyond: float = 0.0) -> npt.NDArray[np.intp]:
    """Which of the coordinates ``(n, 2)`` are not places, ascending; latitudes may be ``beyond`` 90."""
    bad = ~(abs(xy) <= FARTHEST).all(axis=1)
    if degrees:
        bad |= (abs(xy[:, 0]) > 360) | (abs(xy[:, 1]) > 90 + beyond)
    return np.flatnonzero(bad)


def why_misplaced(coordinate: Floats, crs: str, degrees: bool) -> str:
    """What is wrong with one of them."""
    x, y = coordinate.tolist()
    if not (abs(x) <= FARTHEST and abs(y) <= FARTHEST):
        return f"the coordinate ({x:g}, {y:g}) is not a place; coordinates are finite and below {FARTHEST:g}"
    what = (
        f"latitude {y:g} is outside -90 to 90" if abs(y) > 90 else f"longitude {x:g} is outside -360 to 360"
    )
    swapped = abs(x) <= 90 and abs(y) <= 360
    hint = "were they swapped?" if swapped else "or give the CRS of these coordinates with aoi_crs"
    return f"{what} in CRS {shorten(crs)}; x is longitude and y is latitude, {hint}"
