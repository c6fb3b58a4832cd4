"""Single pixels out of blocks: which block holds each, and what is taken of it when it is decoded.

Work is by block, not by pixel: pixels are put in the order of their blocks once, for all bands and files that
share a grid, and are then copied out of each decoded block by one indexed read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Integers
from rasteret_sql.blocks.block_cache import Piece
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.codec.part import Part
from rasteret_sql.geotiff.header import Level


@dataclass(frozen=True, kw_only=True)
class BlockedPixels:
    """Pixels of one level in the order of the blocks that hold them."""

    cells: Integers
    """Distinct cells of the grid of blocks, ascending: ``row * across + column``."""
    bounds: Integers
    """Where each cell's pixels begin in the arrays below, and the end."""
    order: Integers
    """Number of each pixel as it was given."""
    rows: Integers
    """Inside its block."""
    columns: Integers
    parts: tuple[Part, ...]
    """What of each cell's block holds its pixels."""
    number_of: dict[int, int]
    """Cell to its place in ``cells``."""
    grid: int
    """Cells of the whole level: blocks of a plane."""

    def __len__(self) -> int:
        return len(self.order)


def by_block(level: Level, rows: Integers, columns: Integers) -> BlockedPixels:
    """Sort pixels of ``level``, all of them inside it, by block."""
    down, row = np.divmod(rows, level.tile_height)
    across, column = np.divmod(columns, level.tile_width)
    cell = down * level.image.across + across
    order = np.argsort(cell, kind="stable")
    sorted_cells = cell[order]
    starts = np.flatnonzero(np.diff(sorted_cells, prepend=-1))
    cells = sorted_cells[starts]
    row, column = row[order], column[order]
    parts: tuple[Part, ...] = ()
    if len(starts):
        tops, bottoms = np.minimum.reduceat(row, starts), np.maximum.reduceat(row, starts) + 1
        rights = np.maximum.reduceat(column, starts) + 1
        parts = tuple(map(Part, tops.tolist(), bottoms.tolist(), rights.tolist()))
    return BlockedPixels(
        cells=cells,
        bounds=np.append(starts, len(order)),
        order=order,
        rows=row,
        columns=column,
        parts=parts,
        number_of={cell: number for number, cell in enumerate(cells.tolist())},
        grid=level.image.across * level.image.down,
    )


@dataclass(frozen=True, kw_only=True)
class PixelRead:
    """Some pixels of one band to read into ``out``, one number per pixel (a ``BlockRead``)."""

    selection: Selection
    """The blocks of the band in all cells of ``pixels``."""
    pixels: BlockedPixels
    sample: int
    """Of the pixels of a decoded block: the band from 0, or 0 where a block holds one band."""
    out: npt.NDArray[Any]
    """In the order in which the pixels were given."""
    fill: float | int
    """What sparse blocks hold."""
    whole: bool
    """Decode whole blocks: further reads of other pixels of theirs are about to come."""

    def part_of(self, block: int) -> tuple[Part, bool]:
        number = self._number(block)
        if not self.whole:
            return self.pixels.parts[number], False
        image = self.selection.stored.image
        return Part(0, image.stored_rows(image.place(block)[1])[0], image.tile_width), False

    def places(self, block: int) -> None:
        """``take`` picks single pixels."""

    def take(self, block: int, piece: Piece) -> None:
        mine = self._slice(block)
        rows, columns = self.pixels.rows[mine] - piece.part.top, self.pixels.columns[mine]
        self.out[self.pixels.order[mine]] = piece.pixels[rows, columns, self.sample]

    def take_fill(self, block: int) -> None:
        self.out[self.pixels.order[self._slice(block)]] = np.array(self.fill).astype(self.out.dtype)

    def _number(self, block: int) -> int:
        return self.pixels.number_of[block % self.pixels.grid]

    def _slice(self, block: int) -> slice:
        number = self._number(block)
        return slice(int(self.pixels.bounds[number]), int(self.pixels.bounds[number + 1]))
