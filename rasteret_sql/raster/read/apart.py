"""Why an area and a raster do not touch, as far as their places tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, misplaced
from rasteret_sql.geo.crs import LONLAT, is_degrees, turn_of
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.outline import footprint
from rasteret_sql.geo.reprojection.reproject import Surroundings, project
from rasteret_sql.geo.turns import places
from rasteret_sql.geo.window import Affine, Window, window_bounds
from rasteret_sql.raster.read.plan import pixel_tolerance


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A raster of which areas are wanted."""

    name: str
    crs: str
    transform: Affine
    width: int
    height: int


def why_apart(area: Aoi, raster: Placed) -> str:
    """Where both lie, and whether the area would touch if its coordinates were in the other order."""
    whole = Window(x_off=0, y_off=0, width=raster.width, height=raster.height)
    told = f"{raster.name} covers {_bounds(window_bounds(raster.transform, whole))} in {shorten(raster.crs)}"
    if turn_of(raster.crs) is None:
        outline = footprint(raster.transform, raster.width, raster.height, raster.crs)
        if outline is not None:
            told += f" ({_bounds(shapely.from_wkb(outline).bounds)} in {LONLAT})"
    asked = f"the first area {_bounds(area.geometry.bounds)} in {shorten(area.crs)}"
    hint = ""
    if _touches_swapped(area, raster):
        hint = ". With x and y exchanged it would touch: coordinates are x, y, longitude before latitude"
    return f"{told}, {asked}{hint}"


def _touches_swapped(area: Aoi, raster: Placed) -> bool:
    swapped = shapely.transform(area.geometry, lambda xy: np.ascontiguousarray(xy[:, ::-1]))
    if len(misplaced(shapely.get_coordinates(swapped), is_degrees(area.crs))):
        return False
    near = Surroundings(transform=raster.transform, width=raster.width, height=raster.height)
    other = Aoi(geometry=swapped, crs=area.crs)
    try:
        geometry = project(other, raster.crs, tolerance=pixel_tolerance(raster.transform), near=near)
    except ArgumentError:
        return False
    return bool(places(geometry, raster.crs, raster.transform, raster.width, raster.height))


def _bounds(bounds: tuple[float, ...]) -> str:
    west, south, east, north = bounds
    return f"{west:.9g} to {east:.9g}, {south:.9g} to {north:.9g}"
