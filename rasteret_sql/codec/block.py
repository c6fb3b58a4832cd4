"""One stored block (a tile or a strip) to samples, and back."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasteret_sql.codec import predictor
from rasteret_sql.codec.compression import SUPPORTED, compress, decompress
from rasteret_sql.errors import ArgumentError, MalformedError, UnsupportedError

__all__ = ["SUPPORTED", "BlockLayout", "decode_block", "encode_block", "require_supported"]

Pixels = npt.NDArray[Any]
"""Shape (rows, width, samples)."""

_INTEGERS = frozenset(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64))
_FLOATS = frozenset({"float16", "float32", "float64"})
_COMPLEX = frozenset({"complex64", "complex128"})
_DTYPES = _INTEGERS | _FLOATS | _COMPLEX
_PACKED_BITS = (1, 2, 4)
"""Samples of less than a byte; unpacked to one uint8 each."""
_PREDICTED: dict[int, frozenset[str]] = {
    predictor.NONE: _DTYPES,
    # libtiff takes 8, 16, 32 and 64 bits of anything.
    predictor.HORIZONTAL: _DTYPES - {"complex128"},
    predictor.FLOATING_POINT: _FLOATS,
}
_TITLES = {"webp": "WebP", "jpegxl": "JPEG XL", "jpeg2000": "JPEG 2000", "ojpeg": "old-style JPEG"}
"""Compressions whose name in a message is not their name here in capitals."""


@dataclass(frozen=True, kw_only=True)
class BlockLayout:
    """How one stored block becomes samples."""

    width: int
    """Pixels of a row as stored; a tile at the image's right edge is stored whole."""
    height: int
    """Rows of the block; the last strip of an image may hold fewer."""
    samples: int
    """Samples of a pixel in this block: the band count if pixel-interleaved, else 1."""
    dtype: str
    """NumPy name of one sample."""
    byte_order: str
    """``little`` or ``big``: how the file stores a sample."""
    bits_per_sample: int
    compression: str
    """A name of ``SUPPORTED``, or of what ``require_supported`` refuses."""
    predictor: int
    fill_order: int = 1
    """2: the bits of each byte are reversed."""
    jpeg_tables: bytes | None = None
    lerc_parameters: tuple[int, ...] | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of one decompressed row; a row of packed bits ends at a whole byte."""
        return -(-self.width * self.samples * self.bits_per_sample // 8)

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels x {self.samples} x {self.bits_per_sample} bits"


def require_supported(layout: BlockLayout) -> None:
    """Refuse by name what this version does not read (``UnsupportedError``)."""
    name, dtype, bits = layout.compression, layout.dtype, layout.bits_per_sample
    if name not in SUPPORTED:
        title = name if name.startswith("unknown") else _TITLES.get(name, name.replace("_", " ").upper())
        known = ", ".join(SUPPORTED)
        raise UnsupportedError(f"{title} compression is not read by this version; it reads {known}")
    if layout.fill_order != 1:
        raise UnsupportedError(f"FillOrder {layout.fill_order} (reversed bits) is not read by this version")
    if dtype not in _DTYPES:
        raise UnsupportedError(f"samples of type {dtype} are not read by this version")
    packed = bits in _PACKED_BITS and dtype == "uint8"
    if not packed and bits != np.dtype(dtype).itemsize * 8:
        kind = "complex integers" if dtype in _COMPLEX else dtype
        raise UnsupportedError(f"{bits} bits a sample (as {kind}) are not read by this version")
    if layout.predictor not in _PREDICTED:
        raise UnsupportedError(f"predictor {layout.predictor} is not read by this version")
    if layout.predictor == predictor.NONE:
        return
    if packed or dtype not in _PREDICTED[layout.predictor]:
        raise UnsupportedError(f"predictor {layout.predictor} with {bits} bits of {dtype} has no meaning")
    if not SUPPORTED[name].predicts:
        # GDAL ignores the tag here and tifffile heeds it: the pixels are one reader's or the other's.
        raise UnsupportedError(f"predictor {layout.predictor} with {name} compression has no agreed meaning")


def decode_block(data: bytes | memoryview, layout: BlockLayout, *, rows: int | None = None) -> Pixels:
    """Decode one block to ``(rows or height, width, samples)``, native byte order, C-contiguous.

    The array is writable and shares no memory with ``data``. With ``rows`` (the last strip of an
    image) the block may hold that many rows or more, up to ``height``; without, exactly ``height``.

    ``MalformedError``: broken, or of another size. ``UnsupportedError``: see ``require_supported``.
    """
    require_supported(layout)
    wanted = layout.height if rows is None else rows
    if not 0 < wanted <= layout.height:
        raise ArgumentError(f"{wanted} rows asked of a block of {layout}")
    least, most = wanted * layout.row_bytes, layout.height * layout.row_bytes
    try:
        flat = decompress(data, layout.compression, least=least, most=most)
    except MalformedError as e:
        raise MalformedError(f"{e} ({layout})") from e
    if least < most:
        flat = flat[:least].copy()
    return _to_samples(flat.reshape(wanted, layout.row_bytes), layout)


def _to_samples(stored: npt.NDArray[np.uint8], layout: BlockLayout) -> Pixels:
    """Decompressed rows of bytes to pixels; the bytes may be overwritten."""
    shape = (stored.shape[0], layout.width, layout.samples)
    if layout.bits_per_sample < 8:
        return _unpack(stored, layout).reshape(shape)
    dtype = np.dtype(layout.dtype)
    if layout.predictor == predictor.FLOATING_POINT:
        words = predictor.undo_floating_point(stored, dtype.itemsize, layout.samples)
        return words.view(dtype).reshape(shape)
    pixels: Pixels = stored.view(dtype).reshape(shape)
    if layout.byte_order != sys.byteorder:
        _swap(pixels, layout)
    if layout.predictor == predictor.HORIZONTAL:
        predictor.undo_horizontal(pixels)
    return pixels


def _swap(pixels: Pixels, layout: BlockLayout) -> None:
    """Reverse the bytes of every sample in place."""
    if layout.predictor == predictor.HORIZONTAL:
        # libtiff differences complex64 as one integer of 64 bits and stores that in the file's order.
        pixels = pixels.view(f"u{pixels.itemsize}")
    pixels.byteswap(inplace=True)


def _unpack(stored: npt.NDArray[np.uint8], layout: BlockLayout) -> npt.NDArray[np.uint8]:
    run = layout.width * layout.samples
    return imagecodecs.packints_decode(stored.tobytes(), "u1", layout.bits_per_sample, runlen=run)


def encode_block(pixels: Pixels, layout: BlockLayout, *, level: int | None = None) -> bytes:
    """Encode pixels ``(rows, width, samples)`` as one block; the inverse of ``decode_block``.

    ``rows`` is ``height``, or less in the last strip. ``level`` is the codec's own scale: 0 to 12 for
    deflate, 1 to 22 for ZSTD. ``pixels`` is not changed. ``ArgumentError``: pixels do not fit the
    layout, or no such level. ``UnsupportedError``: see ``require_supported``.
    """
    require_supported(layout)
    rows = pixels.shape[0]
    fits = 0 < rows <= layout.height and pixels.shape[1:] == (layout.width, layout.samples)
    if pixels.dtype != layout.dtype or not fits:
        raise ArgumentError(f"{pixels.dtype} pixels {pixels.shape} are no block of {layout} ({layout.dtype})")
    return compress(_to_stored(np.ascontiguousarray(pixels), layout), layout.compression, level)


def _to_stored(pixels: Pixels, layout: BlockLayout) -> npt.NDArray[np.uint8]:
    """Pixels to the rows of bytes that get compressed."""
    rows = pixels.shape[0]
    if layout.bits_per_sample < 8:
        if pixels.max() >> layout.bits_per_sample:
            raise ArgumentError(f"the value {pixels.max()} needs more than {layout.bits_per_sample} bits")
        run = layout.width * layout.samples
        packed = imagecodecs.packints_encode(pixels.reshape(-1), layout.bits_per_sample, runlen=run)
        return np.frombuffer(packed, np.uint8).reshape(rows, layout.row_bytes)
    if layout.predictor == predictor.FLOATING_POINT:
        return predictor.apply_floating_point(pixels)
    if layout.predictor == predictor.HORIZONTAL:
        pixels = predictor.apply_horizontal(pixels)
    if layout.byte_order != sys.byteorder:
        pixels = pixels.copy()
        _swap(pixels, layout)
    return pixels.reshape(rows, -1).view(np.uint8)
