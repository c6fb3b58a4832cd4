"""Part of a block: its first rows from the front of a deflate stream, and of those only what is wanted.

A chip needs a corner of most of its tiles. A deflate stream is decoded from its start, so rows below the
chip need not be inflated, and differences need not be added up above it or to its right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from isal import isal_zlib

from rasteret_sql.codec import predictor
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.codec.samples import NATIVE, stored_as, to_samples
from rasteret_sql.errors import MalformedError

BROKEN: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]  # the stubs take it for a value
WORTH_IT = 0.85
"""Above this share of a block's rows, inflating all of them with libdeflate is as fast."""
FRONT_MARGIN, FRONT_MORE = 1.2, 16384
"""Rows do not compress alike: this many times their share of the bytes is asked for, and so much more."""
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
    """Rows and columns of ``part``, shape (rows, columns, samples), native byte order, in new memory.

    Only for a part that ``decodable_part`` gave. What lies behind it in the stream is not looked at.
    ``MalformedError``: the stream is broken or ends before the part does. ``ShortFrontError``: it may go on,
    because ``data`` is not the ``complete`` block.
    """
    size = part.bottom * layout.row_bytes
    try:
        inflated = isal_zlib.decompressobj().decompress(data, size)
    except BROKEN as error:
        raise _malformed(data, layout, size, f"a broken stream ({error})") from error
    if len(inflated) < size and not complete:
        raise ShortFrontError
    if len(inflated) < size:
        raise _malformed(data, layout, size, str(len(inflated)))
    narrow = replace(layout, width=part.right)  # differences run from left to right
    rows = np.frombuffer(inflated, np.uint8).reshape(part.bottom, layout.row_bytes)
    return to_samples(rows[part.top :, : narrow.row_bytes].copy(), narrow)


def _malformed(data: bytes | memoryview, layout: BlockLayout, size: int, found: str) -> MalformedError:
    return MalformedError(
        f"a block in deflate compression, {len(data)} bytes as stored: expected at least {size} bytes "
        f"decoded, found {found} ({layout})"
    )
