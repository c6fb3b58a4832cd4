"""LZW (TIFF 6.0 section 13; and the reversed codes of writers before it), decoded by libtiff.

imagecodecs' own decoder does not check the first code after a Clear code, and then follows a pointer that
nobody set (seen in 2026.3.6): a crafted block ends the process. libtiff checks it, at the same cost.
"""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt

from rasteret_sql.codec.libtiff import decode_strip

LZW: Final = 5
"""TIFF's code."""


def decode_exactly(data: bytes | memoryview, size: int) -> npt.NDArray[Any]:
    """The first ``size`` bytes of an LZW stream; ``libtiff.ERROR`` where it is broken or ends before them."""
    return decode_strip(data, compression=LZW, width=size, rows=1, bits=8).reshape(-1)
