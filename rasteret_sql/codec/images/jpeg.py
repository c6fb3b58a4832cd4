"""JPEG blocks (Adobe TIFF Technical Note 2; ITU-T T.81): compression 7 with its shared tables."""

from __future__ import annotations

from typing import Final

import imagecodecs

from rasteret_sql.codec.images.stream_header import Claim, cut_short
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS = 0xC0, 0xC1, 0xC2, 0xC3
FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers that start a frame; 0xC4, 0xC8 and 0xCC are tables."""
START_OF_SCAN: Final = 0xDA
START, END, SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
MAX_SCANS: Final = 100
"""libtiff's own limit: every scan of a progressive image costs a pass over all of its pixels."""
MAX_PIXELS_PER_BIT: Final = 64
"""A block of 8 x 8 takes one bit at least."""
COLORSPACES: Final = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}
"""What makes libjpeg convert nothing; of other numbers of samples it never does."""


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """Size, samples and precision of the frame, from the markers before the first scan (T.81, annex B).

    ``MalformedError``: no frame, or no end. ``UnsupportedError``: arithmetic coding and other rare processes.
    ``LimitError``: more scans than ``MAX_SCANS``.
    """
    if data[:2] != START:
        raise MalformedError(f"found {data[:4].hex()} where a JPEG stream starts with ffd8")
    marker, segment, at = _segment(data, 2)
    while marker not in FRAMES:
        if marker == START_OF_SCAN:
            raise MalformedError("found a JPEG scan before any frame")
        marker, segment, at = _segment(data, at)
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS):
        raise UnsupportedError(f"JPEG process {marker:02x} (arithmetic or hierarchical coding) is not read")
    if len(segment) < 6:
        raise cut_short("a JPEG frame header")
    claim = Claim(
        width=int.from_bytes(segment[3:5], "big"),
        height=int.from_bytes(segment[1:3], "big"),
        samples=segment[5],
        bits=segment[0],
    )
    _check_scans(data, at, claim)
    return claim


def _check_scans(stream: bytes, at: int, claim: Claim) -> None:
    """What libjpeg would not say: that the end is missing, or that the scans take for ever."""
    if stream.rfind(END, at) < 0:
        raise MalformedError("found a JPEG stream without its end (ffd9)")
    scans = stream.count(SCAN, at)
    if scans > MAX_SCANS:
        raise LimitError(f"found a JPEG stream of {scans} scans; at most {MAX_SCANS} are read")
    most = 8 * len(stream) * MAX_PIXELS_PER_BIT
    if claim.width * claim.height > most:
        raise MalformedError(f"found {claim} in {len(stream)} bytes, which hold {most} pixels at best")


def _segment(stream: bytes, at: int) -> tuple[int, bytes, int]:
    """Marker and parameters of the segment at ``at``, and where the next one is."""
    while stream[at : at + 2] == b"\xff\xff":  # fill bytes
        at += 1
    head = stream[at : at + 4]
    if len(head) < 4:
        raise cut_short("a JPEG stream")
    length = int.from_bytes(head[2:], "big")
    if head[0] != 0xFF or length < 2:
        raise MalformedError(f"found {head.hex()} where a JPEG marker was expected")
    end = at + 2 + length
    if len(stream) < end:
        raise cut_short("a JPEG segment")
    return head[1], stream[at + 4 : end], end


def decode(data: bytes, layout: BlockLayout) -> Pixels:
    """The pixels of libjpeg-turbo's accurate integer transform and smooth chroma upsampling.

    YCbCr becomes RGB, whatever the subsampling; nothing else is converted, as libtiff does for GDAL.
    GDALs that are built with IJG's libjpeg instead upsample chroma in another way.
    """
    inner = COLORSPACES.get(layout.samples)
    stored = "YCBCR" if layout.photometric == "ycbcr" else inner
    pixels: Pixels = imagecodecs.jpeg8_decode(
        data, tables=layout.jpeg_tables, colorspace=stored, outcolorspace=inner
    )
    return pixels
