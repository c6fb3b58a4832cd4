"""Memory that is used again: new pages from the system cost more than the bytes that go into them.

A tile passes through buffers of a megabyte or two, each needed for a moment. Left to the allocator they go
back to the system and come again as new pages, with a page fault for every 4 KiB: a third of the time of a
large read.
"""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

LEAST: Final = 64 << 10
"""Smaller buffers come from the allocator, which keeps such."""
KEPT_IDLE: Final = 64 << 20
"""Bytes that wait to be used again, at most."""
GRAIN: Final = 64 << 10
LOOSE: Final = 2
"""A buffer may be so many times larger than what is asked for."""


class Recycler:
    """Buffers that are given out again once nobody refers to them or to a view of them.

    Whether somebody does is what CPython's count of references says: a view, a memoryview or an Arrow buffer
    holds one on the array that owns the memory.
    """

    def __init__(self) -> None:
        self._unused = self._references()
        self.start_again()

    def start_again(self) -> None:
        """Forget all, and the lock, which a thread that a fork left behind may hold."""
        self._lock = Lock()
        self._owned: list[Bytes] = []

    def take(self, length: int) -> Bytes:
        """A writable array of ``length`` bytes with anything in them."""
        if length < LEAST or not COUNTS_REFERENCES:
            return np.empty(length, np.uint8)
        with self._lock:
            found = self._free(length)
            if found is None:
                self._let_go()
                found = np.empty(-(-length // GRAIN) * GRAIN, np.uint8)
                self._owned.append(found)
            return found[:length]

    def _free(self, length: int) -> Bytes | None:
        for place in range(len(self._owned)):
            size = self._owned[place].nbytes
            if length <= size <= LOOSE * length and sys.getrefcount(self._owned[place]) == self._unused:
                return self._owned[place]
        return None

    def _let_go(self) -> None:
        """Forget idle buffers over the limit, and of those in use so many that the list stays short."""
        idle, kept = 0, []
        for place in range(len(self._owned)):
            if sys.getrefcount(self._owned[place]) == self._unused:
                idle += self._owned[place].nbytes
                if idle > KEPT_IDLE:
                    continue
            kept.append(place)
        self._owned = [self._owned[place] for place in kept]

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


os.register_at_fork(after_in_child=RECYCLER.start_again)
