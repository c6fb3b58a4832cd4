"""The byte compressions that are read and written: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import imagecodecs

from rasteret_sql.arrays import Bytes
from rasteret_sql.codec import lzw, zstd
from rasteret_sql.errors import ArgumentError, LimitError, MalformedError
from rasteret_sql.memory import take
from rasteret_sql.settings import settings

ZLIB_HEADER, ADLER_BYTES = 2, 4
"""Around the deflate stream (RFC 1950 2.2)."""


@dataclass(frozen=True, kw_only=True)
class Compression:
    """One row of the table of compressions."""

    decode: Callable[[Any, memoryview], int] | None = None
    """Fills the buffer from its start and gives the bytes written; never writes past its end.
    Takes bytes or a memoryview (which imagecodecs' stubs leave out)."""
    decode_exactly: Callable[[Any, int], Bytes] | None = None
    """In its place: that many bytes from the front of the stream, or one of ``errors``."""
    encode: Callable[[Bytes, int | None], bytes]
    """Compresses rows of bytes, shape (rows, bytes of a row), at a level (None: the codec's own)."""
    levels: range = range(0)
    """Levels that mean something; empty where the codec has none."""
    max_ratio: int
    """Most bytes that one stored byte can become: more is refused before memory is taken."""
    errors: tuple[type[Exception], ...] = ()
    """What the decoder raises on bad input."""
    overflow: str = ""
    """The part of that error's text which says that the buffer was too small."""
    predicts: bool = False
    """Whether a Predictor tag applies."""
    checksum: str = ""
    """What tells that stored bytes were damaged; empty where nothing does."""
    decode_unchecked: Callable[[Any, memoryview], int] | None = None
    """As ``decode``, whether the checksum matches or not."""


def decompress(data: bytes | memoryview, name: str, *, least: int, most: int) -> Bytes:
    """Decompress one block that should hold ``least`` to ``most`` bytes; no more is ever produced.

    The answer has the decoded size, is writable and shares no memory with ``data``. Bytes after the
    end of a deflate, LZW or ZSTD stream are ignored, as libtiff does. ``MalformedError``: the stream is
    broken, or holds less or more. ``LimitError``: this machine cannot give the memory.
    """
    codec = SUPPORTED[name]
    reachable = len(data) * codec.max_ratio
    if least > reachable:
        raise _malformed(data, name, least, most, f"bytes for {reachable} at best")
    try:
        length = _fill(codec, data, least, most, reachable)
    except MemoryError as e:
        raise LimitError(f"no memory for a block of {most} bytes; read fewer or smaller blocks") from e
    except codec.errors as e:
        salvaged = _salvage(codec, data, least, most)
        if salvaged is not None:
            return salvaged
        trouble = "more" if codec.overflow and codec.overflow in str(e) else f"a broken stream ({e})"
        raise _malformed(data, name, least, most, trouble) from e
    if not least <= len(length) <= most:
        raise _malformed(data, name, least, most, "more" if len(length) > most else str(len(length)))
    return length


def _fill(codec: Compression, data: bytes | memoryview, least: int, most: int, reachable: int) -> Bytes:
    """What a stream holds; a byte more than ``most`` where it holds more than that."""
    if codec.decode is not None:
        # One spare byte: some decoders stop silently when the buffer is full.
        buffer = take(min(most, reachable) + 1)
        return buffer[: codec.decode(data, buffer.data)]
    assert codec.decode_exactly is not None
    if most < reachable:
        with suppress(*codec.errors):
            return codec.decode_exactly(data, most + 1)
    return codec.decode_exactly(data, least)


def _salvage(codec: Compression, data: bytes | memoryview, least: int, most: int) -> Bytes | None:
    """A whole block whose checksum alone is wrong, where the setting ``verify`` says to pass over it."""
    if codec.decode_unchecked is None or settings().verify != "none":
        return None
    buffer = take(most + 1)
    try:
        found = buffer[: codec.decode_unchecked(data, buffer.data)]
    except codec.errors:
        return None
    return found if least <= len(found) <= most else None


def _malformed(data: bytes | memoryview, name: str, least: int, most: int, reason: str) -> MalformedError:
    expected = f"{least}" if least == most else f"{least} to {most}"
    kind = "an uncompressed block" if name == "none" else f"a block in {name} compression"
    return MalformedError(
        f"{kind}, {len(data)} bytes as stored: expected {expected} bytes decoded, found {reason}"
    )


def compress(rows: Bytes, name: str, level: int | None = None) -> bytes:
    """Compress rows of bytes, shape (rows, bytes of a row).

    ``ArgumentError``: the level is not one of the codec's.
    """
    codec = SUPPORTED[name]
    if level is not None and level not in codec.levels:
        known = f"{codec.levels[0]} to {codec.levels[-1]}" if codec.levels else "it has none"
        raise ArgumentError(f"level {level} of {name} compression: {known}")
    return codec.encode(rows, level)


def _copy(data: Any, out: memoryview) -> int:
    size = min(len(data), len(out))
    out[:size] = data[:size]
    return size


# TIFF 6.0 sections 9 (PackBits) and 13 (LZW), Adobe Photoshop TIFF Technical Notes (deflate), libtiff (ZSTD).
# Largest ratios: 128 bytes from 2 in PackBits, 258 bytes from 2 bits in deflate, a string of 3,838 from
# 12 bits in LZW, a block of 128 KiB from 4 bytes in ZSTD, 273 bytes from 14 decisions of 0.022 bits in LZMA.
# libtiff, and so GDAL, heeds a Predictor tag beside LZW, deflate, ZSTD and LZMA only; tifffile heeds it
# beside every byte compression.
SUPPORTED: Mapping[str, Compression] = {
    "none": Compression(
        decode=_copy,
        encode=lambda rows, level: rows.tobytes(),
        max_ratio=1,
    ),
    "lzw": Compression(
        decode_exactly=lzw.decode_exactly,
        encode=lambda rows, level: bytes(imagecodecs.lzw_encode(rows.tobytes())),
        max_ratio=2560,
        errors=(imagecodecs.TiffError,),
        predicts=True,
    ),
    "deflate": Compression(
        decode=lambda data, out: len(imagecodecs.deflate_decode(data, out=out)),
        encode=lambda rows, level: bytes(imagecodecs.deflate_encode(rows.tobytes(), level)),
        levels=range(13),
        max_ratio=1032,
        errors=(imagecodecs.DeflateError,),
        overflow="INSUFFICIENT_SPACE",
        checksum="Adler-32 of a tile that is decoded as a whole",
        decode_unchecked=lambda data, out: len(
            imagecodecs.deflate_decode(data[ZLIB_HEADER:-ADLER_BYTES], raw=True, out=out)
        ),
        predicts=True,
    ),
    "zstd": Compression(
        decode=zstd.decode,
        encode=lambda rows, level: bytes(imagecodecs.zstd_encode(rows.tobytes(), level)),
        levels=range(1, 23),
        max_ratio=32768,
        errors=(imagecodecs.ZstdError,),
        checksum="XXH64, where the writer added it (GDAL does not)",
        decode_unchecked=zstd.decode_unchecked,
        overflow="too small",
        predicts=True,
    ),
    "lzma": Compression(
        decode=lambda data, out: len(imagecodecs.lzma_decode(data, out=out)),
        encode=lambda rows, level: bytes(imagecodecs.lzma_encode(rows.tobytes(), level)),
        levels=range(10),
        max_ratio=8192,
        errors=(imagecodecs.LzmaError,),
        checksum="CRC-64, or what the XZ stream names",
        predicts=True,
    ),
    "packbits": Compression(
        decode=lambda data, out: len(imagecodecs.packbits_decode(data, out=out)),
        # Each row on its own, as section 9 asks.
        encode=lambda rows, level: bytes(imagecodecs.packbits_encode(rows, axis=-1)),
        max_ratio=64,
        errors=(imagecodecs.PackbitsError,),
        overflow="TOO_SMALL",
    ),
}
