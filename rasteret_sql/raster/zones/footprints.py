"""Which pixels of a grid each zone covers, wholly or by a fraction: computed once for all on the grid.

The scenes of a place lie on one grid, so the footprint of a field is the same for all dates: a cache of
footprints spares all but the first of them the reprojection and the mask.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely

from rasteret_sql.blocks.support import naming
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.masks.coverage import fractions, require_area
from rasteret_sql.geo.masks.rasterize import outline
from rasteret_sql.geo.reprojection.reproject import project_all
from rasteret_sql.geo.turns import Place, places
from rasteret_sql.geo.window import Window, clip_window, window_transform
from rasteret_sql.raster.read.plan import pixel_tolerance, require_crs
from rasteret_sql.raster.zones.footprint import Cover, Footprint, Rule, ZoneGrid
from rasteret_sql.raster.zones.footprint_cache import CACHE

PIECE_PIXELS = 1 << 22
"""Pixels of a zone that are looked at together."""
MASK_BYTES = 32 << 10
"""A larger mask is made when its zone is counted and not kept: a vector may hold 2,048 zones."""


def pieces(window: Window, grid: ZoneGrid) -> Iterator[Window]:
    """The window in parts of about ``PIECE_PIXELS`` that end where tiles do; by rows, then columns."""
    if window.width * window.height <= PIECE_PIXELS:
        yield window
        return
    across = max(1, PIECE_PIXELS // (grid.tile_height * grid.tile_width)) * grid.tile_width
    down = max(1, PIECE_PIXELS // (min(across, window.width) * grid.tile_height)) * grid.tile_height
    for top, height in _cuts(window.y_off, window.height, down):
        for left, width in _cuts(window.x_off, window.width, across):
            yield Window(x_off=left, y_off=top, width=width, height=height)


def _cuts(start: int, length: int, step: int) -> Iterator[tuple[int, int]]:
    """(start, length) of the parts between multiples of ``step``."""
    end = start + length
    while start < end:
        stop = min((start // step + 1) * step, end)
        yield start, stop - start
        start = stop


def footprints(
    grids: Sequence[ZoneGrid], areas: Sequence[Aoi | Window | None], rules: Sequence[Rule]
) -> list[Footprint | None]:
    """The footprint of each area on its grid, None where they do not overlap; no area is all of the grid."""
    if len(set(map(id, grids))) == len(set(map(id, rules))) == 1:  # the zones of one scene
        grid = grids[0]
        place = grid.crs, grid.transform, grid.width, grid.height, rules[0]
        return CACHE.all_of(place, areas, lambda: _footprints(grids, areas, rules))
    return _footprints(grids, areas, rules)


def _footprints(
    grids: Sequence[ZoneGrid], areas: Sequence[Aoi | Window | None], rules: Sequence[Rule]
) -> list[Footprint | None]:
    by_row: list[Footprint | None] = [None] * len(grids)
    waiting: dict[Hashable, list[int]] = {}
    wkbs = _wkbs(areas)
    for row, (grid, area, rule) in enumerate(zip(grids, areas, rules, strict=True)):
        if isinstance(area, Aoi):
            key: Hashable = (
                wkbs[id(area)],
                area.crs,
                grid.crs,
                grid.transform,
                grid.width,
                grid.height,
                rule,
            )
            waiting.setdefault(key, []).append(row)
        else:
            window = clip_window(area, grid.width, grid.height)
            if window is not None:
                by_row[row] = Footprint(window=window, transform=grid.transform)
    for kept, footprint in CACHE.get(waiting).items():
        for row in waiting.pop(kept):
            by_row[row] = footprint
    fresh = list(waiting.items())
    made = _place([(grids[rows[0]], areas[rows[0]], rules[rows[0]]) for _, rows in fresh])
    for (new, rows), footprint in zip(fresh, made, strict=True):
        CACHE.put(new, footprint)
        for row in rows:
            by_row[row] = footprint
    return by_row


def _wkbs(areas: Sequence[Aoi | Window | None]) -> dict[int, bytes]:
    distinct = {id(area): area for area in areas if isinstance(area, Aoi)}
    encoded = shapely.to_wkb(np.array([area.geometry for area in distinct.values()], dtype=object))
    return dict(zip(distinct, encoded.tolist(), strict=True))


def _place(zones: Sequence[tuple[ZoneGrid, Any, Rule]]) -> list[Footprint | None]:
    """Footprints of areas; those that go to one CRS and pixel size are reprojected together."""
    by_zone: list[Footprint | None] = [None] * len(zones)
    groups: dict[tuple[str, float], list[int]] = {}
    for number, (grid, area, _) in enumerate(zones):
        crs = require_crs(grid.crs, grid.name, grid.note)
        require_on_globe(area, crs, grid.transform, grid.height)
        groups.setdefault((crs, pixel_tolerance(grid.transform)), []).append(number)
    for (crs, tolerance), numbers in groups.items():
        first = zones[numbers[0]][0]
        with naming(first.name):
            near = [zones[n][0] for n in numbers]
            moved = project_all([zones[n][1] for n in numbers], crs, tolerance=tolerance, near=near)
        for number, geometry in zip(numbers, moved, strict=True):
            grid, _, rule = zones[number]
            if isinstance(geometry, ArgumentError):
                with naming(grid.name):
                    raise geometry
            by_zone[number] = _footprint(geometry, grid, rule)
    return by_zone


def _footprint(geometry: Any, grid: ZoneGrid, rule: Rule) -> Footprint | None:
    if rule.coverage:
        require_area(geometry)
    last: Footprint | None = None
    on_grid = places(geometry, grid.crs or "", grid.transform, grid.width, grid.height)
    for place in reversed(on_grid):
        last = _footprint_at(place, grid, rule, last)
    return last


def _footprint_at(place: Place, grid: ZoneGrid, rule: Rule, beyond: Footprint | None) -> Footprint:
    geometry, window = place.geometry, place.window
    own = window_transform(grid.transform, window)
    large = window.width * window.height * (8 if rule.coverage else 1) > MASK_BYTES
    if rule.coverage:
        if large:
            return Footprint(window=window, geometry=geometry, transform=grid.transform, beyond=beyond)
        covered: Cover = fractions(geometry, grid.transform, window)
    else:
        drawn = outline(geometry, own, window.height, window.width, all_touched=rule.all_touched)
        if large:
            shapely.prepare(geometry)
            return Footprint(
                window=window, outline=drawn, geometry=geometry, transform=grid.transform, beyond=beyond
            )
        covered = drawn.burn(Window(x_off=0, y_off=0, width=window.width, height=window.height))
    covered.flags.writeable = False
    full = covered.dtype == np.bool_ and bool(covered.all())
    whole = None if full else covered
    return Footprint(window=window, whole=whole, transform=grid.transform, beyond=beyond)
