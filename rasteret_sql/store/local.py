"""Byte ranges of local files, by ``pread``: every name works, every thread may read, no client is needed."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime

from rasteret_sql.errors import AccessError, NotFoundError, TransportError
from rasteret_sql.memory import take
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.errors import OUT_OF_DESCRIPTORS, beyond_end, too_large, too_many_files
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import display_href

MAX_BYTES_AT_ONCE = 1 << 30


class LocalReader:
    """Reads paths and ``file://`` URLs. The ETag is made of the time of change and the size."""

    def read(self, request: ByteRange) -> Block:
        fd, info = _open(request.href)
        try:
            there = max(0, (info.size or 0) - request.start)
            data = _pread(fd, request.start, min(request.length, there), request.href)
        finally:
            os.close(fd)
        if not data and request.length:
            raise beyond_end(request.href, request, info.size)
        return Block(data=data, info=info)

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        fd, info = _open(href)
        try:
            if (info.size or 0) > max_bytes:
                raise too_large(href, info.size, max_bytes)
            return Block(data=_pread(fd, 0, info.size or 0, href), info=info)
        finally:
            os.close(fd)


def _open(href: str) -> tuple[int, ObjectInfo]:
    path = parse_address(href).key
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"{display_href(href)}: there is no such file{_seen_from(href, path)}."
        ) from error
    except PermissionError as error:
        raise AccessError(f"{display_href(href)}: this user may not read the file.") from error
    except OSError as error:
        if error.errno in OUT_OF_DESCRIPTORS:
            raise too_many_files(href) from error
        raise TransportError(f"{display_href(href)}: it cannot be opened ({error.strerror}).") from error
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode):
        os.close(fd)
        kind = "a folder" if stat.S_ISDIR(about.st_mode) else "not a regular file"
        raise NotFoundError(f"{display_href(href)}: that is {kind}; expected a file.")
    return fd, ObjectInfo(
        size=about.st_size,
        etag=f'"{about.st_mtime_ns:x}-{about.st_size:x}"',
        last_modified=datetime.fromtimestamp(about.st_mtime, UTC),
    )


def _pread(fd: int, start: int, length: int, href: str) -> memoryview:
    """All bytes there are of the range; one system call gives at most 2 GiB."""
    data, there = take(length).data, 0
    try:
        while there < length:
            count = os.preadv(fd, [data[there : there + MAX_BYTES_AT_ONCE]], start + there)
            if not count:
                break
            there += count
    except (OSError, OverflowError) as error:
        raise TransportError(f"{display_href(href)}: reading failed at byte {start:,} ({error}).") from error
    return data[:there]


def _seen_from(href: str, path: str) -> str:
    return "" if os.path.isabs(href) or "://" in href else f" (looked for {path})"
