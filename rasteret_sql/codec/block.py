"""One stored block (a tile or a strip) to samples, and back."""

from __future__ import annotations

import imagecodecs
import numpy as np

from rasteret_sql.codec.compression import SUPPORTED, compress, decompress
from rasteret_sql.codec.images.names import IMAGE_COMPRESSIONS
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.codec.native.decoding import decoded
from rasteret_sql.codec.samples import to_samples, to_stored
from rasteret_sql.codec.support import require_supported, title
from rasteret_sql.errors import ArgumentError, MalformedError, UnsupportedError

__all__ = [
    "SUPPORTED",
    "BlockLayout",
    "Pixels",
    "decode_block",
    "encode_block",
    "require_supported",
]


def decode_block(
    data: bytes | memoryview, layout: BlockLayout, *, rows: int | None = None, inside: int | None = None
) -> Pixels:
    """Decode one block to ``(rows or height, width, samples)``, native byte order, C-contiguous.

    The array is writable and shares no memory with ``data``. With ``rows`` (the last strip of an
    image) the block may hold that many rows or more, up to ``height``; without, exactly ``height``.
    ``inside``: how many of these rows lie in the image. A tile at its lower edge may end after them, as GDAL
    reads it; the rows that are not stored are 0.

    ``MalformedError``: broken, or of another size. ``UnsupportedError``: see ``require_supported``.
    """
    require_supported(layout)
    wanted = layout.height if rows is None else rows
    least = wanted if inside is None else inside
    if not 0 < least <= wanted <= layout.height:
        raise ArgumentError(f"{least} to {wanted} rows asked of a block of {layout}")
    if (pixels := decoded(data, layout, top=0, rows=wanted, right=layout.width, whole=True)) is not None:
        return pixels
    if layout.fill_order == 2 and len(data):
        data = bytes(imagecodecs.bitorder_decode(bytes(data)))
    try:
        return _decode(data, layout, wanted)
    except MalformedError:
        if least == wanted:
            raise
    pixels = np.zeros((wanted, layout.width, layout.samples), layout.dtype)
    pixels[:least] = _decode(data, layout, least)
    return pixels


def _decode(data: bytes | memoryview, layout: BlockLayout, wanted: int) -> Pixels:
    if layout.compression in IMAGE_COMPRESSIONS:
        from rasteret_sql.codec.images.table import decode_image

        return decode_image(bytes(data), layout, wanted)
    least, most = wanted * layout.row_bytes, layout.height * layout.row_bytes
    try:
        flat = decompress(data, layout.compression, least=least, most=most)
    except MalformedError as e:
        raise MalformedError(f"{e} ({layout})") from e
    if least < most:
        flat = flat[:least].copy()
    return to_samples(flat.reshape(wanted, layout.row_bytes), layout)


def encode_block(pixels: Pixels, layout: BlockLayout, *, level: int | None = None) -> bytes:
    """Encode pixels ``(rows, width, samples)`` as one block; the inverse of ``decode_block``.

    ``rows`` is ``height``, or less in the last strip. ``level`` is the codec's own scale: 0 to 12 for
    deflate, 1 to 22 for ZSTD, 0 to 9 for LZMA. ``pixels`` is not changed. ``ArgumentError``: pixels do not
    fit the layout, or no such level. ``UnsupportedError``: an image codec, and see ``require_supported``.
    """
    require_supported(layout)
    if layout.compression in IMAGE_COMPRESSIONS:
        raise UnsupportedError(
            f"{title(layout.compression)} compression is not written by this version, only read"
        )
    rows = pixels.shape[0]
    fits = 0 < rows <= layout.height and pixels.shape[1:] == (layout.width, layout.samples)
    if pixels.dtype != layout.dtype or not fits:
        raise ArgumentError(
            f"{pixels.dtype} pixels {pixels.shape} are not a block of {layout} ({layout.dtype})"
        )
    stored = compress(to_stored(np.ascontiguousarray(pixels), layout), layout.compression, level)
    return bytes(imagecodecs.bitorder_encode(stored)) if layout.fill_order == 2 else stored
