"""Headers of files that queries name by href, kept for the process: a join reads each of them once.

Only what a read can find out to be stale is kept: a remote file with an ETag, which every answer repeats.
Whoever finds that it changed lets the header go, so that the next query reads it again.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.settings import settings
from rasteret_sql.store.transports import Reader

PLAIN_BYTES = 4096
"""A header without its tables of blocks, about."""

Outcome = Header | RasteretError
Key = tuple[str, Reader]
"""An href, and who reads it: with other storage options the same href is another file."""


class HeaderCache:
    """Least recently used headers up to ``header_cache_bytes``; safe from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Key, Header] = OrderedDict()
        self._pending: dict[Key, Future[Outcome | None]] = {}
        self._bytes = 0

    def claim(self, key: Key) -> Header | Future[Outcome | None] | None:
        """The header that is kept, or what somebody who reads it will give; None: the caller settles it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            if key in self._pending:
                return self._pending[key]
            self._pending[key] = Future()
            return None

    def settle(self, key: Key, outcome: Outcome | None) -> None:
        """What reading gave; None where it was given up, so that whoever waits has to read for itself."""
        limit = settings().header_cache_bytes
        with self._lock:
            future = self._pending.pop(key)
            if isinstance(outcome, Header) and outcome.etag is not None and _size(outcome) <= limit:
                self._kept[key] = outcome
                self._bytes += _size(outcome)
            while self._bytes > limit:
                self._bytes -= _size(self._kept.popitem(last=False)[1])
        future.set_result(outcome)

    def forget(self, href: str) -> None:
        """The file changed."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == href]:
                self._bytes -= _size(self._kept.pop(key))

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    @property
    def byte_count(self) -> int:
        return self._bytes


def _size(header: Header) -> int:
    levels = (header.full, *header.overviews)
    tables = (level for found in levels for level in (found, found.mask) if level is not None)
    return PLAIN_BYTES + sum(level.tile_offsets.nbytes + level.tile_byte_counts.nbytes for level in tables)


HEADERS = HeaderCache()
