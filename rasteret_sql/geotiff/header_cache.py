"""Headers of files that queries name by href, kept for the process: a join reads each of them once.

Only what a read can find out to be stale is kept: a remote file with an ETag, which every answer repeats.
Whoever finds that it changed lets the header go, so that the next query reads it again.
"""

from __future__ import annotations

from concurrent.futures import Future

from rasteret_sql.cache import Lru, SingleFlight
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
        self._kept = Lru[Key, Header](lambda: settings().header_cache_bytes, _size)
        self._reading = SingleFlight[Key, Outcome | None]()

    def claim(self, key: Key) -> Header | Future[Outcome | None] | None:
        """The header that is kept, or what somebody who reads it will give; None: the caller settles it."""
        with self._kept.lock:
            header = self._kept.get(key)
            return self._reading.claim(key) if header is None else header

    def settle(self, key: Key, outcome: Outcome | None) -> None:
        """What reading gave; None where it was given up, so that whoever waits has to read for itself."""
        with self._kept.lock:
            future = self._reading.settle(key)
            if isinstance(outcome, Header) and outcome.etag is not None:
                self._kept.put(key, outcome)
        future.set_result(outcome)

    def forget(self, href: str) -> None:
        """The file changed."""
        for key, _ in self._kept.items():
            if key[0] == href:
                self._kept.pop(key)

    def clear(self) -> None:
        self._kept.clear()

    @property
    def byte_count(self) -> int:
        return self._kept.size


def _size(_: Key, header: Header) -> int:
    levels = (header.full, *header.overviews)
    tables = (
        level
        for level_or_mask in levels
        for level in (level_or_mask, level_or_mask.mask)
        if level is not None
    )
    return PLAIN_BYTES + sum(level.tile_offsets.nbytes + level.tile_byte_counts.nbytes for level in tables)


HEADERS = HeaderCache()
