"""Points in the CRSs of rasters, on their grids of pixels, and in their blocks: each computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyproj import Transformer

from rasteret_sql.arrays import Bools, Floats, Numbers
from rasteret_sql.blocks.point_read import BlockedPixels, by_block
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.antimeridian import wrap_around
from rasteret_sql.geo.crs import area_of_use, is_degrees, transformer
from rasteret_sql.geo.turns import wrapped
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.raster.algebra.bound_math import BoundMath
from rasteret_sql.raster.points.neighbours import PixelNeighbours, pixel_neighbours
from rasteret_sql.raster.read.plan import NAME_THE_CRS, without_crs
from rasteret_sql.raster.source import Raster
from rasteret_sql.store.redact import display_href

MARGIN_DEGREES = 30.0
"""Around the area of use of a CRS, where projections are still one to one."""
ABOUT_DEGREES, ABOUT_UNITS = 1.0, 1e5
"""How exactly a point has to come back: grids of datums err by metres, folds by thousands of kilometres."""
KEPT = 16
"""Grids on which the same points are remembered: the scenes of a time series share one."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """Places in one or several CRSs; x is longitude or easting."""

    xy: Floats
    """``(n, 2)``, finite."""
    crs: tuple[str, ...]
    """The distinct ones."""
    which: Numbers
    """The number of each point's CRS."""


@dataclass(frozen=True, kw_only=True)
class PointRequest:
    """The points at which one band of one level is wanted."""

    header: Header
    level: int
    band: int
    """From 0."""
    points: Numbers
    """Numbers of the points; requests for the same ones share the very array."""
    interpolation: str
    math: BoundMath | None = None
    """What is wanted instead of the band, or where of it; its bands are read."""
    whole: bool = False
    """Keep whole blocks in the cache: other points in them are about to be requested."""


class ProjectedPoints:
    """Points in the CRSs of the rasters: one call of PROJ for each pair of CRSs, on those that are needed."""

    def __init__(self, points: Points, needed: Sequence[tuple[str, Numbers]]) -> None:
        wanted: dict[str, Bools] = {}
        seen: set[tuple[str, int]] = set()
        for crs, numbers in needed:
            if (crs, id(numbers)) not in seen:
                seen.add((crs, id(numbers)))
                wanted.setdefault(crs, np.zeros(len(points.xy), np.bool_))[numbers] = True
        self._moved = {crs: _moved(points, crs, mask) for crs, mask in wanted.items()}

    def to(self, crs: str, numbers: Numbers) -> Floats:
        """Coordinates ``(m, 2)`` of some points in ``crs``; not finite where they have no image."""
        return self._moved[crs][numbers]


def _moved(points: Points, crs: str, mask: Bools) -> Floats:
    moved = points.xy
    for number, source in enumerate(points.crs):
        there = transformer(source, crs)
        if there is None:
            continue
        if moved is points.xy:
            moved = moved.copy()
        mine = np.flatnonzero(mask & (points.which == number))
        moved[mine] = _images(points.xy[mine], there, source, crs)
    return moved


def _images(xy: Floats, there: Transformer, source: str, target: str) -> Floats:
    """Moved coordinates; infinite where a projection folds another part of the globe onto the place.

    The Swiss oblique Mercator puts the antipodes there too, and UTM some of what lies 90 degrees away. So
    points far from where the target is used are moved back, and have to come out about where they were.
    """
    images = np.column_stack(there.transform(xy[:, 0], xy[:, 1], errcheck=False))
    far = np.flatnonzero(_is_far(xy, source, target))
    if len(far) and there.has_inverse:
        x, y = images[far].T
        back = np.column_stack(there.transform(x, y, direction="INVERSE", errcheck=False))
        with np.errstate(invalid="ignore"):
            away = back - xy[far]
            if is_degrees(source):
                away[:, 0] = wrap_around(away[:, 0], 0.0) * np.cos(np.radians(xy[far, 1]))
            folded = ~(np.hypot(*away.T) <= (ABOUT_DEGREES if is_degrees(source) else ABOUT_UNITS))
        images[far[folded]] = np.inf
    return images


def _is_far(xy: Floats, source: str, target: str) -> Bools:
    """Points in degrees far outside of the target's area of use; all others where nobody says."""
    area = area_of_use(target)
    if area is None or not is_degrees(source):
        return np.ones(len(xy), np.bool_)
    west, south, east, north = area
    east += 360 if west > east else 0
    beside = np.abs(wrap_around(xy[:, 0] - (west + east) / 2, 0.0)) > (east - west) / 2 + MARGIN_DEGREES
    far: Bools = beside | (xy[:, 1] < south - MARGIN_DEGREES) | (xy[:, 1] > north + MARGIN_DEGREES)
    return far


def crs_of(raster: Raster) -> str:
    """The CRS of a raster that points are placed on; ArgumentError where it has none."""
    if raster.crs is None:
        raise ArgumentError(
            f"{without_crs(display_href(raster.name), raster.crs_note)}, so a point cannot be placed on it; "
            f"read a pixel window of it with read_cog, or {NAME_THE_CRS}"
        )
    return raster.crs


class PointsOnGrid:
    """Points on one grid of pixels, and in the blocks of it."""

    def __init__(self, neighbours: PixelNeighbours) -> None:
        self.neighbours = neighbours
        self._blocks: dict[tuple[int, int], BlockedPixels] = {}

    def blocks(self, level: Level) -> BlockedPixels:
        """The pixels by blocks of a level, or of its mask, which may have blocks of another size."""
        key = (level.tile_width, level.tile_height)
        if key not in self._blocks:
            self._blocks[key] = by_block(level, self.neighbours.rows, self.neighbours.columns)
        return self._blocks[key]


class PointGrids:
    """The last few grids with the same points on them."""

    def __init__(self, projected: ProjectedPoints) -> None:
        self._projected = projected
        self._kept: dict[Any, PointsOnGrid] = {}

    def of(self, request: PointRequest) -> PointsOnGrid:
        header, level = request.header, request.header.levels[request.level]
        transform = header.level_transform(request.level)
        key = (id(request.points), header.crs, transform, level.width, level.height, request.interpolation)
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            xy = self._projected.to(crs_of(header), request.points)
            xy = wrapped(xy, crs_of(header), transform, level.width, level.height)
            on_grid = pixel_neighbours(xy, transform, level.width, level.height, request.interpolation)
            self._kept[key] = PointsOnGrid(on_grid)
        return self._kept[key]
