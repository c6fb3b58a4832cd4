"""Predictors (TIFF 6.0 section 14, Adobe TIFF Technical Note 3): differences of neighbours, undone and made.

A row is differenced from left to right, each sample of a pixel from the same sample of the pixel before.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bytes, Pixels

NONE, HORIZONTAL, FLOATING_POINT = 1, 2, 3


def undo_horizontal(pixels: Pixels) -> None:
    """Add up the differences of predictor 2 in place; shape (rows, width, samples), native byte order.

    Whatever the samples mean, their bits are added as unsigned integers of the same width (libtiff):
    so do floats of 16 to 64 bits, and complex64 as one integer of 64 bits.
    """
    words = pixels.view(f"u{pixels.itemsize}")
    imagecodecs.delta_decode(words, axis=1, out=words)


def apply_horizontal(pixels: Pixels) -> Pixels:
    """Take the differences of predictor 2; the inverse of ``undo_horizontal``, in new memory."""
    words = pixels.view(f"u{pixels.itemsize}")
    differences = words.copy()
    differences[:, 1:] -= words[:, :-1]
    return differences.view(pixels.dtype)


def undo_floating_point(planes: Bytes, itemsize: int, samples: int) -> npt.NDArray[Any]:
    """Undo predictor 3: shape (rows, bytes of a row) to native unsigned integers (rows, width * samples).

    A stored row holds the most significant byte of every sample, then the next byte of every sample, and
    so on whatever the file's byte order, and the bytes are differenced. ``planes`` is overwritten.
    Samples of 3 bytes become integers of 4, below 2^24.
    """
    rows, row_bytes = planes.shape
    deltas = planes.reshape(rows, row_bytes // samples, samples)
    imagecodecs.delta_decode(deltas, axis=1, out=deltas)
    by_plane = planes.reshape(rows, itemsize, row_bytes // itemsize)
    words: npt.NDArray[Any] = by_plane[:, 0].astype(f"u{4 if itemsize == 3 else itemsize}")
    for k in range(1, itemsize):
        words <<= 8
        words |= by_plane[:, k]
    return words


def apply_floating_point(pixels: Pixels) -> Bytes:
    """Make predictor 3 of floats (rows, width, samples): bytes (rows, bytes of a row), in new memory."""
    most_significant_first = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8)
    return apply_to_bytes(most_significant_first.reshape(len(pixels), -1), pixels.itemsize, pixels.shape[2])


def apply_to_bytes(most_significant_first: Bytes, itemsize: int, samples: int) -> Bytes:
    """Make predictor 3 of rows of samples of any number of bytes, shape (rows, bytes of a row)."""
    rows = most_significant_first.shape[0]
    by_sample = most_significant_first.reshape(rows, -1, itemsize)
    planes = np.ascontiguousarray(by_sample.transpose(0, 2, 1)).reshape(rows, -1, samples)
    differences = planes.copy()
    differences[:, 1:] -= planes[:, :-1]
    return differences.reshape(rows, -1)
