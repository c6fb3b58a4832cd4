"""What must hold for any bytes: a value or a named error, in little time and memory.

The fuzz targets and the tests that replay crashers call the same functions.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.block import decode_block
from rasteret_sql.codec.part import Part, decodable_part, decode_part, whole
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.from_tiff import build_header
from rasteret_sql.geotiff.header import Header
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.image import Tiff
from rasteret_sql.tiff.parse import parse
from tests.fuzz.tile_input import TileInput, unpack

CPU_SECONDS = 2.0
MEMORY_BYTES = 512 << 20
"""For one input; more is a finding."""
MESSAGE_CHARACTERS = 1000
"""A message is what a SQL user reads: a file's own text must not fill the screen."""
FIRST_READ = 512
MAX_ROUNDS = 600
MAX_FILLED_BYTES = 1 << 20


Pixels = npt.NDArray[Any]


class Finding(Exception):  # noqa: N818  it is what the fuzzer looks for
    """Something that must not happen, though nothing was raised."""


def within_limits(check: Callable[[bytes], object], data: bytes) -> None:
    """Run one check and hold it to its share of processor time and memory."""
    start, before = time.process_time(), _peak_bytes()
    check(data)
    taken, grown = time.process_time() - start, _peak_bytes() - before
    if taken > CPU_SECONDS:
        raise Finding(f"{check.__name__} took {taken:.1f} s of processor time for {len(data)} bytes")
    if grown > MEMORY_BYTES:
        raise Finding(f"{check.__name__} took {grown >> 20} MiB of memory for {len(data)} bytes")


def _peak_bytes() -> int:
    """The largest resident size that this process ever had (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def check_tiff(data: bytes) -> Header | RasteretError:
    """Parse a whole file, and again in pieces: same outcome, tables that fit the grid, a short message."""
    try:
        tiff: Tiff | RasteretError = parse(Bytes(data, size=len(data)))
    except RasteretError as error:
        tiff = error
    in_rounds = _parse_in_rounds(data, size=len(data))
    if isinstance(in_rounds, Tiff) is not isinstance(tiff, Tiff):  # of several faults either may be told
        raise Finding(f"parsed whole: {tiff!r:.300}; in pieces: {in_rounds!r:.300}")
    _header(_parse_in_rounds(data, size=None))
    return _header(tiff)


def _parse_in_rounds(data: bytes, size: int | None) -> Tiff | RasteretError:
    """Parse from the first bytes on, giving what is asked for; past the end of ``data`` zeros follow."""
    buffer = Bytes(data[:FIRST_READ], size=size)
    filled = 0
    for _ in range(MAX_ROUNDS):
        try:
            return parse(buffer)
        except RasteretError as error:
            return error
        except NeedBytes as need:
            ranges = need.ranges
        for start, length in ranges:
            filled += length
            if filled > MAX_FILLED_BYTES + len(data):
                return RasteretError("more bytes than a test gives")
            buffer.add(start, data[start : start + length].ljust(length, b"\0"))
    raise Finding(f"not parsed after {MAX_ROUNDS} rounds")


def _header(tiff: Tiff | RasteretError) -> Header | RasteretError:
    if isinstance(tiff, RasteretError):
        return _short(tiff)
    for image in tiff.images:
        if not len(image.tile_offsets) == len(image.tile_byte_counts) == image.block_count:
            raise Finding(f"{image.block_count} blocks have {len(image.tile_offsets)} offsets")
    try:
        header = build_header("a.tif", tiff, ObjectInfo())
    except RasteretError as error:
        return _short(error)
    if not np.isfinite(header.bounds).all():
        raise Finding(f"bounds {header.bounds} of the transform {header.transform}")
    return header


def _short(error: RasteretError) -> RasteretError:
    if len(str(error)) > MESSAGE_CHARACTERS:
        raise Finding(f"a message of {len(str(error))} characters: {str(error)[:200]}")
    return error


def check_tile(data: bytes) -> Pixels | RasteretError | None:
    """Decode one block, twice and in part: the same pixels, of the layout's shape and dtype."""
    tile = unpack(data)
    if tile is None:
        return None
    layout = tile.layout
    pixels = _decoded(tile)
    if isinstance(pixels, RasteretError):
        return pixels
    if pixels.shape != (tile.rows, layout.width, layout.samples) or pixels.dtype != layout.dtype:
        raise Finding(f"{pixels.dtype} pixels {pixels.shape} of {layout}")
    if not (pixels.flags.writeable and pixels.flags.c_contiguous):
        raise Finding(f"pixels with {pixels.flags} of {layout}")
    again = _decoded(tile)
    if isinstance(again, RasteretError) or again.tobytes() != pixels.tobytes():
        raise Finding(f"other pixels the second time, of {layout}")
    _check_part(tile, pixels)
    return pixels


def _decoded(tile: TileInput) -> Pixels | RasteretError:
    try:
        return decode_block(tile.block, tile.layout, rows=tile.rows)
    except RasteretError as error:
        return _short(error)


def _check_part(tile: TileInput, pixels: Pixels) -> None:
    """A part alone is the same as that part of the whole."""
    wanted = Part(tile.rows // 3, max(1, tile.rows // 2), max(1, tile.layout.width // 2))
    part = decodable_part(tile.layout, tile.rows, wanted)
    if part == whole(tile.layout, tile.rows) or part.top >= part.bottom:
        return
    found = decode_part(tile.block, tile.layout, part)
    if found.tobytes() != pixels[part.top : part.bottom, : part.right].tobytes():
        raise Finding(f"{part} of {tile.layout} differs from the whole")
