"""Zstandard (RFC 8878): one frame a block, and what lies behind it passed over, as libtiff does."""

from __future__ import annotations

from typing import Any, Final

import imagecodecs

MAGIC: Final = b"\x28\xb5\x2f\xfd"
DICTIONARY_ID_BYTES: Final = (0, 1, 2, 4)
CONTENT_SIZE_BYTES: Final = (0, 2, 4, 8)
CHECKSUM, CHECKSUM_BYTES = 0b100, 4
"""A bit of the frame header's descriptor, and what it says of the end of the frame."""
RLE: Final = 1
"""Type of a block of one byte, many times."""
TRAILING: Final = "Src size is incorrect"
"""In the error of libzstd: bytes behind the frame are not another one."""


def decode(data: Any, out: memoryview) -> int:
    """Fill ``out`` from its start and give the bytes written."""
    try:
        return len(imagecodecs.zstd_decode(data, out=out))
    except imagecodecs.ZstdError as error:
        end = frame_bytes(bytes(data)) if TRAILING in str(error) else None
        if end is None or end >= len(data):
            raise
    return len(imagecodecs.zstd_decode(data[:end], out=out))


def decode_unchecked(data: Any, out: memoryview) -> int:
    """The same, whether the checksum of the frame matches or not."""
    stored = bytes(data)
    end = frame_bytes(stored)
    if end is None or not stored[4] & CHECKSUM:
        return decode(stored, out)
    descriptor = bytes([stored[4] & ~CHECKSUM])
    return decode(stored[:4] + descriptor + stored[5 : end - CHECKSUM_BYTES], out)


def frame_bytes(data: bytes) -> int | None:
    """Length of the frame at the start of ``data``; None where there is no whole one."""
    if len(data) < 5 or not data.startswith(MAGIC):
        return None
    descriptor = data[4]
    single_segment, checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
    content_size = CONTENT_SIZE_BYTES[descriptor >> 6] or single_segment
    at = 5 + (1 - single_segment) + DICTIONARY_ID_BYTES[descriptor & 3] + content_size
    while at + 3 <= len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        at += 3 + (1 if head >> 1 & 3 == RLE else head >> 3)
        if head & 1:
            end = at + 4 * checksum
            return end if end <= len(data) else None
    return None
