"""Part of a block: its first rows from the front of a deflate stream, and of those only what is wanted.

A chip needs a corner of most of its tiles. A deflate stream is decoded from its start, so rows below the
chip need not be inflated, and differences need not be added up above it or to its right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from isal import isal_zlib

from rasteret_sql.arrays import Bytes
from rasteret_sql.codec import predictor
from rasteret_sql.codec.compression import SUPPORTED
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.codec.native.decoding import decoded
from rasteret_sql.codec.samples import NATIVE, stored_as, to_samples
from rasteret_sql.errors import MalformedError
from rasteret_sql.memory import take

DEFLATE = SUPPORTED["deflate"]
BROKEN: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]  # the stubs take it for a value
WORTH_IT = 0.85
"""Above this share of a block's rows, inflating all of them with libdeflate is as fast."""
LONGEST_STEP = 65536
"""A stored block of deflate (RFC 1951 3.2.4) holds 65,535 bytes; a match 258."""
FRONT_MARGIN, FRONT_MORE = 1.4, 16384
"""Rows do not compress alike: this many times their share of the bytes is requested, and so much more."""
FRONT_SAVES = 65536
"""Fewer bytes are not worth the chance of a second request."""


class ShortFrontError(Exception):
    """The front of the stored block ends before the wanted part does: read the rest of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows ``top`` to ``bottom`` of a block, and its columns before ``right``."""

    top: int
    bottom: int
    right: int

    def covers(self, other: Part) -> bool:
        return self.top <= other.top and self.bottom >= other.bottom and self.right >= other.right

    def union(self, other: Part) -> Part:
        return Part(min(self.top, other.top), max(self.bottom, other.bottom), max(self.right, other.right))


def whole(layout: BlockLayout, rows: int) -> Part:
    """All of a block that holds ``rows`` rows."""
    return Part(0, rows, layout.width)


def decodable_part(layout: BlockLayout, rows: int, wanted: Part) -> Part:
    """What is decoded when ``wanted`` is: that part where it saves work, else the whole block."""
    partial = (
        layout.compression == "deflate"
        and layout.fill_order == 1
        and layout.predictor in (predictor.NONE, predictor.HORIZONTAL)
        and layout.sample_kind in ("uint", "int", "float")
        and stored_as(layout) == NATIVE
        and wanted.bottom <= WORTH_IT * rows
    )
    return wanted if partial else whole(layout, rows)


def front_bytes(length: int, share: float) -> int:
    """How many of a block's ``length`` bytes hold that share of its rows, most probably."""
    wanted = int(length * share * FRONT_MARGIN) + FRONT_MORE
    return wanted if length - wanted >= FRONT_SAVES else length


def decode_part(
    data: bytes | memoryview, layout: BlockLayout, part: Part, *, complete: bool = True
) -> Pixels:
    """Rows and columns of ``part``, shape (rows, columns, samples), native byte order, sharing no memory.

    Only for a part that ``decodable_part`` gave. What lies well behind it in the stream is not looked at.
    ``MalformedError``: the stream is broken or ends before the part does. ``ShortFrontError``: it may go on,
    because ``data`` is not the ``complete`` block.
    """
    pixels = decoded(data, layout, top=part.top, rows=part.bottom, right=part.right, whole=False)
    if pixels is not None:
        return pixels
    size = part.bottom * layout.row_bytes
    try:
        inflated = _front(data, size)
    except BROKEN as error:
        raise _malformed(data, layout, size, f"a broken stream ({error})") from error
    if len(inflated) < size and not complete:
        raise ShortFrontError
    if len(inflated) < size:
        raise _malformed(data, layout, size, str(len(inflated)))
    narrow = replace(layout, width=part.right)  # differences run from left to right
    rows = inflated[:size].reshape(part.bottom, layout.row_bytes)[part.top :, : narrow.row_bytes]
    if not (rows.flags.c_contiguous and rows.flags.writeable):
        wanted = take(rows.size).reshape(rows.shape)
        np.copyto(wanted, rows)
        rows = wanted
    return to_samples(rows, narrow)


def _front(data: bytes | memoryview, size: int) -> Bytes:
    """At least the first ``size`` bytes of a deflate stream, or as many as there are.

    libdeflate writes what it decodes into memory that is used again, and stops where that ends: before a
    stored block or a match that does not fit, so the front is there when the longest one has room behind it.
    Where it gives up otherwise, ISA-L says how far the stream goes.
    """
    memory = take(size + LONGEST_STEP)
    assert DEFLATE.decode is not None
    try:
        return memory[: DEFLATE.decode(data, memory.data)]
    except DEFLATE.errors as error:
        if DEFLATE.overflow in str(error):
            return memory
    return np.frombuffer(isal_zlib.decompressobj().decompress(data, size), np.uint8)


def _malformed(data: bytes | memoryview, layout: BlockLayout, size: int, reason: str) -> MalformedError:
    return MalformedError(
        f"a block in deflate compression, {len(data)} bytes as stored: expected at least {size} bytes "
        f"decoded, found {reason} ({layout})"
    )
