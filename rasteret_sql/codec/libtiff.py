"""Streams that libtiff decodes best: it wants a file, which is made here around one strip."""

from __future__ import annotations

import struct
from typing import Any, Final

import imagecodecs
import numpy.typing as npt

ERROR: Final[type[Exception]] = imagecodecs.TiffError
ENTRY: Final = struct.Struct("<HHII")
LONG: Final = 4


def decode_strip(
    stream: bytes | memoryview, *, compression: int, width: int, rows: int, bits: int, t4_options: int = 0
) -> npt.NDArray[Any]:
    """One strip of gray pixels, shape (rows, width), booleans of one bit; ``ERROR`` where it is broken.

    ``compression`` is TIFF's code. The first bits are decoded first, and pixels stay as they are stored.
    """
    entries = (
        (256, width),
        (257, rows),
        (258, bits),
        (259, compression),
        (262, 1),  # MinIsBlack
        (273, 0),  # StripOffsets, below
        (277, 1),  # SamplesPerPixel
        (278, rows),
        (279, len(stream)),
        *(((292, t4_options),) if t4_options else ()),
    )
    start = 8 + 2 + ENTRY.size * len(entries) + 4
    fields = b"".join(ENTRY.pack(tag, LONG, 1, start if tag == 273 else value) for tag, value in entries)
    head = b"II" + struct.pack("<HIH", 42, 8, len(entries))
    pixels: npt.NDArray[Any] = imagecodecs.tiff_decode(b"".join((head, fields, bytes(4), stream)))
    return pixels.reshape(rows, width)
