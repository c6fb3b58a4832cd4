"""The block grid of one image, and its tables of offsets and byte counts."""

from __future__ import annotations

from typing import Final

from rasteret_sql.arrays import UInt64s
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.block_grid import BlockGrid
from rasteret_sql.tiff.buffer import Range
from rasteret_sql.tiff.directory import Values
from rasteret_sql.tiff.limits import Allowance

MAX_DIMENSION: Final = (1 << 31) - 1
"""Columns or rows of an image: GDAL's own limit."""

GRID_TAGS: Final = frozenset(
    {
        tags.IMAGE_WIDTH,
        tags.IMAGE_LENGTH,
        tags.SAMPLES_PER_PIXEL,
        tags.ROWS_PER_STRIP,
        tags.PLANAR_CONFIGURATION,
        tags.TILE_WIDTH,
        tags.TILE_LENGTH,
    }
)
"""What ``read_grid`` needs the values of: each fits into its entry."""

TABLES: Final = {
    True: (tags.TILE_OFFSETS, tags.TILE_BYTE_COUNTS),
    False: (tags.STRIP_OFFSETS, tags.STRIP_BYTE_COUNTS),
}


def read_grid(values: Values) -> BlockGrid:
    """The grid that the tags of one image describe (TIFF 6.0, sections 3 and 15)."""
    width, height = _dimension(values, tags.IMAGE_WIDTH), _dimension(values, tags.IMAGE_LENGTH)
    tiled = values.field(tags.TILE_WIDTH) is not None or values.field(tags.TILE_OFFSETS) is not None
    if tiled:
        tile_width = _dimension(values, tags.TILE_WIDTH)
        tile_height = _dimension(values, tags.TILE_LENGTH)
    else:
        tile_width = width
        tile_height = min(_dimension(values, tags.ROWS_PER_STRIP, default=height), height)
    planar = values.integer(tags.PLANAR_CONFIGURATION, 1)
    if planar not in (1, 2):
        raise values.malformed(tags.PLANAR_CONFIGURATION, f"is {planar} where 1 or 2 was expected")
    band_count = values.integer(tags.SAMPLES_PER_PIXEL, 1)
    if not 1 <= band_count <= 0xFFFF:
        raise values.malformed(tags.SAMPLES_PER_PIXEL, f"is {band_count} where 1 to 65535 was expected")
    # Some writers put a tiled image's tables into the tags for strips; libtiff reads either.
    offsets_tag, counts_tag = TABLES[tiled]
    if values.field(offsets_tag) is None and values.field(TABLES[False][0]) is not None:
        offsets_tag, counts_tag = TABLES[False]
    return BlockGrid(
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        tiled=tiled,
        band_count=band_count,
        interleave="band" if planar == 2 else "pixel",
        offsets_tag=offsets_tag,
        counts_tag=counts_tag,
    )


def _dimension(values: Values, tag: int, default: int | None = None) -> int:
    # RowsPerStrip is 2^32 - 1 where the whole image is one strip.
    size = values.integer(tag, default)
    if size == 0:
        raise values.malformed(tag, "is 0")
    if size > MAX_DIMENSION and tag != tags.ROWS_PER_STRIP:
        raise UnsupportedError(f"{values.label(tag)} is {size:,}; at most {MAX_DIMENSION:,} can be read")
    return size


def read_bits(values: Values) -> int:
    """BitsPerSample; ``UnsupportedError`` where bands differ."""
    bits = values.integers(tags.BITS_PER_SAMPLE)
    if bits is None:
        return 1
    if (bits != bits[0]).any():
        raise UnsupportedError(
            f"{values.directory.place}: BitsPerSample is {tuple(bits[:8].tolist())}; "
            "bands of different widths are not read"
        )
    return int(bits[0])


def missing_tables(values: Values, grid: BlockGrid, allowance: Allowance) -> list[Range]:
    """The parts of both tables that the grid needs and the buffer lacks.

    ``LimitError``: this image and those before it have more than ``max_blocks`` blocks.
    """
    claim = f"{values.directory.place}: {_described(grid)}"
    allowance.spend("max_blocks", grid.block_count, claim, place=(values.directory.offset, grid.offsets_tag))
    present = (tag for tag in (grid.offsets_tag, grid.counts_tag) if values.field(tag) is not None)
    return [part for tag in present for part in _missing_table(values, grid, tag)]


def _missing_table(values: Values, grid: BlockGrid, tag: int) -> list[Range]:
    field = values.directory.fields[tag]
    if field.count < grid.block_count:
        raise values.malformed(tag, f"has {field.count:,} values; {_described(grid)}")
    return values.missing(tag, grid.block_count)


def _described(grid: BlockGrid) -> str:
    return (
        f"an image of {grid.width} x {grid.height} with blocks of "
        f"{grid.tile_width} x {grid.tile_height} has {grid.block_count:,} blocks"
    )


def read_tables(values: Values, grid: BlockGrid) -> tuple[UInt64s, UInt64s | None]:
    """Offset and byte count of every block; values past the grid are left out, as libtiff does.

    No byte counts where the file has none; see ``tiff.byte_counts``.
    """
    offsets = values.integers(grid.offsets_tag, grid.block_count)
    if offsets is None:
        raise values.malformed(grid.offsets_tag, "is missing")
    return offsets, values.integers(grid.counts_tag, grid.block_count)
