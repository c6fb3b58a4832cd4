"""Tokens and signatures: used again until they are about to expire, asked for by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from rasteret_sql.errors import RasteretError

MOST_KEPT = 10_000
"""Entries; the one that was not used for longest goes first."""
RENEW_BEFORE_S = 60.0
"""A value is made anew so long before it expires, or for the last fifth of a short life."""
LEAST_S = 1.0
"""A value that is over when it comes (a clock may be wrong) is used for so long, not asked for every time."""
REFUSED_AGAIN_S = 60.0
"""A value that replaced a refused one, and is refused as well, is not replaced again within this time."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry(Generic[V]):
    value: V
    made_at: float
    renew_at: float
    expires_at: float
    after_refusal: bool


class Kept(Generic[K, V]):
    """Values by key, each with its end. Safe from many threads; those that want the same one wait for it.

    ``make(key)`` gives a value and the time at which it expires, in seconds since 1970. What it raises is
    raised in every thread that waits; while the former value holds, that is used instead.
    """

    def __init__(self, make: Callable[[K], tuple[V, float]]) -> None:
        self._make = make
        self.forget()

    def forget(self) -> None:
        """Drop everything; in a forked process the locks too, which nobody there may ever give back."""
        self._lock = threading.Lock()
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._pending: dict[K, Future[V]] = {}
        self._refused: set[K] = set()

    def get(self, key: K) -> V:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and time.time() < entry.renew_at:
                self._entries.move_to_end(key)
                return entry.value
            pending = self._pending.get(key)
            if pending is None:
                mine = self._pending[key] = Future()
        return pending.result() if pending is not None else self._renew(key, mine, entry)

    def refused(self, key: K, value: V) -> bool:
        """A server did not accept ``value``; whether another one, which ``get`` gives, may be accepted."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.value is not value:
                return True  # another thread was told so before
            if entry.after_refusal and time.time() < entry.made_at + REFUSED_AGAIN_S:
                return False
            del self._entries[key]
            self._refused.add(key)
            return True

    def _renew(self, key: K, mine: Future[V], former: _Entry[V] | None) -> V:
        try:
            value, expires_at = self._make(key)
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            if isinstance(error, RasteretError) and former is not None and time.time() < former.expires_at:
                mine.set_result(former.value)
                return former.value
            mine.set_exception(error)
            raise
        now = time.time()
        with self._lock:
            self._entries[key] = _Entry(
                value=value,
                made_at=now,
                renew_at=max(expires_at - min(RENEW_BEFORE_S, (expires_at - now) / 5), now + LEAST_S),
                expires_at=expires_at,
                after_refusal=key in self._refused,
            )
            self._refused.discard(key)
            del self._pending[key]
            if len(self._entries) > MOST_KEPT:
                self._entries.popitem(last=False)
        mine.set_result(value)
        return value
