"""``Content-Encoding`` (RFC 9110, 8.4): which names stand for a compression, and whole documents without it.

Object stores repeat what an upload sent, and uploads send what is not a coding at all: an empty text,
``aws-chunked`` (Amazon's framing of the upload), ``none``, ``binary``, ``utf-8``. Those bytes are its own.
"""

from __future__ import annotations

import zlib

from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError
from rasteret_sql.store.redact import place

GZIP = frozenset({"gzip", "x-gzip"})
COMPRESSIONS = GZIP | {
    "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm",
    "bzip2", "x-bzip2", "bz2", "x-bzip", "xz", "lzma", "x-xz", "x-lzma", "lz4", "snappy", "zip",
}  # fmt: skip
"""The codings of IANA's registry, and names that uploaders give to other compressions."""

GZIP_MAGIC = b"\x1f\x8b"
_WINDOW = 31  # zlib's for a gzip header


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
        f"{place(href)}: the server sends it with Content-Encoding {name!r}; a document is read without "
        "compression, or with gzip or deflate."
    )


def gunzipped(data: bytes | memoryview, href: str, *, max_bytes: int) -> bytes:
    """gzip (RFC 1952), one member after another."""
    parts: list[bytes] = []
    left, packed = max_bytes, bytes(data)
    while packed:
        part, packed = _member(packed, _WINDOW, href, left, max_bytes)
        parts.append(part)
        left -= len(part)
        packed = packed.lstrip(b"\0")
    return b"".join(parts)


def _inflated(data: bytes, href: str, *, max_bytes: int) -> bytes:
    """What HTTP calls deflate: the zlib format (RFC 1950), or of some servers the bare one (RFC 1951)."""
    is_zlib = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _member(data, 15 if is_zlib else -15, href, max_bytes, max_bytes)[0]


def _member(data: bytes, window: int, href: str, left: int, max_bytes: int) -> tuple[bytes, bytes]:
    """One compressed stream unpacked, and the bytes behind it."""
    stream = zlib.decompressobj(window)
    try:
        part = stream.decompress(data, left + 1)
    except zlib.error as error:
        raise MalformedError(f"{place(href)}: its gzip data is damaged ({error})") from error
    if len(part) > left:
        limit = f"{max_bytes >> 20} MiB" if max_bytes >= 1 << 20 else f"{max_bytes:,} bytes"
        raise LimitError(f"{place(href)}: decompresses to more than {limit}; split the file")
    if not stream.eof:
        raise MalformedError(f"{place(href)}: its gzip data ends too early")
    return part, stream.unused_data
