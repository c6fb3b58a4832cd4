"""Rows of decompressed bytes to samples and back, by one table of kinds and widths."""

from __future__ import annotations

import sys
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasteret_sql.codec import predictor
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import ArgumentError

Bytes = npt.NDArray[np.uint8]
"""Shape (rows, bytes of a row)."""

NATIVE, PACKED, FLOAT24, COMPLEX_INTEGERS = "native", "packed", "24-bit float", "complex integers"
_WIDTHS = (8, 16, 32, 64)
STORED_AS: Final[dict[tuple[str, int], tuple[str, str]]] = {
    **{
        (kind, bits): (
            NATIVE if bits in _WIDTHS else PACKED,
            f"{kind}{next(width for width in _WIDTHS if bits <= width)}",
        )
        for kind in ("uint", "int")
        for bits in (*range(1, 33), 64)
    },
    ("float", 16): (NATIVE, "float16"),
    ("float", 24): (FLOAT24, "float32"),
    ("float", 32): (NATIVE, "float32"),
    ("float", 64): (NATIVE, "float64"),
    ("complex_int", 32): (COMPLEX_INTEGERS, "complex64"),
    ("complex_int", 64): (COMPLEX_INTEGERS, "complex128"),
    ("complex", 64): (NATIVE, "complex64"),
    ("complex", 128): (NATIVE, "complex128"),
}
"""(Kind, bits a sample) -> how it is stored, and the dtype it becomes; what is not here is not read."""
DTYPES: Final = tuple(dict.fromkeys(dtype for _, dtype in STORED_AS.values()))
"""The dtypes that pixels have."""


def stored_as(layout: BlockLayout) -> str | None:
    """How the samples of ``layout`` are stored; None where they are not read."""
    how, dtype = STORED_AS.get((layout.sample_kind, layout.bits_per_sample), (None, None))
    return how if dtype == layout.dtype else None


def to_samples(stored: Bytes, layout: BlockLayout) -> Pixels:
    """Decompressed rows to pixels ``(rows, width, samples)``; the bytes may be overwritten."""
    shape = (stored.shape[0], layout.width, layout.samples)
    match stored_as(layout):
        case "packed":
            return _unpack(stored, layout).reshape(shape)
        case "24-bit float":
            return _to_float32(stored, layout).reshape(shape)
        case "complex integers":
            pairs = _to_native(stored, layout, np.dtype(f"i{layout.bits_per_sample // 16}"), shape)
            return pairs.astype(f"f{np.dtype(layout.dtype).itemsize // 2}").view(layout.dtype)
        case _:
            return _to_native(stored, layout, np.dtype(layout.dtype), shape)


def _to_native(
    stored: Bytes, layout: BlockLayout, dtype: np.dtype[Any], shape: tuple[int, int, int]
) -> Pixels:
    """Samples that NumPy has a type for, in place where it can be; of pairs the type of one part."""
    if layout.predictor == predictor.FLOATING_POINT:
        words = predictor.undo_floating_point(stored, dtype.itemsize, layout.samples)
        return words.view(dtype).reshape(shape)
    pixels: Pixels = stored.view(dtype).reshape(*shape[:2], -1)
    differenced = layout.predictor == predictor.HORIZONTAL
    # libtiff differences complex64, and pairs of integers, as one integer, stored in the file's order
    whole = pixels.view(f"u{layout.bits_per_sample // 8}") if differenced else pixels
    if layout.byte_order != sys.byteorder:
        whole.byteswap(inplace=True)
    if differenced:
        predictor.undo_horizontal(whole)
    return pixels


def _unpack(stored: Bytes, layout: BlockLayout) -> npt.NDArray[Any]:
    """Integers of any width, first bit first whatever the file's byte order; signed ones are extended.

    GDAL and tifffile do not extend the sign: they give the bits as they are.
    """
    bits = layout.bits_per_sample
    if bits == 24 and layout.byte_order == "big":
        # GDAL writes and reads them so: libtiff swaps the bytes that GDAL packs first bit first
        stored = _swap24(stored)
    dtype = np.dtype(layout.dtype)
    words: npt.NDArray[Any] = imagecodecs.packints_decode(
        stored.tobytes(), f"u{dtype.itemsize}", bits, runlen=layout.width * layout.samples
    )
    if dtype.kind == "u":
        return words
    unused = 8 * dtype.itemsize - bits
    words <<= unused
    signed = words.view(dtype)
    signed >>= unused
    return signed


def _swap24(stored: Bytes) -> Bytes:
    return np.ascontiguousarray(stored.reshape(-1, 3)[:, ::-1]).reshape(stored.shape)


def _to_float32(stored: Bytes, layout: BlockLayout) -> npt.NDArray[Any]:
    """Floats of 24 bits (Adobe TIFF Technical Note 3: 1 sign, 7 exponent, 16 mantissa bits), exactly."""
    if layout.predictor == predictor.FLOATING_POINT:
        words = predictor.undo_floating_point(stored, 3, layout.samples)
        bits = words.reshape(-1).astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        return imagecodecs.float24_decode(bits, byteorder="<")
    return imagecodecs.float24_decode(
        stored.tobytes(), byteorder="<" if layout.byte_order == "little" else ">"
    )


def to_stored(pixels: Pixels, layout: BlockLayout) -> Bytes:
    """Pixels to the rows of bytes that get compressed; the inverse of ``to_samples``."""
    rows = pixels.shape[0]
    how = stored_as(layout)
    if how == PACKED:
        return _pack(pixels, layout)
    if how == FLOAT24:
        return _from_float32(pixels, layout)
    if how == COMPLEX_INTEGERS:
        parts = pixels.view(f"f{pixels.itemsize // 2}")
        integers = parts.astype(f"i{layout.bits_per_sample // 16}")
        if not np.array_equal(integers, parts):
            raise ArgumentError(f"complex pixels are not integers of {layout.bits_per_sample // 2} bits")
        pixels = integers
    if layout.predictor == predictor.FLOATING_POINT:
        return predictor.apply_floating_point(pixels)
    if layout.predictor == predictor.HORIZONTAL:
        pixels = predictor.apply_horizontal(pixels.view(f"u{layout.bits_per_sample // 8}"))
    if layout.byte_order != sys.byteorder:
        pixels = pixels.byteswap()
    return pixels.reshape(rows, -1).view(np.uint8)


def _pack(pixels: Pixels, layout: BlockLayout) -> Bytes:
    bits, rows = layout.bits_per_sample, pixels.shape[0]
    unused = 8 * pixels.itemsize - bits
    if not np.array_equal(pixels << unused >> unused, pixels):
        widest = pixels.reshape(-1)[np.abs(pixels.reshape(-1).astype(np.int64)).argmax()]
        raise ArgumentError(f"the value {widest} needs more than {bits} bits")
    words = pixels.view(f"u{pixels.itemsize}").reshape(-1) & ((1 << bits) - 1)
    packed = imagecodecs.packints_encode(words, bits, runlen=layout.width * layout.samples)
    stored = np.frombuffer(packed, np.uint8).reshape(rows, layout.row_bytes)
    return _swap24(stored) if bits == 24 and layout.byte_order == "big" else stored


def _from_float32(pixels: Pixels, layout: BlockLayout) -> Bytes:
    rows = pixels.shape[0]
    flat = pixels.reshape(-1)
    packed = imagecodecs.float24_encode(flat, byteorder=">")
    back = imagecodecs.float24_decode(packed, byteorder=">")
    if not np.array_equal(back, flat, equal_nan=True):
        raise ArgumentError("float32 pixels do not fit floats of 24 bits")
    most_significant_first = np.frombuffer(packed, np.uint8).reshape(rows, -1)
    if layout.predictor == predictor.FLOATING_POINT:
        return predictor.apply_to_bytes(most_significant_first, 3, layout.samples)
    return most_significant_first if layout.byte_order == "big" else _swap24(most_significant_first)
