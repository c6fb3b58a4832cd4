"""Chips as values: pixels in memory with where they lie, which are valid, and what they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.cog.header import Header
from rasteret_sql.cog.window import Affine, Window, clip_window, window_bounds, window_transform
from rasteret_sql.raster import chip as reading
from rasteret_sql.raster.aoi import Aoi
from rasteret_sql.raster.band_facts import UNKNOWN, BandFacts, facts_of
from rasteret_sql.raster.chip import ChipPlan, pixel_bytes
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.plan import Planner, ReadRequest, area_in, pick_band_numbers
from rasteret_sql.raster.rasterize import covers_grid, inside
from rasteret_sql.raster.window import geometry_window


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

    @property
    def window(self) -> Window:
        """All of the chip."""
        _, rows, columns = self.pixels.shape
        return Window(x_off=0, y_off=0, width=columns, height=rows)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in ``crs``."""
        return window_bounds(self.transform, self.window)


@dataclass(frozen=True, kw_only=True)
class _Planned:
    row: int
    header: Header
    level: int
    plan: ChipPlan


def read_each(
    headers: Sequence[Header | None], requests: Sequence[ReadRequest | None], *, together: bool = False
) -> Iterator[tuple[int, Chip]]:
    """Number and chip of each raster with a request; those that do not overlap are left out.

    Chips come file by file, in no other order, and a few at a time are in memory: at most ``GROUP_BYTES`` of
    pixels, or one chip. The first error is raised. ``together``: see ``ChipPlan``.
    """
    planner, planned = Planner(), []
    for row, (header, request) in enumerate(zip(headers, requests, strict=True)):
        found = None if header is None or request is None else planner.chip(header, request)
        if found is not None and header is not None:
            plan = reading.together(found[1]) if together else found[1]
            planned.append(_Planned(row=row, header=header, level=found[0], plan=plan))
    planned.sort(key=lambda p: (p.header.href, p.level, p.plan.window.y_off, p.plan.window.x_off))
    for group in groups(planned, lambda one: pixel_bytes(one.plan)):
        yield from _read(group)


def _read(group: Sequence[_Planned]) -> Iterator[tuple[int, Chip]]:
    plans = [one.plan for one in group]
    _, arrays = reading.allocate(plans)
    valid, errors = reading.read_chips(plans, arrays)
    for error in errors:
        if error is not None:
            raise error
    for one, pixels, mask in zip(group, arrays, valid, strict=True):
        window = one.plan.window
        yield (
            one.row,
            Chip(
                pixels=pixels,
                valid=None if mask is None else mask.view(np.bool_),
                transform=one.plan.transform,
                crs=one.header.crs,
                nodata=one.plan.nodata,
                href=one.header.href,
                bands=tuple(band + 1 for band in one.plan.bands),
                level=one.level,
                x_off=window.x_off,
                y_off=window.y_off,
                facts=facts_of(one.header, one.plan.bands),
            ),
        )


def clip(chip: Chip, request: ReadRequest) -> Chip | None:
    """What a request takes of a chip; None where they do not overlap. Pixels are a view where they can be.

    A window counts pixels of the chip. ``level`` and ``resolution`` belong to files and are not looked at.
    """
    name = chip.href or "the chip"
    columns, rows = chip.window.width, chip.window.height
    geometry = None
    if isinstance(request.area, Aoi):
        geometry = area_in(chip.crs, request.area, chip.transform, name)
        window = geometry_window(geometry, chip.transform, columns, rows)
    else:
        window = clip_window(request.area, columns, rows)
    if window is None:
        return None
    rows_slice = slice(window.y_off, window.y_off + window.height)
    columns_slice = slice(window.x_off, window.x_off + window.width)
    pixels, bands, facts = chip.pixels[:, rows_slice, columns_slice], chip.bands, chip.facts
    if request.bands is not None:
        chosen = pick_band_numbers(request.bands, len(chip.pixels), (), name)
        pixels = pixels[list(chosen)]
        bands, facts = tuple(bands[i] for i in chosen) if bands else (), facts.of(chosen)
    valid = None if chip.valid is None else chip.valid[rows_slice, columns_slice]
    own = window_transform(chip.transform, window)
    if geometry is not None and not covers_grid(geometry, own, window.height, window.width):
        covered = inside(geometry, own, window.height, window.width, all_touched=request.all_touched)
        valid = covered if valid is None else valid & covered
    return replace(
        chip,
        pixels=pixels,
        valid=valid,
        transform=own,
        bands=bands,
        facts=facts,
        x_off=None if chip.x_off is None else chip.x_off + window.x_off,
        y_off=None if chip.y_off is None else chip.y_off + window.y_off,
    )
