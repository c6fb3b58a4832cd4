"""How one stored block (a tile or a strip) becomes samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
"""Shape (rows, width, samples)."""


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
    """NumPy name of one sample as it is given out."""
    byte_order: str
    """``little`` or ``big``: how the file stores a sample."""
    bits_per_sample: int
    compression: str
    """A name of ``support.COMPRESSIONS``, or of what ``require_supported`` refuses."""
    predictor: int
    fill_order: int = 1
    """2: the bits of each byte are reversed."""
    photometric: str = "minisblack"
    """Of JPEG ``ycbcr`` becomes RGB; else samples stay as stored, be they palette, MinIsWhite or CMYK."""
    jpeg_tables: bytes | None = None
    lerc_parameters: tuple[int, ...] | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of one decompressed row; a row of packed bits ends at a whole byte."""
        return -(-self.width * self.samples * self.bits_per_sample // 8)

    @cached_property
    def decoded_bytes(self) -> int:
        """Bytes of the pixels of one block."""
        return self.width * self.height * self.samples * np.dtype(self.dtype).itemsize

    @property
    def sample_kind(self) -> str:
        """``uint``, ``int``, ``float``, ``complex``, or ``complex_int`` for pairs of integers."""
        kind = {"u": "uint", "i": "int", "f": "float"}.get(np.dtype(self.dtype).kind, "complex")
        halved = kind == "complex" and self.bits_per_sample < np.dtype(self.dtype).itemsize * 8
        return "complex_int" if halved else kind

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels x {self.samples} x {self.bits_per_sample} bits"
