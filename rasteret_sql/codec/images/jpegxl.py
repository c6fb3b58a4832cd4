"""JPEG XL blocks (ISO/IEC 18181): compressions 50002 and 52546, as codestreams or in boxes."""

from __future__ import annotations

import struct
from typing import Final

import imagecodecs
import numpy as np

from rasteret_sql.codec.images.stream_header import Claim, cut_short
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import MalformedError, UnsupportedError

CODESTREAM: Final = b"\xff\x0a"
BOXES: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
HEADER_BYTES: Final = 64
"""More than the fields up to the number of extra channels take."""
RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
SIZES: Final = ((1, 9), (1, 13), (1, 18), (1, 30))
"""(Offset, bits) of the four forms of a size."""


class _Bits:
    """Reads a codestream's header from the lowest bit of each byte up."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def u(self, count: int) -> int:
        if self.left < count:
            raise cut_short("a JPEG XL header")
        taken = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        return taken

    def u32(self, forms: tuple[tuple[int, int], ...]) -> int:
        offset, count = forms[self.u(2)]
        return offset + self.u(count)


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """Size and type of samples from SizeHeader and ImageMetadata (ISO/IEC 18181-1, annex D).

    ``UnsupportedError``: animations, previews, rotated images.
    """
    bits = _Bits(_codestream(data))
    width, height = _read_size(bits)
    if bits.u(1):  # all default: 8 bits, no extra channels
        return Claim(width=width, height=height, bits=8, dtype="uint8")
    if bits.u(1):
        if bits.u(3):
            raise UnsupportedError("JPEG XL with an orientation is not read")
        if bits.u(1):
            _read_size(bits)  # the intrinsic size
        if bits.u(1) or bits.u(1):
            raise UnsupportedError("JPEG XL with a preview or an animation is not read")
    floating = bits.u(1)
    count = bits.u32(((32, 0), (16, 0), (24, 0), (1, 6)) if floating else ((8, 0), (10, 0), (12, 0), (1, 6)))
    if floating:
        bits.u(4)  # exponent bits - 1
    bits.u(1)  # modular_16bit_buffers
    extra = bits.u32(((0, 0), (1, 0), (2, 4), (1, 12)))
    if extra >= layout.samples:
        raise MalformedError(f"found {extra} extra channels")
    dtype = f"float{count}" if floating else f"uint{8 if count <= 8 else 16}"
    return Claim(width=width, height=height, bits=count, dtype=dtype, fewer_bits=not floating)


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream; in boxes it is that of jxlc, or of the first jxlp."""
    at = 0
    if data.startswith(BOXES):
        while at + 8 <= len(data):
            length, kind = struct.unpack_from(">I4s", data, at)
            if kind in (b"jxlc", b"jxlp"):
                at += {b"jxlc": 8, b"jxlp": 12}[kind] + (8 if length == 1 else 0)
                break
            if length < 8:
                raise cut_short("a JPEG XL file")
            at += length
    if data[at : at + 2] != CODESTREAM:
        raise MalformedError(f"found {data[at : at + 2].hex()} where a JPEG XL stream starts with ff0a")
    return data[at + 2 : at + 2 + HEADER_BYTES]


def _read_size(bits: _Bits) -> tuple[int, int]:
    """Width and height (SizeHeader)."""
    small = bits.u(1)

    def side() -> int:
        return 8 * (1 + bits.u(5)) if small else bits.u32(SIZES)

    height = side()
    ratio = bits.u(3)
    if ratio == 0:
        return side(), height
    numerator, denominator = RATIOS[ratio - 1]
    return height * numerator // denominator, height


def decode(data: bytes, layout: BlockLayout) -> Pixels:
    """The pixels that libjxl decodes, integers at their own width."""
    pixels: Pixels = imagecodecs.jpegxl_decode(data, numthreads=1)
    if pixels.shape[:1] == (layout.samples,) and pixels.shape != (
        layout.height,
        layout.width,
        layout.samples,
    ):
        # gray with extra channels that are not alpha comes plane by plane
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    return pixels
