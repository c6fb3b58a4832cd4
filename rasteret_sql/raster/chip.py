"""Chips as values: pixels in memory with where they lie, which are valid, and what they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Pixels
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.rasterize import covers_grid, inside
from rasteret_sql.geo.turns import meet_at_seam, merged, places
from rasteret_sql.geo.window import Affine, Window, clip_window, window_bounds, window_transform
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.scaling import Scaling, scaling_of
from rasteret_sql.raster.band_facts import UNKNOWN, BandFacts, facts_of
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read import chip_plan
from rasteret_sql.raster.read import chips as reading
from rasteret_sql.raster.read.chip_plan import ChipPlan, pixel_bytes
from rasteret_sql.raster.read.plan import Planner, ReadRequest, area_in, pick_bands


@dataclass(frozen=True, kw_only=True)
class Chip:
    """The pixels of one raster inside one window."""

    pixels: npt.NDArray[Any]
    """``(bands, rows, columns)``"""
    valid: npt.NDArray[np.bool_] | None
    """``(rows, columns)``, True = usable; None when all are."""
    transform: Affine
    """Of the chip's own pixels."""
    crs: str | None
    nodata: float | None
    href: str | None = None
    bands: tuple[int, ...] = ()
    """Numbers in the file from 1, in the order of ``pixels``."""
    level: int | None = None
    x_off: int | None = None
    y_off: int | None = None
    """First column and row in the level of the file; None where the pixels are not the file's own."""
    facts: BandFacts = UNKNOWN
    """Of its bands."""

    def scaling(self, band: int) -> Scaling | None:
        """Scale and offset of a band (from 0, as it was read); None where pixels are physical values."""
        return scaling_of(self.facts.scales, self.facts.offsets, band)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.href or "the chip"

    @property
    def crs_note(self) -> None:
        """Nothing is known of why a chip has no CRS."""

    @property
    def band_count(self) -> int:
        return len(self.pixels)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Of its bands; empty where none is known."""
        return self.facts.band_names or ()

    @property
    def dtype(self) -> str:
        return str(self.pixels.dtype.name)

    def tile_size(self, level: int) -> tuple[int, int]:
        """A row: its pixels lie one after the other."""
        return self.pixels.shape[2], 1

    def has_mask(self, level: int) -> bool:
        """``valid`` says it."""
        return True

    @property
    def window(self) -> Window:
        """All of the chip."""
        _, rows, columns = self.pixels.shape
        return Window(x_off=0, y_off=0, width=columns, height=rows)

    def grid(self, level: int = 0) -> Grid:
        """Where its pixels lie."""
        _, rows, columns = self.pixels.shape
        return Grid(crs=self.crs, transform=self.transform, width=columns, height=rows)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in ``crs``."""
        return window_bounds(self.transform, self.window)


@dataclass(frozen=True, kw_only=True)
class _Planned:
    row: int
    header: Header
    level: int
    plans: tuple[ChipPlan, ...]
    """One; or two whose pixels meet at the ends of a global raster."""


def read_each(
    headers: Sequence[Header | None], requests: Sequence[ReadRequest | None], *, together: bool = False
) -> Iterator[tuple[int, Chip]]:
    """Number and chip of each raster with a request; those that do not overlap are left out.

    Chips come file by file, in no other order, and a few at a time are in memory: at most ``group_bytes()``
    of pixels, or one chip. The first error is raised. ``together``: see ``ChipPlan``.
    """
    planner, planned = Planner(), list[_Planned]()
    for row, (header, request) in enumerate(zip(headers, requests, strict=True)):
        if header is not None and request is not None:
            planned += _plans(planner, row, header, request, together=together)
    planned.sort(key=lambda p: (p.header.href, p.level, p.plans[0].window.y_off, p.plans[0].window.x_off))
    for group in groups(planned, lambda one: sum(map(pixel_bytes, one.plans))):
        yield from _read(group)


def _plans(
    planner: Planner, row: int, header: Header, request: ReadRequest, *, together: bool
) -> Iterator[_Planned]:
    planned = planner.chips(header, request)
    if len(planned) > 1:
        level = planned[0][0]
        if not meet_at_seam(
            [plan.window for _, plan in planned],
            header.crs,
            header.level_transform(level),
            header.levels[level].width,
        ):
            wide = planner.chip(header, request)
            planned = [] if wide is None else [wide]
    if planned:
        plans = tuple(chip_plan.with_joined_masks(plan) if together else plan for _, plan in planned)
        yield _Planned(row=row, header=header, level=planned[0][0], plans=plans)


def _read(group: Sequence[_Planned]) -> Iterator[tuple[int, Chip]]:
    plans = [plan for one in group for plan in one.plans]
    _, arrays = reading.allocate(plans)
    valid, errors = reading.read_chips(plans, arrays)
    for error in errors:
        if error is not None:
            raise error
    parts = zip(arrays, valid, strict=True)
    for one in group:
        chips = [_chip(one, plan, *next(parts)) for plan in one.plans]
        yield one.row, chips[0] if len(chips) == 1 else _across_seam(*chips)


def _chip(one: _Planned, plan: ChipPlan, pixels: Pixels, mask: npt.NDArray[np.uint8] | None) -> Chip:
    return Chip(
        pixels=pixels,
        valid=None if mask is None else mask.view(np.bool_),
        transform=plan.transform,
        crs=one.header.crs,
        nodata=plan.nodata,
        href=one.header.href,
        bands=tuple(band + 1 for band in plan.bands),
        level=one.level,
        x_off=plan.window.x_off,
        y_off=plan.window.y_off,
        facts=facts_of(one.header, plan.bands),
    )


def _across_seam(first: Chip, last: Chip) -> Chip:
    """One chip of those that begin and end a global raster: from the last columns on into the first."""
    valid = None
    if first.valid is not None or last.valid is not None:
        valid = np.concatenate([_all_valid(chip) for chip in (last, first)], axis=1)
    return replace(last, pixels=np.concatenate([last.pixels, first.pixels], axis=2), valid=valid)


def _all_valid(chip: Chip) -> npt.NDArray[np.bool_]:
    return np.ones(chip.pixels.shape[1:], np.bool_) if chip.valid is None else chip.valid


def clip(chip: Chip, request: ReadRequest) -> Chip | None:
    """What a request takes of a chip; None where they do not overlap. Pixels are a view where they can be.

    A window counts pixels of the chip. ``level`` and ``resolution`` belong to files and are not looked at.
    """
    columns, rows = chip.window.width, chip.window.height
    if request.bands is not None:
        chosen = pick_bands(chip, request.bands)
        bands = tuple(chip.bands[i] for i in chosen) if chip.bands else ()
        chip = replace(chip, pixels=chip.pixels[list(chosen)], bands=bands, facts=chip.facts.of(chosen))
    if not isinstance(request.area, Aoi):
        window = clip_window(request.area, columns, rows)
        return None if window is None else _cut(chip, window)
    geometry = area_in(request.area, chip.grid(), chip.name)
    on_chip = places(geometry, chip.crs or "", chip.transform, columns, rows)
    windows = [place.window for place in on_chip]
    if len(on_chip) > 1 and not meet_at_seam(windows, chip.crs, chip.transform, columns):
        on_chip = merged(on_chip, chip.transform, columns, rows)
    parts = [_inside(_cut(chip, one.window), one.geometry, request.all_touched) for one in on_chip]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else _across_seam(*parts)


def _cut(chip: Chip, window: Window) -> Chip:
    rows_slice = slice(window.y_off, window.y_off + window.height)
    columns_slice = slice(window.x_off, window.x_off + window.width)
    return replace(
        chip,
        pixels=chip.pixels[:, rows_slice, columns_slice],
        valid=None if chip.valid is None else chip.valid[rows_slice, columns_slice],
        transform=window_transform(chip.transform, window),
        x_off=None if chip.x_off is None else chip.x_off + window.x_off,
        y_off=None if chip.y_off is None else chip.y_off + window.y_off,
    )


def _inside(chip: Chip, geometry: Any, all_touched: bool) -> Chip:
    """The chip, valid inside the area only."""
    _, rows, columns = chip.pixels.shape
    if covers_grid(geometry, chip.transform, rows, columns):
        return chip
    covered = inside(geometry, chip.transform, rows, columns, all_touched=all_touched)
    return replace(chip, valid=covered if chip.valid is None else chip.valid & covered)
