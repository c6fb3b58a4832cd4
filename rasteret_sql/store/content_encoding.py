"""``Content-Encoding`` (RFC 9110, 8.4): which names stand for a compression, and whole documents without it.

Object stores repeat what an upload sent, and uploads send what is not a coding at all: an empty text,
``aws-chunked`` (Amazon's framing of the upload), ``none``, ``binary``, ``utf-8``. Those bytes are its own.
"""

from __future__ import annotations

import zlib

from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError
from rasteret_sql.store.redact import display_href

GZIP = frozenset({"gzip", "x-gzip"})
COMPRESSIONS = GZIP | {
    "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm",
    "bzip2", "x-bzip2", "bz2", "x-bzip", "xz", "lzma", "x-xz", "x-lzma", "lz4", "snappy", "zip",
}  # fmt: skip
"""The codings of IANA's registry, and names that uploaders give to other compressions."""

GZIP_MAGIC = b"\x1f\x8b"
_WINDOW = 31  # zlib's for a gzip header
PIECE = 1 << 14
"""Bytes that are unpacked at once: behind a short member no more than these are looked at again."""
MAX_MEMBERS = 1 << 16
"""Of one document; a file of many small blocks, as bgzip writes, has a thousand in 64 MiB."""


def compressions(header: object) -> tuple[str, ...]:
    """The compressions that a header names, in the order in which they were applied, in lower case."""
    names = (name.partition(";")[0].strip(" \t\"'").lower() for name in str(header or "").split(","))
    return tuple(name for name in names if name in COMPRESSIONS)


def unpacked(data: bytes | memoryview, header: object, href: str, *, max_bytes: int) -> bytes | memoryview:
    """A whole document without its compression; at most ``max_bytes``, or ``LimitError``.

    gzip and deflate are unpacked. A body that the header calls gzip, and that is not, is taken as it is.
    """
    for name in reversed(compressions(header)):
        if name in GZIP:
            data = gunzipped(data, href, max_bytes=max_bytes) if data[:2] == GZIP_MAGIC else data
        elif name == "deflate":
            data = _inflated(bytes(data), href, max_bytes=max_bytes)
        else:
            raise encoded_document(href, name)
    return data


def encoded_document(href: str, name: str) -> UnsupportedError:
    """A whole document in a compression that is not unpacked here."""
    return UnsupportedError(
        f"{display_href(href)}: the server sends it with Content-Encoding {name!r}; a document is read "
        "without "
        "compression, or with gzip or deflate."
    )


def gunzipped(data: bytes | memoryview, href: str, *, max_bytes: int) -> bytes:
    """gzip (RFC 1952), one member after another; zeros behind a member are padding."""
    packed = memoryview(data)
    parts: list[bytes] = []
    left, position = max_bytes, 0
    while position < len(packed):
        if len(parts) == MAX_MEMBERS:
            raise LimitError(
                f"{display_href(href)}: more than {MAX_MEMBERS:,} gzip members; compress it as one"
            )
        part, position = _member(packed, position, _WINDOW, href, left, max_bytes)
        parts.append(part)
        left -= len(part)
        while position < len(packed) and not (
            rest := bytes(packed[position : position + PIECE]).lstrip(b"\0")
        ):
            position = min(position + PIECE, len(packed))
        if position < len(packed):
            position += min(PIECE, len(packed) - position) - len(rest)
    return b"".join(parts)


def _inflated(data: bytes, href: str, *, max_bytes: int) -> bytes:
    """What HTTP calls deflate: the zlib format (RFC 1950), or of some servers the bare one (RFC 1951)."""
    is_zlib = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _member(memoryview(data), 0, 15 if is_zlib else -15, href, max_bytes, max_bytes)[0]


def _member(
    packed: memoryview, position: int, window: int, href: str, left: int, max_bytes: int
) -> tuple[bytes, int]:
    """One compressed stream unpacked, and the position behind it."""
    stream, parts, length = zlib.decompressobj(window), list[bytes](), 0
    while not stream.eof:
        piece = packed[position : position + PIECE]
        if not piece:
            raise MalformedError(f"{display_href(href)}: its gzip data ends too early")
        try:
            part = stream.decompress(piece, left + 1 - length)
        except zlib.error as error:
            raise MalformedError(f"{display_href(href)}: its gzip data is damaged ({error})") from error
        parts.append(part)
        length += len(part)
        if length > left:
            limit = f"{max_bytes >> 20} MiB" if max_bytes >= 1 << 20 else f"{max_bytes:,} bytes"
            raise LimitError(f"{display_href(href)}: decompresses to more than {limit}; split the file")
        position += len(piece) - len(stream.unused_data) - len(stream.unconsumed_tail)
    return b"".join(parts), position
