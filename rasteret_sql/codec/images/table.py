"""The image codecs: streams that hold pixels, not bytes. One table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import imagecodecs
import numpy as np

from rasteret_sql.codec.images import ccitt, jpeg, jpeg2000, jpegxl, lerc, webp
from rasteret_sql.codec.images.stream_header import Claim
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError

Samples = frozenset[tuple[str, int]]
"""Pairs of a kind and bits, as in ``samples.STORED_AS``."""


def widths(samples: Samples) -> str:
    """``float 32, 64; uint 1 to 16``: kinds and widths for a message."""
    texts = []
    for kind in sorted({kind for kind, _ in samples}):
        bits = sorted(b for k, b in samples if k == kind)
        run = len(bits) > 2 and bits[-1] - bits[0] == len(bits) - 1
        listed = f"{bits[0]} to {bits[-1]}" if run else ", ".join(map(str, bits))
        texts.append(f"{kind} {listed}")
    return "; ".join(texts)


@dataclass(frozen=True, kw_only=True)
class ImageCodec:
    """One row of the table of image codecs."""

    read_header: Callable[[bytes, BlockLayout], Claim]
    """What the stream says of its size, in a few bytes and before anything is decoded."""
    decode: Callable[[bytes, BlockLayout, int], Pixels]
    """Pixels (rows, width, samples) in new memory, of a layout and a least number of rows."""
    samples: Samples
    bands: range
    """Samples of a pixel that one block may hold."""
    unwrap: Callable[[bytes, BlockLayout], bytes] = lambda data, layout: data
    """The stream inside of a further compression."""
    ignores_predictor: bool = True
    """Whether all readers pass over a Predictor tag, which means nothing here."""
    checksum: str = ""
    """What tells that stored bytes were damaged; empty where nothing does."""
    reversible: bool = True
    """Whether FillOrder 2 is read: libtiff reverses the bits of every codec that it has but JPEG."""

    def require(self, layout: BlockLayout, title: str) -> None:
        """``UnsupportedError`` where this codec does not hold such samples."""
        if (layout.sample_kind, layout.bits_per_sample) not in self.samples:
            raise UnsupportedError(
                f"{title} compression of {layout.bits_per_sample} bits ({layout.dtype}) is not read; "
                f"it holds {widths(self.samples)}"
            )
        if layout.samples not in self.bands:
            few, most = self.bands[0], self.bands[-1]
            known = f"{few}" if few == most else f"{few} to {most}"
            raise UnsupportedError(
                f"{title} compression of {layout.samples} samples a pixel is not read; it holds {known}"
            )
        if layout.fill_order != 1 and not self.reversible:
            raise UnsupportedError(f"FillOrder 2 with {title} compression has no agreed meaning")


ERRORS: Final[tuple[type[Exception], ...]] = (
    imagecodecs.Jpeg8Error,
    imagecodecs.WebpError,
    imagecodecs.LercError,
    imagecodecs.Jpeg2kError,
    imagecodecs.JpegxlError,
    imagecodecs.TiffError,
    # what imagecodecs raises of its own for streams that are not what they should be
    ValueError,
    RuntimeError,
    IndexError,
    NotImplementedError,
)
_INTEGERS = frozenset((kind, bits) for kind in ("uint", "int") for bits in (8, 16, 32))
_BILEVEL = frozenset({("uint", 1)})
_FAX = ImageCodec(
    read_header=ccitt.read_header,
    decode=ccitt.decode,
    samples=_BILEVEL,
    bands=range(1, 2),
)
IMAGE_CODECS: Final[Mapping[str, ImageCodec]] = {
    "jpeg": ImageCodec(
        read_header=jpeg.read_header,
        decode=lambda data, layout, rows: jpeg.decode(data, layout),
        # 8 and 12 bits; every width from 8 on in lossless JPEG
        samples=frozenset(("uint", bits) for bits in range(8, 17)),
        bands=range(1, 11),
    ),
    "webp": ImageCodec(
        read_header=webp.read_header,
        decode=lambda data, layout, rows: webp.decode(data, layout),
        samples=frozenset({("uint", 8)}),
        bands=range(3, 5),
    ),
    "lerc": ImageCodec(
        read_header=lerc.read_header,
        decode=lambda data, layout, rows: lerc.decode(data, layout),
        samples=_INTEGERS | {("float", 32), ("float", 64)},
        bands=range(1, 1 << 16),
        unwrap=lerc.unwrap,
        checksum="Fletcher-32 of LERC 2.3 and later, and that of Deflate around it",
        # tifffile heeds it
        ignores_predictor=False,
    ),
    "jpegxl": ImageCodec(
        read_header=jpegxl.read_header,
        decode=lambda data, layout, rows: jpegxl.decode(data, layout),
        samples=frozenset({*(("uint", bits) for bits in range(1, 17)), ("float", 16), ("float", 32)}),
        bands=range(1, 1 << 12),
        # tifffile does not reverse bits here; libtiff has no such codec of its own
        reversible=False,
    ),
    "jpeg2000": ImageCodec(
        read_header=jpeg2000.read_header,
        decode=lambda data, layout, rows: jpeg2000.decode(data, layout),
        samples=frozenset((kind, bits) for kind in ("uint", "int") for bits in range(2, 25)) | _BILEVEL,
        bands=range(1, 1 << 14),
        reversible=False,
    ),
    **dict.fromkeys(ccitt.CODES, _FAX),
}


def decode_image(data: bytes, layout: BlockLayout, rows: int) -> Pixels:
    """Decode one block of an image codec to ``(rows, width, samples)``, in new memory.

    The stream's own header is checked first, so a stream that claims another size costs nothing.
    ``MalformedError``: broken, or of another size, samples or type. ``UnsupportedError`` and ``LimitError``:
    what the codec's module says.
    """
    codec = IMAGE_CODECS[layout.compression]
    try:
        if not data:
            raise MalformedError("found nothing")
        stream = codec.unwrap(data, layout)
        codec.read_header(stream, layout).check(layout, rows)
        pixels = _shaped(_decode(codec, stream, layout, rows), layout, rows)
    except (MalformedError, UnsupportedError, LimitError) as error:
        raise type(error)(_message(data, layout, rows, error)) from error
    return pixels if len(pixels) == rows else pixels[:rows].copy()


def _decode(codec: ImageCodec, stream: bytes, layout: BlockLayout, rows: int) -> Pixels:
    try:
        return codec.decode(stream, layout, rows)
    except MemoryError as error:
        raise LimitError("no memory to decode it; read fewer or smaller blocks") from error
    except (MalformedError, UnsupportedError, LimitError):
        raise
    except ERRORS as error:
        raise MalformedError(f"found a broken stream ({error})") from error


def _shaped(pixels: Pixels, layout: BlockLayout, rows: int) -> Pixels:
    """The pixels with their axis of samples, if they are what the header claimed."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    good = pixels.shape[1:] == (layout.width, layout.samples) and rows <= len(pixels) <= layout.height
    if not good or pixels.dtype != layout.dtype:
        raise MalformedError(f"found {pixels.dtype} pixels of shape {pixels.shape}")
    return np.ascontiguousarray(pixels)


def _message(data: bytes, layout: BlockLayout, rows: int, error: Exception) -> str:
    block = f"a block in {layout.compression} compression, {len(data)} bytes as stored"
    if not isinstance(error, MalformedError):
        return f"{block}: {error}"
    tall = f"{rows}" if rows == layout.height else f"{rows} to {layout.height}"
    return (
        f"{block}: expected {layout.width} x {tall} pixels x {layout.samples} x "
        f"{layout.bits_per_sample} bits ({layout.dtype}), {error}"
    )
