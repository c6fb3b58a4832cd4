"""Where a block's pixels go: from a decoded block, or part of one, into the windows that want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from rasteret_sql.arrays import Pixels
from rasteret_sql.blocks.block_cache import Piece
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.codec.native.decoding import Place
from rasteret_sql.codec.part import Part
from rasteret_sql.geo.window import Window


class BlockRead(Protocol):
    """What one read takes of the blocks that it selects; ``take`` is called from many threads at once."""

    @property
    def selection(self) -> Selection:
        """The blocks, and what it takes to decode them."""

    def part_of(self, block: int) -> tuple[Part, bool]:
        """What of a block is needed, and whether a neighbouring read may want the rest of it."""

    def places(self, block: int) -> Sequence[Place] | None:
        """Where the pixels of one block go as they are; None where ``take`` makes something of them."""

    def take(self, block: int, piece: Piece) -> None:
        """Copy what is wanted of one block; ``piece`` covers the part that was needed."""

    def take_fill(self, block: int) -> None:
        """The same of a sparse block, which holds the fill value alone."""


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

    def part_of(self, block: int) -> tuple[Part, bool]:
        target = target_of(self, block)
        part = Part(target.block_rows.start, target.block_rows.stop, target.block_columns.stop)
        return part, target.partly

    def places(self, block: int) -> Sequence[Place] | None:
        if (
            self.out.dtype != self.selection.stored.image.block.dtype
            or self.out.strides[2] != self.out.itemsize
        ):
            return None
        target = target_of(self, block)
        rows, columns = target.block_rows, target.block_columns
        return [
            Place(
                *(rows.start, rows.stop, columns.start, columns.stop, sample),
                self.out[position, target.rows, target.columns],
            )
            for position, sample in _wanted(self, target.plane)
        ]

    def take(self, block: int, piece: Piece) -> None:
        target = target_of(self, block)
        rows = slice(target.block_rows.start - piece.part.top, target.block_rows.stop - piece.part.top)
        for position, sample in _wanted(self, target.plane):
            wanted = piece.pixels[rows, target.block_columns, sample]
            self.out[position, target.rows, target.columns] = wanted

    def take_fill(self, block: int) -> None:
        target = target_of(self, block)
        for position, _ in _wanted(self, target.plane):
            self.out[position, target.rows, target.columns] = np.array(self.fill).astype(self.out.dtype)


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
    image, window = read.selection.stored.image, read.window
    plane, row, column = image.place(block)
    y, x = row * image.tile_height - window.y_off, column * image.tile_width - window.x_off
    inside_y = min(image.tile_height, image.height - row * image.tile_height)
    inside_x = min(image.tile_width, image.width - column * image.tile_width)
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
        if read.selection.stored.image.interleave != "band":
            yield position, band
        elif band == plane:
            yield position, 0
