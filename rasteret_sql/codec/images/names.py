"""The image codecs by name, without the libraries that decode them: those wait for the first such block."""

from __future__ import annotations

from typing import Final

IMAGE_COMPRESSIONS: Final = (
    "jpeg", "webp", "lerc", "jpegxl", "jpeg2000", "ccitt_rle", "ccitt_g3", "ccitt_g3_2d", "ccitt_g4",
)  # fmt: skip
"""The keys of ``table.IMAGE_CODECS``, in its order."""
