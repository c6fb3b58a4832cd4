"""Blocks kept in a folder for the next epoch, the next process and the next day, up to a number of bytes.

It lies beneath the block cache of the process: what that one lacks is looked for here before it is asked for.
An entry is one file, written beside its place and moved there, so that writers need no lock: two of them
write the same bytes, and a process that is killed leaves a part that a later trimming removes. What is read
is checked by length and checksum, and is removed where it is something else.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rasteret_sql.blocks.disk_entry import HEAD_BYTES, PART, digest_of, read_entry, write_entry
from rasteret_sql.blocks.jobs import BlockKey, Job
from rasteret_sql.forks import fork_safe_lock
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.store.address import family_of
from rasteret_sql.store.etag import opaque
from rasteret_sql.store.signing.presigned import unsigned

FOLDER = "rasteret-tiles-1"
"""Below ``tile_cache_dir``: all that is ever removed lies in it."""
REMOTE = frozenset({"http", "s3", "gs", "az"})
SHARE = 16
"""Other processes' files are counted again after a process has written so much of the limit itself."""
TRIMMED = 0.9
"""Of the limit, what trimming leaves: else it would begin anew with the next block."""
ABANDONED_S = 3600.0
"""After so long nobody writes a part any more."""


class DiskCache:
    """The folder of the settings ``tile_cache_dir`` and ``tile_cache_dir_bytes``; without one it is idle.

    Safe from many threads and processes. It keeps blocks of remote files whose ETag is known; another version
    of a file has other entries. It raises nothing: what cannot be written is said once, what cannot be read
    is asked for.
    """

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._known = _Known()
        self._notices = Notices("tile_cache_dir")

    def find(self, key: BlockKey, job: Job) -> memoryview | None:
        """The stored block, or as much of its front as ``job`` wants; None where it has to be asked for."""
        digest = _digest(key)
        if digest is None:
            return None
        place = _place(_folder(), digest)
        return read_entry(place, digest, at_least=job.front_bytes, at_most=key[3], now=time.time())

    def holds(self, key: BlockKey, job: Job) -> bool:
        """Whether there is an entry of that length; it is not looked into."""
        digest = _digest(key)
        return digest is not None and _size_of(_place(_folder(), digest)) >= HEAD_BYTES + job.front_bytes

    def keep(self, key: BlockKey, data: memoryview) -> None:
        """Keep the stored block, or its front, unless as much of it is there."""
        digest = _digest(key)
        if digest is None:
            return
        folder = _folder()
        place, byte_count = _place(folder, digest), HEAD_BYTES + len(data)
        if _size_of(place) >= byte_count:
            return
        try:
            self._make_room(folder, byte_count)
            try:
                write_entry(place, digest, data)
            finally:
                with self._lock:
                    self._known.on_the_way -= byte_count
                    self._known.written += byte_count
        except OSError as error:
            self._notices.say(
                f"{folder} cannot be written, so tiles are not kept there: {error.strerror or error}", "write"
            )

    def _make_room(self, folder: Path, byte_count: int) -> None:
        """Trim the folder where one more entry may be over the limit."""
        limit = settings().tile_cache_dir_bytes
        with self._lock:
            known = self._known
            if known.folder != folder or known.written > limit // SHARE or known.total + byte_count > limit:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                known.byte_count = trim(folder, limit - byte_count - known.on_the_way)
                known.folder, known.written = folder, 0
            known.on_the_way += byte_count


@dataclass
class _Known:
    """What a process knows of the folder."""

    folder: Path | None = None
    byte_count: int = 0
    """Of all files, when they were counted."""
    written: int = 0
    """Since then, by this process."""
    on_the_way: int = 0
    """Of entries that its threads are writing."""

    @property
    def total(self) -> int:
        return self.byte_count + self.written + self.on_the_way


def trim(folder: Path, limit: int) -> int:
    """Remove the entries that were not used for longest, if all take more than ``limit``; the bytes left.

    Several processes may do it at once: a file that is gone already is as good as removed.
    """
    entries = sorted(_entries(folder))
    left = sum(size for _, size, _ in entries)
    if left > limit:
        for _, size, path in entries:
            if left <= limit * TRIMMED:
                break
            with suppress(OSError):
                os.unlink(path)
            left -= size
    return left


def _entries(folder: Path) -> list[tuple[float, int, str]]:
    """When each was used last, its bytes, its path; parts that nobody writes any more are removed.

    Those that somebody writes are left out: a writer would miss them.
    """
    found = []
    oldest = time.time() - ABANDONED_S
    for inside in os.scandir(folder):
        if not inside.is_dir(follow_symlinks=False):
            continue
        for entry in os.scandir(inside.path):
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if not entry.name.endswith(PART):
                    found.append((status.st_mtime, status.st_size, entry.path))
                elif status.st_mtime < oldest:
                    os.unlink(entry.path)
    return found


def _digest(key: BlockKey) -> bytes | None:
    """What the block is called; None where it is not kept."""
    href, etag, start, length = key[:4]
    if not settings().tile_cache_dir or etag is None or family_of(href) not in REMOTE:
        return None
    return digest_of(unsigned(href), opaque(etag), start, length)


def _folder() -> Path:
    return Path(settings().tile_cache_dir).expanduser().absolute() / FOLDER


def _place(folder: Path, digest: bytes) -> Path:
    name = digest.hex()
    return folder / name[:2] / name[2:]


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


DISK = DiskCache()
