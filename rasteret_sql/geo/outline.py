"""Where on the globe a raster lies: its outline in longitude and latitude."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from rasteret_sql.arrays import Floats
from rasteret_sql.geo.antimeridian import clip, split_at_antimeridian, wrap_around
from rasteret_sql.geo.crs import LONLAT, transformer
from rasteret_sql.geo.window import Affine

EDGE_POINTS = 32
"""An edge is followed at this many points; those that a straight line replaces are dropped again."""
MIN_PARTS = 1_000
"""Of its own size, to which the outline of a raster of few pixels is true."""
GRID_POINTS = 129
"""Points a side of the grid that is looked at where the outline itself is off the globe."""
GRID_MARGIN_DEGREES = 10.0
"""Farther from the last grid point than this no place on the globe is left (full-disk images)."""
WORLD = shapely.box(-1080, -90, 1080, 90)


@lru_cache(maxsize=1024)  # bands and dates of one place share their grid
def footprint(transform: Affine, width: int, height: int, crs: str | None) -> bytes | None:
    """The outline of a raster's pixels as WKB in OGC:CRS84, true to about a pixel; None without a CRS.

    A polygon; in two parts where it crosses the antimeridian; closed over the pole where it holds one. Where
    the outline is off the globe (full-disk images), a box around all pixels that are not; None if all are.
    """
    if crs is None:
        return None
    there = transformer(crs, LONLAT)
    a, b, c, d, e, f = transform
    affine = np.array([[a, d], [b, e], [c, f]])
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height), (0, 0)], dtype=np.float64)
    if there is None:
        outline = shapely.Polygon(_apply(affine, corners))
    else:
        steps = np.linspace(0, 1, EDGE_POINTS, endpoint=False)[:, None]
        edges = [begin + steps * (end - begin) for begin, end in pairwise(corners)]
        ring = _on_globe(_apply(affine, np.concatenate([*edges, corners[:1]])), there)
        if not np.isfinite(ring).all():
            return _box_of_grid(affine, width, height, there)
        ring[:, 0] = np.unwrap(ring[:, 0], period=360)
        around = ring[-1, 0] - ring[0, 0]
        if abs(around) > 180:
            ring = _over_pole(ring, affine, width, height, there)
        outline = shapely.Polygon(ring)
    whole = split_at_antimeridian(clip(outline, WORLD))
    xmin, ymin, xmax, ymax = shapely.bounds(outline)
    tolerance = max(xmax - xmin, ymax - ymin) / max(width, height, MIN_PARTS)
    simple: Any = shapely.simplify(whole, tolerance, preserve_topology=True)
    wkb: bytes = shapely.to_wkb(simple, byte_order=1)
    return wkb


def _apply(affine: Floats, pixels: Floats) -> Floats:
    world: Floats = np.column_stack((pixels, np.ones(len(pixels)))) @ affine
    return world


def _on_globe(world: Floats, there: Transformer) -> Floats:
    return np.column_stack(there.transform(world[:, 0], world[:, 1], errcheck=False))


def _over_pole(ring: Floats, affine: Floats, width: int, height: int, there: Transformer) -> Floats:
    """The ring runs once around the globe: close it along the pole that lies inside."""
    pole = 90.0
    x, y = there.transform(0.0, pole, direction="INVERSE", errcheck=False)
    if np.isfinite((x, y)).all():
        column, row = np.linalg.solve(affine[:2].T, np.array([x, y]) - affine[2])
        pole = 90.0 if 0 <= column <= width and 0 <= row <= height else -90.0
    else:
        pole = -90.0
    return np.concatenate((ring, [(ring[-1, 0], pole), (ring[0, 0], pole), ring[0]]))


def _box_of_grid(affine: Floats, width: int, height: int, there: Transformer) -> bytes | None:
    column, row = np.meshgrid(np.linspace(0, width, GRID_POINTS), np.linspace(0, height, GRID_POINTS))
    places = _on_globe(_apply(affine, np.column_stack((column.ravel(), row.ravel()))), there)
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return None
    longitudes = wrap_around(places[:, 0], places[len(places) // 2, 0])
    west, east = longitudes.min() - GRID_MARGIN_DEGREES, longitudes.max() + GRID_MARGIN_DEGREES
    south, north = places[:, 1].min() - GRID_MARGIN_DEGREES, places[:, 1].max() + GRID_MARGIN_DEGREES
    if east - west >= 360:
        west, east = -180, 180
    box = shapely.box(west, max(south, -90), east, min(north, 90))
    wkb: bytes = shapely.to_wkb(split_at_antimeridian(box), byte_order=1)
    return wkb
