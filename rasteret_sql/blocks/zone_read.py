"""The pixels of many shapes out of blocks: where each shape lies in which block, and what is taken of it.

What a window read computes for every window of every file is computed once for all shapes and all files
that share a grid; a decoded block then gives each shape its pixels by one indexed read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats
from rasteret_sql.blocks.block_cache import Piece
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.codec.part import Part
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Level

Shape = tuple[Window, Bools | Floats | None]
"""A window inside its level, and which of its pixels are wanted, or by how much; None: all, wholly."""


class Patch(NamedTuple):
    """The pixels of one shape in one block."""

    top: int
    bottom: int
    columns: slice
    """Rows and columns of the block."""
    mask: Bools | None
    """Which of these are wanted; None: all."""
    start: int
    stop: int
    """Where they go among the pixels of all shapes."""


@dataclass(frozen=True, kw_only=True)
class Patches:
    """Many shapes in the blocks of one level; the pixels of a shape follow each other, block by block."""

    cells: npt.NDArray[np.int64]
    """Distinct cells of the grid of blocks, ascending: ``row * across + column``."""
    of: dict[int, tuple[Part, list[Patch]]]
    """By cell: what of the block is needed, and who wants it."""
    bounds: npt.NDArray[np.int64]
    """Where the pixels of each shape begin, and the end."""
    weights: Floats | None
    """By how much each pixel is wanted; None: wholly."""
    grid: int
    """Cells of the whole level: blocks of a plane."""


def by_block(level: Level, shapes: Sequence[Shape], *, weighted: bool) -> Patches:
    """Cut shapes where blocks end; ``weighted``: pixels are wanted by fractions."""
    patches_of: dict[int, list[Patch]] = {}
    parts: list[Floats] = []
    at, bounds = 0, [0]
    for window, cover in shapes:
        for cell, top, bottom, columns, there in _cut(level, window):
            own = None if cover is None else cover[there]
            mask = None if own is None else own > 0
            count = (bottom - top) * (columns.stop - columns.start)
            if mask is not None:
                count = int(np.count_nonzero(mask))
            if count:
                patch = Patch(top, bottom, columns, mask, at, at + count)
                patches_of.setdefault(cell, []).append(patch)
                at = patch.stop
                if weighted:
                    fractions = np.ones(count) if own is None else own[mask]
                    parts.append(fractions.astype(np.float64, copy=False))
        bounds.append(at)
    return Patches(
        cells=np.array(sorted(patches_of), np.int64),
        of={cell: (_part(patches), patches) for cell, patches in patches_of.items()},
        bounds=np.array(bounds, np.int64),
        weights=np.concatenate(parts) if parts else None,
        grid=level.image.across * level.image.down,
    )


def _cut(level: Level, window: Window) -> Iterator[tuple[int, int, int, slice, tuple[slice, slice]]]:
    """Of every block that the window meets: its cell, first row, end and columns; and these in the window."""
    high, wide = level.tile_height, level.tile_width
    top, left = window.y_off, window.x_off
    bottom, right = top + window.height, left + window.width
    for row in range(top // high, (bottom - 1) // high + 1):
        y = row * high
        first, last = max(top, y), min(bottom, y + high)
        for column in range(left // wide, (right - 1) // wide + 1):
            x = column * wide
            begin, end = max(left, x), min(right, x + wide)
            there = slice(first - top, last - top), slice(begin - left, end - left)
            cell = row * level.image.across + column
            yield cell, first - y, last - y, slice(begin - x, end - x), there


def _part(patches: Sequence[Patch]) -> Part:
    return Part(
        min(patch.top for patch in patches),
        max(patch.bottom for patch in patches),
        max(patch.columns.stop for patch in patches),
    )


@dataclass(frozen=True, kw_only=True)
class PatchRead:
    """The pixels of many shapes of one band to read into ``out`` (a ``BlockRead``)."""

    selection: Selection
    """The blocks of the band in all cells of ``patches``."""
    patches: Patches
    sample: int
    """Of the pixels of a decoded block: the band from 0, or 0 where a block holds one band."""
    out: npt.NDArray[Any]
    fill: float | int
    """What sparse blocks hold."""

    def part_of(self, block: int) -> tuple[Part, bool]:
        return self.patches.of[block % self.patches.grid][0], True

    def places(self, block: int) -> None:
        """``take`` adds pixels up."""

    def take(self, block: int, piece: Piece) -> None:
        pixels, above = piece.pixels[:, :, self.sample], piece.part.top
        for top, bottom, columns, mask, start, stop in self.patches.of[block % self.patches.grid][1]:
            own = pixels[top - above : bottom - above, columns]
            self.out[start:stop] = own.reshape(-1) if mask is None else own[mask]

    def take_fill(self, block: int) -> None:
        value = np.array(self.fill).astype(self.out.dtype)
        for patch in self.patches.of[block % self.patches.grid][1]:
            self.out[patch.start : patch.stop] = value
