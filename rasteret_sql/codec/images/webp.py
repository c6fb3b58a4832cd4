"""WebP blocks (RFC 9649): compression 50001, GDAL's."""

from __future__ import annotations

from typing import Final

import imagecodecs

from rasteret_sql.codec.images.stream_header import Claim, cut_short
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import MalformedError

RIFF: Final = 12
"""Bytes of the RIFF header; the first chunk's header is 8 bytes more."""
ALPHA, ANIMATION = 0x10, 0x02


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """Size and number of samples from the first chunk (RFC 9649, sections 2.5 to 2.7).

    An image without alpha may be read as four samples: libwebp's encoder leaves opaque alpha out.
    """
    head = data[: RIFF + 8 + 10]
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        raise MalformedError(f"found {head[:4]!r} where a WebP stream starts with b'RIFF'")
    chunk, body = head[RIFF : RIFF + 4], head[RIFF + 8 :]
    if len(body) < 10:
        raise cut_short("a WebP header")
    if chunk == b"VP8X":
        if body[0] & ANIMATION:
            raise MalformedError("found an animated WebP stream")
        width, height = (1 + int.from_bytes(body[i : i + 3], "little") for i in (4, 7))
        alpha = bool(body[0] & ALPHA)
    elif chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height, alpha = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1)
    elif chunk == b"VP8 ":
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        alpha = False
    else:
        raise MalformedError(f"found the chunk {chunk!r} where a WebP image was expected")
    return Claim(width=width, height=height, samples=4 if alpha else layout.samples)


def decode(data: bytes, layout: BlockLayout) -> Pixels:
    """RGB or RGBA; alpha is not multiplied in."""
    pixels: Pixels = imagecodecs.webp_decode(data, hasalpha=layout.samples == 4)
    return pixels
