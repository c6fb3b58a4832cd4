"""From a header and an area of interest to the chip that a read would fetch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.blocks.selection import (
    Selection,
    StoredLevel,
    mask_sample,
    select,
    stored_level,
)
from rasteret_sql.blocks.support import naming
from rasteret_sql.codec.block import require_supported
from rasteret_sql.codec.size import has_size, require_size
from rasteret_sql.errors import ArgumentError, RasteretError, UnsupportedError, value_or_raise
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.crs import turn_of
from rasteret_sql.geo.geometry_window import geometry_window, geometry_windows
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.reprojection.reproject import project, project_simple
from rasteret_sql.geo.turns import places, union
from rasteret_sql.geo.window import Affine, Window, clip_window, window_transform
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.nodata import applies
from rasteret_sql.raster.read.chip_plan import ChipPlan
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
        self._rasters: dict[Any, _Raster] = {}
        self._placed: dict[Any, list[_Placed]] = {}
        self._projected: dict[Any, tuple[Aoi, Any, bytes]] = {}
        """Areas (kept, so that their ``id`` stays their own), and these in a CRS: geometry and WKB."""

    def place_all(self, rows: Sequence[tuple[Header, ReadRequest]]) -> None:
        """Place the areas of many rows at once, those that need no more than to be moved into a CRS.

        Others are placed when they are planned, and what is wrong with a row is raised then.
        """
        grids: dict[Any, dict[int, Aoi]] = {}
        for header, request in rows:
            area = request.area
            if not isinstance(area, Aoi) or area.beyond or header.crs is None:
                continue
            try:
                raster = self._raster(header, request)
            except RasteretError:
                continue
            key = (header.crs, raster.transform, raster.level.width, raster.level.height)
            grids.setdefault(key, {})[id(area)] = area
        self._move_all(grids)
        for (crs, transform, width, height), placed in grids.items():
            if turn_of(crs) is None:
                self._window_all(crs, transform, width, height, placed.values())

    def _move_all(self, grids: Mapping[Any, Mapping[int, Aoi]]) -> None:
        """Areas into the CRSs of their rasters, a call for each CRS and size of pixels."""
        moves: dict[tuple[str, float], dict[int, Aoi]] = {}
        for (crs, transform, *_), placed in grids.items():
            moves.setdefault((crs, pixel_tolerance(transform)), {}).update(placed)
        for (crs, tolerance), move in moves.items():
            areas = list(move.values())
            try:
                geometries = project_simple(areas, crs, tolerance=tolerance)
            except RasteretError:
                continue
            for area, geometry in zip(areas, geometries, strict=True):
                if not isinstance(geometry, RasteretError):
                    self._projected[id(area), crs, tolerance] = area, geometry, shapely.to_wkb(geometry)

    def _window_all(self, crs: str, transform: Affine, width: int, height: int, areas: Iterable[Aoi]) -> None:
        tolerance = pixel_tolerance(transform)
        moved = [self._projected.get((id(area), crs, tolerance)) for area in areas]
        there = [one for one in moved if one is not None and one[1] is not None]
        geometries = np.array([geometry for _, geometry, _ in there], dtype=object)
        windows = geometry_windows(geometries, transform, width, height)
        for (area, _, wkb), window in zip(there, windows, strict=True):
            key = (id(area), crs, transform, width, height)
            self._placed[key] = (
                []
                if window is None
                else [
                    _Placed(area=area, window=window, aoi=wkb, transform=window_transform(transform, window))
                ]
            )

    def chips(self, header: Header, request: ReadRequest) -> list[tuple[int, ChipPlan]]:
        """The level that is read and the plan of the chip; none where area and raster do not overlap.

        Two where the area lies across the ends of a global raster: one at each end.
        """
        raster = self._raster(header, request)
        return [
            (raster.number, _chip(raster, placed, request)) for placed in self._place(raster, request.area)
        ]

    def chip(self, header: Header, request: ReadRequest) -> tuple[int, ChipPlan] | None:
        """The same as one chip: across the ends of a global raster it is as wide as the raster."""
        raster = self._raster(header, request)
        placed = self._place(raster, request.area)
        if not placed:
            return None
        return raster.number, _chip(raster, placed[0] if len(placed) == 1 else _wide(raster, placed), request)

    def _raster(self, header: Header, request: ReadRequest) -> _Raster:
        key = (id(header), request.level, request.resolution, request.bands)
        raster = self._rasters.get(key)
        if raster is None:
            number = pick_level(header, request.level, request.resolution)
            raster = self._rasters[key] = _Raster(
                header=header,
                number=number,
                level=header.levels[number],
                bands=pick_bands(header, request.bands),
                transform=header.level_transform(number),
            )
        return raster

    def _place(self, raster: _Raster, area: Aoi | Window | None) -> list[_Placed]:
        header, transform, level = raster.header, raster.transform, raster.level
        own = id(area) if isinstance(area, Aoi) else area
        key = (own, header.crs, transform, level.width, level.height)
        placed = self._placed.get(key)
        if placed is None:
            if isinstance(area, Aoi):
                geometry, aoi = self._in_crs(area, raster)
                placed = [
                    _Placed(
                        area=area,
                        window=place.window,
                        aoi=aoi if place.geometry is geometry else shapely.to_wkb(place.geometry),
                        transform=window_transform(transform, place.window),
                    )
                    for place in places(geometry, header.crs or "", transform, level.width, level.height)
                ]
            else:
                window = clip_window(area, level.width, level.height)
                placed = []
                if window is not None:
                    own_transform = window_transform(transform, window)
                    placed = [_Placed(area=area, window=window, aoi=None, transform=own_transform)]
            self._placed[key] = placed
        return placed

    def _in_crs(self, area: Aoi, raster: _Raster) -> tuple[Any, bytes]:
        """The same for all grids of one CRS and one size of pixels, unless it has no image as a whole."""
        header, tolerance = raster.header, pixel_tolerance(raster.transform)
        require_on_globe(area, header.crs, raster.transform, raster.level.height)
        key: Any = id(area), header.crs, tolerance
        if key not in self._projected:
            crs = require_crs(header.crs, header.href, header.crs_note)
            with naming(header.href):
                (geometry,) = project_simple([area], crs, tolerance=tolerance)
                self._projected[key] = (area, value_or_raise(geometry), shapely.to_wkb(geometry))
        if self._projected[key][1] is None:
            key = (*key, raster.grid)
            if key not in self._projected:
                geometry = area_in(area, raster.grid, header.href, header.crs_note)
                self._projected[key] = (area, geometry, shapely.to_wkb(geometry))
        return self._projected[key][1:]


@dataclass(frozen=True, kw_only=True)
class _Raster:
    """A raster as a request reads it, whatever the area; what cannot be read raises when it is requested."""

    header: Header
    """Kept, so that its ``id`` stays its own."""
    number: int
    level: Level
    bands: tuple[int, ...]
    transform: Affine

    @property
    def grid(self) -> Grid:
        return Grid(
            crs=self.header.crs, transform=self.transform, width=self.level.width, height=self.level.height
        )

    @cached_property
    def alpha(self) -> int | None:
        return deciding_alpha(self.header, self.number)

    @cached_property
    def needed(self) -> tuple[int, ...]:
        return self.bands if self.alpha is None else (*self.bands, self.alpha)

    @cached_property
    def stored(self) -> StoredLevel:
        return _supported(stored_level(self.header, self.level))

    @cached_property
    def stored_mask(self) -> StoredLevel:
        assert self.level.mask is not None, "asked of a level with a mask"
        return _supported(stored_level(self.header, self.level.mask))


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """An area on a grid."""

    area: Aoi | Window | None
    """Kept, so that its ``id`` stays its own."""
    window: Window
    aoi: bytes | None
    """WKB in the raster's CRS."""
    transform: Affine
    """Of the window."""
    _blocks: dict[Any, npt.NDArray[np.int64]] = field(default_factory=dict)

    def select(self, stored: StoredLevel, level: Level, bands: tuple[int, ...]) -> Selection:
        """The blocks of the window; their numbers are the same for all rasters in tiles of one size."""
        image = stored.image
        planes = bands if image.interleave == "band" else ()
        key = (image.tile_width, image.tile_height, planes)
        blocks = self._blocks.get(key)
        if blocks is None:
            blocks = self._blocks[key] = image.blocks(self.window, bands)
        return select(stored, level, blocks)


def _chip(raster: _Raster, placed: _Placed, request: ReadRequest) -> ChipPlan:
    selection = placed.select(raster.stored, raster.level, raster.needed)
    mask = None
    if raster.level.mask is not None:
        samples = tuple(dict.fromkeys(mask_sample(raster.header.mask_bands, band) for band in raster.bands))
        mask = placed.select(raster.stored_mask, raster.level.mask, samples)
    for part in (selection, mask):
        if part is not None:
            _refuse_large(part)
    return ChipPlan(
        selection=selection,
        window=placed.window,
        bands=raster.bands,
        transform=placed.transform,
        nodata=raster.header.nodata,
        alpha_band=raster.alpha,
        mask=mask,
        aoi=placed.aoi,
        all_touched=request.all_touched,
    )


def _wide(raster: _Raster, placed: Sequence[_Placed]) -> _Placed:
    """The places of an area in one window."""
    geometry = union([shapely.from_wkb(one.aoi) for one in placed])
    window = geometry_window(geometry, raster.transform, raster.level.width, raster.level.height)
    assert window is not None, "each of the places overlaps the raster"
    return _Placed(
        area=placed[0].area,
        window=window,
        aoi=shapely.to_wkb(geometry),
        transform=window_transform(raster.transform, window),
    )


def plan_chip(header: Header, request: ReadRequest) -> tuple[int, ChipPlan] | None:
    """One chip; see ``Planner.chip``."""
    return Planner().chip(header, request)


def deciding_alpha(header: Header, level_number: int) -> int | None:
    """The alpha band (from 0) where it decides which pixels are valid.

    GDAL's order: an internal mask does, else nodata, else alpha. ``UnsupportedError`` where the raster has a
    mask, and this level of it has none.
    """
    if header.levels[level_number].mask is not None:
        return None
    if any(other.mask is not None for other in header.levels):
        raise UnsupportedError(
            f"{display_href(header.href)} has an internal mask, but none for level {level_number}: it is "
            "not known "
            f"which of its pixels are valid; read level {_masked_levels(header)}, or say resolution :="
        )
    return None if applies(header.dtype, header.nodata) else header.alpha_band


def _masked_levels(header: Header) -> str:
    return " or ".join(str(number) for number, _ in header.choices)


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


def refuse_unsupported(selection: Selection) -> None:
    """Raise for blocks that this version does not read, or that are too large; the file is named."""
    _supported(selection.stored)
    _refuse_large(selection)


def _supported(stored: StoredLevel) -> StoredLevel:
    with naming(stored.href):
        require_supported(stored.image.block)
    return stored


def _refuse_large(selection: Selection) -> None:
    most = int(np.maximum.reduce(selection.byte_counts, initial=0))
    # a sparse block costs nothing, whatever its size
    if most and not has_size(selection.stored.image.block, most):
        with naming(selection.stored.href):
            require_size(selection.stored.image.block, most)
