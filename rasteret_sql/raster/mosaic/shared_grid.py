"""Chips that lie on one pixel grid, and the grid that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.crs import transformer
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.window import Affine, Window, corners, window_transform
from rasteret_sql.raster.chip import Chip
from rasteret_sql.store.redact import display_href

TOLERANCE = 1e-3
"""Part of a pixel that a corner may lie off the grid: far above the rounding of affines, far below a half."""
ADVICE = "bring them to one grid first: RS_ReprojectMatch, or read_cog(…, crs := …, resolution := …)"


@dataclass(frozen=True, kw_only=True)
class SharedGrid:
    """The smallest grid of whole pixels that holds every chip."""

    transform: Affine
    width: int
    height: int
    windows: tuple[Window, ...]
    """Where each chip lies in it."""


def shared_grid(chips: Sequence[Chip]) -> SharedGrid:
    """The union of the chips' extents on the grid of the first.

    ArgumentError names two chips whose CRS, pixel size, rotation or offset differ, and says what to do.
    """
    first = chips[0]
    windows = [_window(first, chip, number) for number, chip in enumerate(chips, start=1)]
    left, top = min(w.x_off for w in windows), min(w.y_off for w in windows)
    whole = Window(
        x_off=left,
        y_off=top,
        width=max(w.x_off + w.width for w in windows) - left,
        height=max(w.y_off + w.height for w in windows) - top,
    )
    return SharedGrid(
        transform=window_transform(first.transform, whole),
        width=whole.width,
        height=whole.height,
        windows=tuple(
            Window(x_off=w.x_off - left, y_off=w.y_off - top, width=w.width, height=w.height) for w in windows
        ),
    )


def _window(first: Chip, chip: Chip, number: int) -> Window:
    """Where a chip lies in pixels of the first one."""
    if not _same_crs(first.crs, chip.crs):
        raise ArgumentError(
            f"chip 1 {_of(first)} has CRS {_crs(first.crs)} and chip {number} {_of(chip)} {_crs(chip.crs)}; "
            f"{ADVICE}"
        )
    a, b, c, d, e, f = first.transform
    determinant = a * e - b * d
    if not determinant:
        raise ArgumentError(f"chip 1 {_of(first)} has transform {list(first.transform)}: it has no area")
    places = [
        ((e * (x - c) - b * (y - f)) / determinant, (a * (y - f) - d * (x - c)) / determinant)
        for x, y in corners(chip.transform, chip.window)
    ]
    x_off, y_off = (round(value) for value in places[0])
    width, height = chip.window.width, chip.window.height
    expected = [(x_off + x, y_off + y) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]
    off = max(
        max(abs(x - right), abs(y - below)) for (x, y), (right, below) in zip(places, expected, strict=True)
    )
    if not off <= TOLERANCE:
        raise ArgumentError(
            f"chip 1 {_of(first)} has the pixel grid {list(first.transform)} and chip {number} {_of(chip)} "
            f"{list(chip.transform)}, up to {off:.3g} pixels beside it; {ADVICE}"
        )
    return Window(x_off=x_off, y_off=y_off, width=width, height=height)


def _same_crs(one: str | None, other: str | None) -> bool:
    if one is None or other is None or one == other:
        return one == other
    return transformer(one, other) is None


def _crs(crs: str | None) -> str:
    return "NULL" if crs is None else repr(shorten(crs))


def _of(chip: Chip) -> str:
    """The file of a chip, where it has one, for a message."""
    return "(made of others)" if chip.href is None else f"({display_href(chip.href)})"
