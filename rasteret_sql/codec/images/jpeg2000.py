"""JPEG 2000 blocks (ITU-T T.800): compression 34712, as codestreams or in JP2 boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import imagecodecs

from rasteret_sql.codec.images.stream_header import Claim, cut_short
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError

JP2: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
START_AND_SIZE: Final = b"\xff\x4f\xff\x51"
END: Final = b"\xff\xd9"
CODING_STYLE, COMPONENT_STYLE, TILE_PART, DATA, END_CODE = 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
MAX_UNCHECKED_PRECINCTS: Final = 1 << 12
MAX_TILES: Final = 1 << 15
"""Of JPEG 2000's own tiles inside one block, each counted with its samples and 9 more: OpenJPEG takes about
1 kB for each of these."""
PIXELS_A_PRECINCT: Final = 128
"""A block of more than ``MAX_UNCHECKED_PRECINCTS`` must have so many pixels for each: OpenJPEG takes 2 kB
for one."""
MAX_PACKETS: Final = 1 << 20
"""Precincts times quality layers of one block."""


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """Size, samples and their width from the SIZ marker (T.800, A.5.1).

    ``UnsupportedError``: samples of different widths, subsampling, palettes. ``LimitError``: so many tiles,
    precincts or layers that a small stream would take much memory or time.
    """
    stream = _codestream(data)
    if stream[:4] != START_AND_SIZE:
        raise MalformedError(f"found {stream[:4].hex()} where a JPEG 2000 stream starts with ff4fff51")
    if len(stream) < 42:
        raise cut_short("a JPEG 2000 header")
    x1, y1, x0, y0, tile_width, tile_height, tile_x0, tile_y0 = struct.unpack_from(">8I", stream, 8)
    samples = struct.unpack_from(">H", stream, 40)[0]
    components = stream[42 : 42 + 3 * samples]
    if len(components) < 3 * samples or not samples:
        raise cut_short("a JPEG 2000 header")
    if x1 <= x0 or y1 <= y0 or not tile_width or not tile_height:
        raise MalformedError("found a JPEG 2000 header without a size")
    if len(set(components[::3])) > 1 or set(components[1::3]) | set(components[2::3]) != {1}:
        raise UnsupportedError("JPEG 2000 samples of different widths or resolutions are not read")
    if stream.rfind(END) < 0:
        raise MalformedError("found a JPEG 2000 stream without its end (ffd9)")
    signed, bits = components[0] >> 7, (components[0] & 0x7F) + 1
    claim = Claim(
        width=x1 - x0,
        height=y1 - y0,
        samples=samples,
        bits=bits,
        dtype=f"{'int' if signed else 'uint'}{8 if bits <= 8 else 16 if bits <= 16 else 32}",
        fewer_bits=True,
    )
    tiles = -(-(x1 - tile_x0) // tile_width) * -(-(y1 - tile_y0) // tile_height)
    if tiles * (samples + 9) > MAX_TILES:
        most = MAX_TILES // (samples + 9)
        raise LimitError(f"found {tiles:,} JPEG 2000 tiles of {samples} samples; at most {most:,} are read")
    tile = min(claim.width, tile_width), min(claim.height, tile_height)
    _check_precincts(stream, claim, tiles * samples, tile)
    return claim


def _codestream(data: bytes) -> bytes:
    """The codestream; of a JP2 file the one of its jp2c box (T.800, annex I)."""
    if not data.startswith(JP2):
        return data
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if kind == b"jp2c":
            return data[at + head : at + length if length else None]
        if kind == b"jp2h" and b"pclr" in data[at : at + length]:
            raise UnsupportedError("JPEG 2000 with a palette is not read")
        if length < head:
            break
        at += length
    raise cut_short("a JP2 file")


def _check_precincts(stream: bytes, claim: Claim, planes: int, tile: tuple[int, int]) -> None:
    samples = claim.samples or 1
    most = max(MAX_UNCHECKED_PRECINCTS, claim.width * claim.height * samples // PIXELS_A_PRECINCT)
    layers = 1
    for marker, style in _coding_styles(stream):
        if marker == CODING_STYLE:
            layers = max(layers, int.from_bytes(style[2:4], "big"))
            given, own = style[:1], style[5:]
        else:
            number = 1 if samples < 257 else 2
            given, own = style[number : number + 1], style[number + 1 :]
        count = planes * _precincts(own, tile, given=given != b"" and bool(given[0] & 1))
        if count > most or count * layers > MAX_PACKETS:
            raise LimitError(
                f"found {count:,} JPEG 2000 precincts in {layers:,} layers; at most {most:,} precincts, and "
                f"{MAX_PACKETS:,} counted over all layers, are read"
            )


def _precincts(style: bytes, tile: tuple[int, int], *, given: bool) -> int:
    """Precincts of one sample of one tile, over all resolutions (T.800, A.6.1 and B.6).

    ``style`` starts with the number of decompositions; from its sixth byte on it holds the sizes, if given.
    """
    if len(style) < 5:
        raise cut_short("a JPEG 2000 coding style")
    levels, sizes = style[0], style[5:]
    count = 0
    for resolution in range(levels + 1):
        size = sizes[resolution] if given and resolution < len(sizes) else 0xFF
        width, height = (-(-side >> (levels - resolution)) for side in tile)
        count += -(-width >> (size & 15)) * -(-height >> (size >> 4))
    return count


def _coding_styles(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Every COD and COC marker's parameters, of the main header and of all tile-parts."""
    at, end = 2, len(stream)
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == END_CODE:
            return
        if marker == DATA:
            at, end = end, len(stream)
            continue
        if marker in (CODING_STYLE, COMPONENT_STYLE):
            yield marker, stream[at + 4 : at + 2 + length]
        if marker == TILE_PART:
            part = int.from_bytes(stream[at + 6 : at + 10], "big")
            end = at + part if part else len(stream)
        if length < 2 or end <= at:
            raise MalformedError("found a broken JPEG 2000 header")
        at += 2 + length


def decode(data: bytes, layout: BlockLayout) -> Pixels:
    """The pixels that OpenJPEG decodes."""
    pixels: Pixels = imagecodecs.jpeg2k_decode(data, numthreads=1)
    return pixels
