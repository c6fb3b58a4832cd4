"""Tokens and signatures: used again until they are about to expire, asked for by one thread at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rasteret_sql.cache import Lru, SingleFlight
from rasteret_sql.errors import RasteretError

MAX_TOKENS = 10_000
"""Entries; the one that was not used for longest goes first."""
RENEW_BEFORE_S = 60.0
"""A value is made anew so long before it expires, or for the last fifth of a short life."""
MIN_LIFE_S = 1.0
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


class TokenCache(Generic[K, V]):
    """Values by key, each with its end. Safe from many threads; those that want the same one wait for it.

    ``make(key)`` gives a value and the time at which it expires, in seconds since 1970. What it raises is
    raised in every thread that waits; while the former value holds, that is used instead.
    """

    def __init__(self, make: Callable[[K], tuple[V, float]]) -> None:
        self._make = make
        self.forget()

    def forget(self) -> None:
        """Drop everything."""
        self._entries = Lru[K, _Entry[V]](MAX_TOKENS)
        self._lock = self._entries.lock
        self._making = SingleFlight[K, V]()
        self._refused: set[K] = set()

    def get(self, key: K) -> V:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and time.time() < entry.renew_at:
                return entry.value
            pending = self._making.claim(key)
        return pending.result() if pending is not None else self._renew(key, entry)

    def refused(self, key: K, value: V) -> bool:
        """A server did not accept ``value``; whether another one, which ``get`` gives, may be accepted."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.value is not value:
                return True  # another thread was told so before
            if entry.after_refusal and time.time() < entry.made_at + REFUSED_AGAIN_S:
                return False
            self._entries.pop(key)
            self._refused.add(key)
            return True

    def _renew(self, key: K, former: _Entry[V] | None) -> V:
        try:
            value, expires_at = self._make(key)
        except BaseException as error:
            with self._lock:
                waiting = self._making.settle(key)
            if isinstance(error, RasteretError) and former is not None and time.time() < former.expires_at:
                waiting.set_result(former.value)
                return former.value
            waiting.set_exception(error)
            raise
        now = time.time()
        with self._lock:
            entry = _Entry(
                value=value,
                made_at=now,
                renew_at=max(expires_at - min(RENEW_BEFORE_S, (expires_at - now) / 5), now + MIN_LIFE_S),
                expires_at=expires_at,
                after_refusal=key in self._refused,
            )
            self._entries.put(key, entry)
            self._refused.discard(key)
            waiting = self._making.settle(key)
        waiting.set_result(value)
        return value
