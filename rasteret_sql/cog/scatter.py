"""Where a block's pixels go: from a decoded block, or part of one, into the windows that want it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rasteret_sql.cog.cache import Piece
from rasteret_sql.cog.selection import Selection
from rasteret_sql.cog.window import Window

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class WindowRead:
    """One window to read into ``out``, shaped ``(len(bands), window.height, window.width)``."""

    selection: Selection
    window: Window
    bands: tuple[int, ...]
    """From 0, in the order wanted."""
    out: Pixels
    fill: float | int
    """What sparse blocks hold: nodata, else 0."""


class Target(NamedTuple):
    """The rows and columns of ``out`` and of the block that cover each other."""

    plane: int
    rows: slice
    columns: slice
    block_rows: slice
    block_columns: slice
    partly: bool
    """The block reaches beyond the window, and not only beyond the image."""


def target_of(read: WindowRead, block: int) -> Target:
    """Where one of the blocks that a read selects lies in its window."""
    chosen, window = read.selection, read.window
    plane, row, column = chosen.place(block)
    y, x = row * chosen.tile_height - window.y_off, column * chosen.tile_width - window.x_off
    inside_y = min(chosen.tile_height, chosen.height - row * chosen.tile_height)
    inside_x = min(chosen.tile_width, chosen.width - column * chosen.tile_width)
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + inside_y, window.height), min(x + inside_x, window.width)
    return Target(
        plane=plane,
        rows=slice(top, bottom),
        columns=slice(left, right),
        block_rows=slice(top - y, bottom - y),
        block_columns=slice(left - x, right - x),
        partly=(bottom - top, right - left) != (inside_y, inside_x),
    )


def _wanted(read: WindowRead, plane: int) -> Iterable[tuple[int, int]]:
    """(band of ``out``, sample of the block) for the bands that a block of this plane holds."""
    for position, band in enumerate(read.bands):
        if read.selection.interleave != "band":
            yield position, band
        elif band == plane:
            yield position, 0


def scatter(read: WindowRead, block: int, piece: Piece) -> None:
    """Copy what the window wants of one block; ``piece`` covers it."""
    target = target_of(read, block)
    rows = slice(target.block_rows.start - piece.part.top, target.block_rows.stop - piece.part.top)
    for position, sample in _wanted(read, target.plane):
        wanted = piece.pixels[rows, target.block_columns, sample]
        read.out[position, target.rows, target.columns] = wanted


def fill(read: WindowRead, block: int) -> None:
    """Fill where a sparse block lies."""
    target = target_of(read, block)
    for position, _ in _wanted(read, target.plane):
        read.out[position, target.rows, target.columns] = np.array(read.fill).astype(read.out.dtype)
