"""CCITT fax blocks (TIFF 6.0 sections 10 and 11; ITU-T T.4 and T.6): compressions 2, 3 and 4.

libtiff decodes them, so damage is met as GDAL meets it. imagecodecs' own decoders fill up with white and say
nothing of it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rasteret_sql.codec.images.stream_header import Claim
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.codec.libtiff import ERROR, decode_strip
from rasteret_sql.errors import MalformedError

CODES: Final = {"ccitt_rle": (2, 0), "ccitt_g3": (3, 0), "ccitt_g3_2d": (3, 1), "ccitt_g4": (4, 0)}
"""Compression -> TIFF's code and T4Options."""
END_OF_LINE: Final = {"ccitt_g3": "000000000001", "ccitt_g3_2d": "0000000000011"}
"""What a row starts with; in two dimensions the last bit says that the row stands alone."""
WHITE_BLACK: Final = "000111" + "010"
"""A run of one white pixel and one of one black pixel."""


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """A fax stream says nothing of its size: its rows are counted when they are decoded."""
    return Claim(width=layout.width, height=layout.height)


def decode(data: bytes, layout: BlockLayout, rows: int) -> Pixels:
    """Zeros (white) and ones (black), whatever the photometric interpretation.

    ``MalformedError``: fewer than ``rows`` rows. libtiff makes missing rows of groups 3 and RLE white; they
    are found by decoding once more with black pixels behind the stream.
    """
    pixels = _decode(data, layout, rows)
    if layout.compression != "ccitt_g4":
        beyond = _decode(data + _two_rows(layout), layout, rows)
        if not np.array_equal(pixels, beyond):
            raise MalformedError("found fewer rows")
    return pixels.view(np.uint8)


def _two_rows(layout: BlockLayout) -> bytes:
    row = END_OF_LINE.get(layout.compression, "") + WHITE_BLACK * (layout.width // 2 + 1)
    text = row.ljust(-(-len(row) // 8) * 8, "0")
    return int(text, 2).to_bytes(len(text) // 8, "big") * 2


def _decode(stream: bytes, layout: BlockLayout, rows: int) -> Pixels:
    code, options = CODES[layout.compression]
    try:
        return decode_strip(
            stream, compression=code, width=layout.width, rows=rows, bits=1, t4_options=options
        )
    except ERROR as error:
        raise MalformedError("found fewer rows, or codes that do not exist") from error
