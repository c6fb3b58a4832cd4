"""How long blocks are where the tags omit it or are visibly wrong, computed as libtiff does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rasteret_sql.arrays import UInt64s
from rasteret_sql.errors import MalformedError
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.block_grid import BlockGrid
from rasteret_sql.tiff.buffer import MAX_FILE_BYTES
from rasteret_sql.tiff.directory import Values
from rasteret_sql.tiff.grid import read_bits

NextPosition = Callable[[int], int | None]
"""Where the next thing begins that the file's directories know of, or the file ends; None where neither is
known."""


def complete_byte_counts(
    values: Values, grid: BlockGrid, offsets: UInt64s, counts: UInt64s | None, next_position: NextPosition
) -> UInt64s:
    """The byte counts of all blocks, with lengths computed where StripByteCounts leaves them open.

    Without the tag the blocks are uncompressed, or there is one for each plane. A single block that has an
    offset and no length is not sparse, and a single uncompressed strip is as long as its pixels take,
    whatever the tag says; scanners and old writers leave such files.
    """
    uncompressed = values.integer(tags.COMPRESSION, 1) == 1
    if counts is None:
        if uncompressed:
            return _uncompressed(values, grid)
        if grid.block_count != grid.plane_count:
            raise MalformedError(
                f"{values.directory.place}: {tags.tag_label(grid.counts_tag)} is missing, and only the sizes "
                "of uncompressed blocks follow from the other tags"
            )
        return _measured(values, grid, offsets, next_position)
    if grid.block_count != 1 or not offsets[0]:
        return counts
    if uncompressed and not (grid.tiled and counts[0]):
        missing, size = _uncompressed(values, grid), values.buffer.size
        beyond = size is not None and int(offsets[0]) + int(counts[0]) > size
        return missing if counts[0] < missing[0] or beyond else counts
    return counts if counts[0] else _measured(values, grid, offsets, next_position)


def _measured(values: Values, grid: BlockGrid, offsets: UInt64s, next_position: NextPosition) -> UInt64s:
    """From each block to the next thing in the file."""
    counts = []
    for offset in offsets.tolist():
        end = next_position(offset)
        if end is None or not offset:
            raise MalformedError(
                f"{values.directory.place}: {tags.tag_label(grid.counts_tag)} does not give the length of the"
                f" block at byte {offset:,}, and neither does what follows it in the file"
            )
        counts.append(max(0, end - offset))
    return np.array(counts, np.uint64)


def _uncompressed(values: Values, grid: BlockGrid) -> UInt64s:
    """What uncompressed blocks take (TIFF 6.0, section 3): rows padded to bytes, a short last strip."""
    samples = 1 if grid.interleave == "band" else grid.band_count
    row_bytes = -(-grid.tile_width * samples * read_bits(values) // 8)
    block_bytes = row_bytes * grid.tile_height
    if block_bytes > MAX_FILE_BYTES:
        raise MalformedError(
            f"{values.directory.place}: one uncompressed block of {grid.tile_width} x {grid.tile_height} "
            f"takes {block_bytes:,} bytes, more than any file has"
        )
    counts = np.full(grid.block_count, block_bytes, np.uint64)
    if not grid.tiled:
        last_rows = grid.height - (grid.blocks_down - 1) * grid.tile_height
        counts[grid.blocks_down - 1 :: grid.blocks_down] = row_bytes * last_rows
    return counts
