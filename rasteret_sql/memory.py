"""Memory that is reused: new pages from the system cost more than the bytes that go into them.

A tile passes through buffers of a megabyte or two, each needed for a moment. Left to the allocator they go
back to the system and come again as new pages, with a page fault for every 4 KiB: a third of the time of a
large read. The setting ``reuse_memory`` switches this off: every buffer is then a new one.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import Final

import numpy as np

from rasteret_sql.arrays import Bytes
from rasteret_sql.forks import in_forked_child
from rasteret_sql.settings import settings

MIN_BYTES: Final = 64 << 10
"""Smaller buffers come from the allocator, which keeps such."""
STEP_BYTES: Final = 64 << 10
LOOSE: Final = 2
"""A buffer may be so many times larger than what is requested."""
SLAB: Final = 16 << 20
"""Memory comes from the system in such pieces: NumPy asks for huge pages above 4 MiB."""
KEPT_IDLE: Final = 64 << 20
"""Bytes in slabs that wait to be reused, at most."""


class Recycler:
    """Buffers that are given out again once nobody refers to them or to a view of them.

    Whether somebody does is what CPython's count of references says: a view, a memoryview or an Arrow buffer
    holds one on the array that it looks into.
    """

    def __init__(self) -> None:
        self._unused = self._references()
        self.start_again()

    def start_again(self) -> None:
        """Forget all, and the lock, which a thread that a fork left behind may hold."""
        self._lock = Lock()
        self._forget()

    def clear(self) -> None:
        """Forget all slabs; a buffer that somebody refers to stays theirs."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._slabs: list[list[Bytes]] = []
        """The buffers that each slab was cut into."""
        self._rest = memoryview(b"")
        """What is left of the last slab."""

    def take(self, length: int) -> Bytes:
        """A writable array of ``length`` bytes with anything in them."""
        if length < MIN_BYTES or not COUNTS_REFERENCES:
            return np.empty(length, np.uint8)
        if not settings().reuse_memory:
            if self._slabs:
                self.clear()
            return np.empty(length, np.uint8)
        with self._lock:
            free = self._free(length)
            return (self._cut(length) if free is None else free)[:length]

    @property
    def byte_count(self) -> int:
        """Bytes of all buffers, used and idle."""
        return sum(buffer.nbytes for buffers in self._slabs for buffer in buffers)

    def _free(self, length: int) -> Bytes | None:
        for buffers in self._slabs:
            for place in range(len(buffers)):
                fits = length <= buffers[place].nbytes <= LOOSE * length
                if fits and sys.getrefcount(buffers[place]) == self._unused:
                    return buffers[place]
        return None

    def _cut(self, length: int) -> Bytes:
        size = -(-length // STEP_BYTES) * STEP_BYTES
        if size > len(self._rest):
            self._let_go()
            self._rest = np.empty(max(size, SLAB), np.uint8).data
            self._slabs.append([])
        # views of an array refer to the array that owns the memory; with a memoryview between, to this one
        buffer = np.frombuffer(self._rest[:size], np.uint8)
        self._rest = self._rest[size:]
        self._slabs[-1].append(buffer)
        return buffer

    def _let_go(self) -> None:
        """Give back slabs that are wholly idle, beyond what may be kept."""
        idle, kept = 0, []
        for buffers in self._slabs:
            if all(sys.getrefcount(buffers[place]) == self._unused for place in range(len(buffers))):
                idle += sum(buffer.nbytes for buffer in buffers)
                if idle > KEPT_IDLE:
                    continue
            kept.append(buffers)
        self._slabs = kept

    @staticmethod
    def _references() -> int:
        """What the count says of an array that only a list refers to."""
        alone = [np.empty(0, np.uint8)]
        return sys.getrefcount(alone[0])


def _counts_references() -> bool:
    gil = getattr(sys, "_is_gil_enabled", None)
    return sys.implementation.name == "cpython" and (gil is None or gil())


COUNTS_REFERENCES: Final = _counts_references()
RECYCLER: Final = Recycler()
take = RECYCLER.take


in_forked_child(RECYCLER.start_again)
