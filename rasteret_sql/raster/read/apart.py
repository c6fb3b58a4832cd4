"""Why an area and a raster do not touch, as far as their places tell."""

from __future__ import annotations

import numpy as np
import shapely

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, misplaced
from rasteret_sql.geo.crs import LONLAT, is_degrees, turn_of
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.outline import footprint
from rasteret_sql.geo.reprojection.reproject import project
from rasteret_sql.geo.turns import places
from rasteret_sql.raster.read.plan import pixel_tolerance


def why_apart(area: Aoi, grid: Grid, name: str) -> str:
    """Where both lie, and whether the area would touch if its coordinates were in the other order."""
    covered = f"{name} covers {_bounds(grid.bounds)} in {shorten(grid.known_crs)}"
    if turn_of(grid.known_crs) is None:
        outline = footprint(grid.transform, grid.width, grid.height, grid.known_crs)
        if outline is not None:
            covered += f" ({_bounds(shapely.from_wkb(outline).bounds)} in {LONLAT})"
    asked = f"the first area {_bounds(area.geometry.bounds)} in {shorten(area.crs)}"
    hint = ""
    if _touches_swapped(area, grid):
        hint = ". With x and y exchanged it would touch: coordinates are x, y, longitude before latitude"
    return f"{covered}, {asked}{hint}"


def _touches_swapped(area: Aoi, grid: Grid) -> bool:
    swapped = shapely.transform(area.geometry, lambda xy: np.ascontiguousarray(xy[:, ::-1]))
    if len(misplaced(shapely.get_coordinates(swapped), is_degrees(area.crs))):
        return False
    other = Aoi(geometry=swapped, crs=area.crs)
    try:
        geometry = project(other, grid.known_crs, tolerance=pixel_tolerance(grid.transform), near=grid)
    except ArgumentError:
        return False
    return bool(places(geometry, grid.known_crs, grid.transform, grid.width, grid.height))


def _bounds(bounds: tuple[float, ...]) -> str:
    west, south, east, north = bounds
    return f"{west:.9g} to {east:.9g}, {south:.9g} to {north:.9g}"
