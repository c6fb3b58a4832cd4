"""From a header and an area of interest to the chip that a read would fetch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely

from rasteret_sql.blocks.support import naming
from rasteret_sql.errors import ArgumentError, RasteretError, value_or_raise
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.crs import turn_of
from rasteret_sql.geo.geometry_window import geometry_window, geometry_windows
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.reprojection.reproject import project, project_simple
from rasteret_sql.geo.turns import places, union
from rasteret_sql.geo.window import Affine, Window, clip_window, window_transform
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.placed_area import PlacedArea, chip_of
from rasteret_sql.raster.read.raster_level import RasterLevel, raster_level
from rasteret_sql.raster.source import Raster
from rasteret_sql.store.redact import display_href

NAME_THE_CRS = "name the CRS in an index row: SELECT * REPLACE ('EPSG:…' AS crs) FROM cog_header(…)"
DENSIFY = 8
"""A reprojected edge stays within this fraction of a pixel (1 / 8) of the true curve."""


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """What a caller wants of one raster."""

    area: Aoi | Window | None = None
    """None: the whole raster. A window counts pixels of the level that is read."""
    bands: tuple[int | str, ...] | None = None
    """Numbers from 1, or names; None: all bands."""
    level: int | None = None
    """0 is full resolution."""
    resolution: float | None = None
    """Ground size of a pixel, in units of the raster's CRS, that is fine enough; picks the level."""
    all_touched: bool = False


class Planner:
    """Plans the chips of one batch.

    What a raster is to a request is computed once for all areas, what an area is on a grid once for all
    rasters on it, and what it is in a CRS once for all grids of one size of pixels.
    """

    def __init__(self) -> None:
        self._rasters: dict[Any, tuple[Header, RasterLevel]] = {}
        """Headers are kept, so that their ``id`` stays their own."""
        self._placed: dict[Any, list[PlacedArea]] = {}
        self._projected: dict[Any, tuple[Aoi, Any, bytes]] = {}
        """Areas (kept, so that their ``id`` stays their own), and these in a CRS: geometry and WKB."""

    def place_all(self, rows: Sequence[tuple[Header, ReadRequest]]) -> None:
        """Place the areas of many rows at once, those that need no more than to be moved into a CRS.

        Others are placed when they are planned, and what is wrong with a row is raised then.
        """
        grids: dict[int, _OnGrid] = {}
        for header, request in rows:
            area = request.area
            if not isinstance(area, Aoi) or area.beyond or header.crs is None:
                continue
            try:
                grid = self._raster(header, request).grid
            except RasteretError:
                continue
            on_grid = grids.get(id(grid))
            if on_grid is None:
                on_grid = grids[id(grid)] = _OnGrid(header.crs, grid, {})
            on_grid.areas[id(area)] = area
        self._move_all(grids.values())
        for on_grid in grids.values():
            if turn_of(on_grid.crs) is None:
                self._window_all(on_grid)

    def _move_all(self, grids: Iterable[_OnGrid]) -> None:
        """Areas into the CRSs of their rasters, a call for each CRS and size of pixels."""
        moves: dict[tuple[str, float], dict[int, Aoi]] = {}
        for crs, grid, areas in grids:
            moves.setdefault((crs, pixel_tolerance(grid.transform)), {}).update(areas)
        for (crs, tolerance), move in moves.items():
            moved = list(move.values())
            try:
                geometries = project_simple(moved, crs, tolerance=tolerance)
            except RasteretError:
                continue
            for area, geometry in zip(moved, geometries, strict=True):
                if not isinstance(geometry, RasteretError):
                    self._projected[id(area), crs, tolerance] = area, geometry, shapely.to_wkb(geometry)

    def _window_all(self, on_grid: _OnGrid) -> None:
        crs, grid, areas = on_grid
        tolerance = pixel_tolerance(grid.transform)
        moved = [self._projected.get((key, crs, tolerance)) for key in areas]
        there = [one for one in moved if one is not None and one[1] is not None]
        geometries = np.array([geometry for _, geometry, _ in there], dtype=object)
        windows = geometry_windows(geometries, grid.transform, grid.width, grid.height)
        for (area, _, wkb), window in zip(there, windows, strict=True):
            self._placed[id(area), id(grid)] = [] if window is None else [_on(grid, area, window, wkb)]

    def chips(self, header: Header, request: ReadRequest) -> list[tuple[int, ChipPlan]]:
        """The level that is read and the plan of the chip; none where area and raster do not overlap.

        Two where the area lies across the ends of a global raster: one at each end.
        """
        raster, found = self.placed(header, request)
        return [(raster.number, chip_of(raster, one, all_touched=request.all_touched)) for one in found]

    def chip(self, header: Header, request: ReadRequest) -> tuple[int, ChipPlan] | None:
        """The same as one chip: across the ends of a global raster it is as wide as the raster."""
        raster, found = self.placed(header, request)
        if not found:
            return None
        placed = found[0] if len(found) == 1 else _wide(raster, found)
        return raster.number, chip_of(raster, placed, all_touched=request.all_touched)

    def placed(self, header: Header, request: ReadRequest) -> tuple[RasterLevel, list[PlacedArea]]:
        """What the chips of a raster share, and the area on its grid: the very same objects each time."""
        raster = self._raster(header, request)
        return raster, self._place(header, raster.grid, request.area)

    def _raster(self, header: Header, request: ReadRequest) -> RasterLevel:
        key = (id(header), request.level, request.resolution, request.bands)
        known = self._rasters.get(key)
        if known is None:
            number = pick_level(header, request.level, request.resolution)
            raster = raster_level(header, number, pick_bands(header, request.bands))
            known = self._rasters[key] = header, raster
        return known[1]

    def _place(self, header: Header, grid: Grid, area: Aoi | Window | None) -> list[PlacedArea]:
        key = (id(area) if isinstance(area, Aoi) else area, id(grid))
        placed = self._placed.get(key)
        if placed is None:
            placed = self._placed[key] = self._place_one(header, grid, area)
        return placed

    def _place_one(self, header: Header, grid: Grid, area: Aoi | Window | None) -> list[PlacedArea]:
        if not isinstance(area, Aoi):
            window = clip_window(area, grid.width, grid.height)
            return [] if window is None else [_on(grid, area, window, None)]
        geometry, aoi = self._in_crs(header, grid, area)
        found = places(geometry, grid.crs or "", grid.transform, grid.width, grid.height)
        wkbs = [aoi if place.geometry is geometry else shapely.to_wkb(place.geometry) for place in found]
        return [_on(grid, area, place.window, wkb) for place, wkb in zip(found, wkbs, strict=True)]

    def _in_crs(self, header: Header, grid: Grid, area: Aoi) -> tuple[Any, bytes]:
        """The same for all grids of one CRS and one size of pixels, unless it has no image as a whole."""
        tolerance = pixel_tolerance(grid.transform)
        require_on_globe(area, grid.crs, grid.transform, grid.height)
        key: Any = id(area), grid.crs, tolerance
        if key not in self._projected:
            crs = require_crs(grid.crs, header.href, header.crs_note)
            with naming(header.href):
                (geometry,) = project_simple([area], crs, tolerance=tolerance)
                self._projected[key] = (area, value_or_raise(geometry), shapely.to_wkb(geometry))
        if self._projected[key][1] is None:
            key = (*key, grid)
            if key not in self._projected:
                geometry = area_in(area, grid, header.href, header.crs_note)
                self._projected[key] = (area, geometry, shapely.to_wkb(geometry))
        return self._projected[key][1:]


class _OnGrid(NamedTuple):
    """Areas that are to be placed on one grid."""

    crs: str
    grid: Grid
    areas: dict[int, Aoi]
    """By their ``id``."""


def _on(grid: Grid, area: Aoi | Window | None, window: Window, aoi: bytes | None) -> PlacedArea:
    return PlacedArea(area=area, window=window, aoi=aoi, transform=window_transform(grid.transform, window))


def _wide(raster: RasterLevel, placed: Sequence[PlacedArea]) -> PlacedArea:
    """The places of an area in one window."""
    grid = raster.grid
    geometry = union([shapely.from_wkb(one.aoi) for one in placed])
    window = geometry_window(geometry, grid.transform, grid.width, grid.height)
    assert window is not None, "each of the places overlaps the raster"
    return _on(grid, placed[0].area, window, shapely.to_wkb(geometry))


def plan_chip(header: Header, request: ReadRequest) -> tuple[int, ChipPlan] | None:
    """One chip; see ``Planner.chip``."""
    return Planner().chip(header, request)


def pick_level(header: Header, level: int | None, resolution: float | None) -> int:
    """The level asked for, or the coarsest (of a raster with masks, with a mask) that is fine enough."""
    if resolution is None:
        chosen = level or 0
        if not 0 <= chosen < len(header.levels):
            sizes = ", ".join(f"{i}: {lv.width} x {lv.height}" for i, lv in enumerate(header.levels))
            raise ArgumentError(f"{display_href(header.href)} has no level {chosen}; its levels are {sizes}")
        return chosen
    if level is not None:
        raise ArgumentError(f"level := {level} and resolution := {resolution:g} exclude each other; give one")
    if not resolution > 0:
        raise ArgumentError(f"resolution := {resolution:g}: expected a pixel size greater than 0")
    a, b, _, d, e, _ = header.transform
    full = max((a * a + d * d) ** 0.5, (b * b + e * e) ** 0.5)
    best = 0
    for number, candidate in header.choices:
        pixel = full * max(header.full.width / candidate.width, header.full.height / candidate.height)
        if pixel <= resolution * (1 + 1e-6):
            best = number
    return best


def pick_bands(raster: Raster, bands: Sequence[int | str] | None) -> tuple[int, ...]:
    """Band indices from 0, of numbers from 1 or names; ArgumentError lists what there is."""
    if bands is None:
        return tuple(range(raster.band_count))
    return pick_band_numbers(bands, raster.band_count, raster.names, raster.name)


def pick_band_numbers(
    bands: Sequence[int | str], count: int, names: Sequence[str | None], href: str
) -> tuple[int, ...]:
    """The same where the raster itself is not at hand; ``names`` may be empty."""
    if not bands:
        raise ArgumentError("bands := [] asks for nothing; leave it out to read all bands")
    there = list(names)
    picked = []
    for band in bands:
        if isinstance(band, str):
            if band not in there:
                raise ArgumentError(
                    f"{display_href(href)} has no band named {band!r}; {_bands_of(count, there)}"
                )
            picked.append(there.index(band))
        elif 1 <= band <= count:
            picked.append(band - 1)
        else:
            raise ArgumentError(f"{display_href(href)} has no band {band}; {_bands_of(count, there)}")
    return tuple(picked)


def _bands_of(count: int, names: Sequence[str | None]) -> str:
    numbers = "its only band is 1" if count == 1 else f"its bands are 1 to {count}"
    listed = ", ".join(repr(name) for name in names if name)
    return f"{numbers}, named {listed}" if listed else f"{numbers}, without names"


def area_in(area: Aoi, grid: Grid, href: str, note: str | None = None) -> Any:
    """The area as a geometry in a raster's CRS, its edges followed to within a part of a pixel."""
    crs = require_crs(grid.crs, href, note)
    require_on_globe(area, crs, grid.transform, grid.height)
    with naming(href):
        return project(area, crs, tolerance=pixel_tolerance(grid.transform), near=grid)


def require_crs(crs: str | None, href: str, note: str | None = None) -> str:
    """The CRS of a raster on which an area is to be placed; ArgumentError when it has none."""
    if crs is None:
        raise ArgumentError(
            f"{without_crs(display_href(href), note)}, so an area cannot be placed on it; "
            "pass a pixel window {'x_off': …, 'y_off': …, 'width': …, 'height': …}, or "
            f"{NAME_THE_CRS}"
        )
    return crs


def without_crs(name: str, note: str | None) -> str:
    """That a raster has no CRS, and why, for a message."""
    return f"{name} has no CRS" + (f" ({note})" if note else "")


def pixel_tolerance(transform: Affine) -> float:
    """How far a reprojected edge may lie from the true curve, in units of the raster's CRS."""
    a, b, _, d, e, _ = transform
    pixel: float = min((a * a + d * d) ** 0.5, (b * b + e * e) ** 0.5)
    return pixel / DENSIFY
