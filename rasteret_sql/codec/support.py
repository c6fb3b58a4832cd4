"""What is read, as tables, and the one place that refuses the rest by name.

The tables: ``COMPRESSIONS`` (byte compressions and image codecs), ``samples.STORED_AS`` (kinds and widths of
samples), ``PREDICTED`` (what each predictor takes), and each row's ``ImageCodec.samples`` and ``bands``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rasteret_sql.codec import predictor
from rasteret_sql.codec.compression import SUPPORTED
from rasteret_sql.codec.images.names import IMAGE_COMPRESSIONS
from rasteret_sql.codec.layout import BlockLayout
from rasteret_sql.codec.samples import DTYPES, STORED_AS, stored_as
from rasteret_sql.errors import UnsupportedError

if TYPE_CHECKING:
    from rasteret_sql.codec.images.table import ImageCodec

COMPRESSIONS: Final = (*SUPPORTED, *IMAGE_COMPRESSIONS)
"""Names of ``tiff.tags.COMPRESSIONS`` that are read."""

PREDICTED: Final[Mapping[int, frozenset[tuple[str, int]]]] = {
    predictor.NONE: frozenset(STORED_AS),
    # libtiff takes 8, 16, 32 and 64 bits of anything
    predictor.HORIZONTAL: frozenset((k, b) for k, b in STORED_AS if b in (8, 16, 32, 64)),
    predictor.FLOATING_POINT: frozenset(("float", bits) for bits in (16, 24, 32, 64)),
}
"""Predictor -> the samples (kind, bits) that it takes."""

_TITLES = {
    "webp": "WebP",
    "jpegxl": "JPEG XL",
    "jpeg2000": "JPEG 2000",
    "ojpeg": "old-style JPEG",
    "jpeg_lossy": "lossy JPEG of DNG",
    "pixarlog": "PixarLog",
    "thunderscan": "ThunderScan",
    "sgilog": "SGILog",
    "sgilog24": "SGILog24",
}
"""Compressions whose name in a message is not their name here in capitals."""


def title(compression: str) -> str:
    """A compression as a message names it: ``JPEG XL``, ``LZW``, ``unknown (9)``."""
    if compression.startswith("unknown"):
        return compression
    return _TITLES.get(compression, compression.replace("_", " ").upper())


@lru_cache(maxsize=4096)
def require_supported(layout: BlockLayout) -> None:
    """Refuse by name what this version does not read (``UnsupportedError``)."""
    if layout.compression not in COMPRESSIONS:
        known = ", ".join(COMPRESSIONS)
        raise UnsupportedError(
            f"{title(layout.compression)} compression is not read by this version; it reads {known}"
        )
    if layout.fill_order not in (1, 2):
        raise UnsupportedError(f"FillOrder {layout.fill_order} is not read by this version; it knows 1 and 2")
    _require_samples(layout)
    _require_predictor(layout)
    image_codec = _image_codec(layout.compression)
    if image_codec is not None:
        image_codec.require(layout, title(layout.compression))
    if layout.photometric == "ycbcr" and (layout.compression, layout.samples) != ("jpeg", 3):
        # GDAL converts it to RGBA, tifffile does not, and with subsampling it is stored in another order
        raise UnsupportedError("YCbCr is read in JPEG compression with interleaved bands only")


def _image_codec(compression: str) -> ImageCodec | None:
    if compression not in IMAGE_COMPRESSIONS:
        return None
    from rasteret_sql.codec.images.table import IMAGE_CODECS

    return IMAGE_CODECS[compression]


def _require_samples(layout: BlockLayout) -> None:
    if layout.dtype not in DTYPES:
        raise UnsupportedError(f"samples of type {layout.dtype} are not read by this version")
    if stored_as(layout) is None:
        kind = layout.sample_kind
        widths = ", ".join(str(b) for k, b in STORED_AS if k == kind)
        raise UnsupportedError(
            f"{layout.bits_per_sample} bits a sample (as {layout.dtype}) are not read by this version; "
            f"of {kind.replace('_', ' ')} it reads {widths}"
        )


def _require_predictor(layout: BlockLayout) -> None:
    number, bits = layout.predictor, layout.bits_per_sample
    image_codec = _image_codec(layout.compression)
    if number == predictor.NONE or (image_codec is not None and image_codec.ignores_predictor):
        return
    if number not in PREDICTED:
        raise UnsupportedError(f"predictor {number} is not read by this version")
    if (layout.sample_kind, bits) not in PREDICTED[number]:
        raise UnsupportedError(f"predictor {number} with {bits} bits of {layout.dtype} has no meaning")
    if image_codec is not None or not SUPPORTED[layout.compression].predicts:
        # GDAL ignores the tag here and tifffile heeds it: the pixels are one reader's or the other's
        raise UnsupportedError(
            f"predictor {number} with {layout.compression} compression has no agreed meaning"
        )
