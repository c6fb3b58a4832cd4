"""One file of the disk cache: the bytes of a block, with what tells them from anything else."""

from __future__ import annotations

import json
import os
import stat
import struct
from contextlib import suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path

from isal import isal_zlib

MAGIC = b"rasteret tile 1\n"
_HEAD = struct.Struct("<16s32sQI")
"""Magic, digest of the key, bytes that follow, their CRC 32."""
HEAD_BYTES = _HEAD.size
PART = ".part"
"""End of the name of a file that is being written."""
_TOUCH_AFTER_S = 60.0
_numbers = count()


def digest_of(href: str, etag: str, start: int, length: int) -> bytes:
    """What a block is called. Nothing of ``href``, which may have a secret, can be read from it."""
    return blake2b(json.dumps([href, etag, start, length]).encode(), digest_size=32).digest()


def read_entry(path: Path, digest: bytes, *, at_least: int, at_most: int, now: float) -> memoryview | None:
    """The block's bytes, or its first ones; None where they are not there, not whole or not its own.

    A file that is not an entry of this block is removed. ``now``, in seconds, is noted as its last use.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        found = os.fstat(file)
        length = found.st_size - HEAD_BYTES
        if stat.S_ISREG(found.st_mode) and 0 < length <= at_most:
            if length < at_least:
                return None
            data = memoryview(_read(file, found.st_size))
            if _is_whole(data, digest):
                if now - found.st_mtime > _TOUCH_AFTER_S:
                    os.utime(file, (now, now))
                return data[HEAD_BYTES:]
    except OSError:
        return None
    finally:
        os.close(file)
    with suppress(OSError):
        path.unlink()
    return None


def _read(file: int, byte_count: int) -> bytes:
    parts = []
    while byte_count and (part := os.read(file, byte_count)):
        parts.append(part)
        byte_count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_whole(data: memoryview, digest: bytes) -> bool:
    if len(data) < HEAD_BYTES:
        return False
    magic, owner, length, checksum = _HEAD.unpack_from(data)
    content = data[HEAD_BYTES:]
    return (magic, owner, length) == (MAGIC, digest, len(content)) and isal_zlib.crc32(content) == checksum


def write_entry(path: Path, digest: bytes, data: memoryview) -> int:
    """Write an entry beside its place and move it there, so that nobody sees a part; the bytes it takes."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{next(_numbers)}{PART}")
    try:
        with beside.open("xb") as file:
            file.write(_HEAD.pack(MAGIC, digest, len(data), isal_zlib.crc32(data)))
            file.write(data)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    return HEAD_BYTES + len(data)
