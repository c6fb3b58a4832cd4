"""Names for the types of arrays, and how far whole numbers are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
"""Samples of any type."""
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.intp]
"""Places in another array."""

EXACT = 2**53
"""Whole numbers up to here, and down to its negative, are exact as float64."""


def is_inexact(pixels: Pixels, valid: Bools | None = None) -> bool:
    """Whether a valid pixel is a whole number that float64 does not hold exactly."""
    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize < 8:
        return False
    numbers = pixels if valid is None else pixels[valid]
    return bool(numbers.size) and (int(numbers.max()) > EXACT or int(numbers.min()) < -EXACT)
