"""Decoded blocks, kept for the process: bounded by bytes, and each block decoded once at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any

import numpy.typing as npt

from rasteret_sql.settings import settings

Pixels = npt.NDArray[Any]


class BlockCache:
    """Least recently used blocks up to ``tile_cache_bytes``; safe from many threads.

    ``claim`` answers with a future. Whoever gets it with ``mine`` set must settle it, with ``store`` or
    ``fail``; everybody else waits for it after having done the own work, so that two queries that need
    the same block at the same time fetch it once, and never wait for each other in a circle.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Pixels] = OrderedDict()
        self._pending: dict[Hashable, Future[Pixels]] = {}
        self._bytes = 0

    def claim(self, key: Hashable) -> tuple[Future[Pixels], bool]:
        """The future of one block, and whether the caller is the one to settle it."""
        with self._lock:
            if key in self._pending:
                return self._pending[key], False
            future: Future[Pixels] = Future()
            if key in self._kept:
                self._kept.move_to_end(key)
                future.set_result(self._kept[key])
                return future, False
            self._pending[key] = future
            return future, True

    def store(self, key: Hashable, pixels: Pixels) -> None:
        """Settle a claim with pixels, which nobody may change any more."""
        pixels.flags.writeable = False
        limit = settings().tile_cache_bytes
        with self._lock:
            future = self._pending.pop(key)
            if pixels.nbytes <= limit:
                self._kept[key] = pixels
                self._bytes += pixels.nbytes
            while self._bytes > limit:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        future.set_result(pixels)

    def fail(self, key: Hashable, error: BaseException) -> None:
        """Settle a claim with an error; nothing is kept, so the next reader tries again."""
        with self._lock:
            future = self._pending.pop(key, None)
        if future is not None:
            future.set_exception(error)

    def clear(self) -> None:
        """Forget every kept block."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    @property
    def byte_count(self) -> int:
        return self._bytes


BLOCKS = BlockCache()
