"""Values that are kept for the next who wants them, and values that somebody is about to get."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from rasteret_sql.forks import fork_safe_rlock, in_forked_child

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Values last used, up to a limit of entries or of bytes; safe from many threads.

    ``size_of`` says how much an entry takes (1 by default), and ``limit`` how much all may take: a function
    is asked at every ``put``, so that a setting counts at once. An entry larger than that is not kept. Hold
    ``lock`` where several calls belong together.
    """

    def __init__(
        self,
        limit: int | Callable[[], int],
        size_of: Callable[[K, V], int] = lambda key, value: 1,
        forgotten: Callable[[K], object] = lambda key: None,
    ) -> None:
        """``forgotten`` is called, under the lock, with each key that was dropped for others."""
        self.lock = fork_safe_rlock()
        self.size = 0
        self._limit = limit
        self._size_of = size_of
        self._forgotten = forgotten
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """The value, used last from now on; None where it is not kept."""
        with self.lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V) -> None:
        """Keep a value, and forget those that were not used for longest."""
        size = self._size_of(key, value)
        with self.lock:
            self.pop(key)
            if size <= self.limit:
                self._entries[key] = value, size
                self.size += size
            self.shrink()

    @property
    def limit(self) -> int:
        """As it is now."""
        return self._limit if isinstance(self._limit, int) else self._limit()

    def shrink(self) -> None:
        """Forget what is over the limit, which may have become lower."""
        with self.lock:
            limit = self.limit
            while self.size > limit:
                oldest, (_, freed) = self._entries.popitem(last=False)
                self.size -= freed
                self._forgotten(oldest)

    def pop(self, key: K) -> V | None:
        """Forget a value, and give it back; None where it was not kept."""
        with self.lock:
            entry = self._entries.pop(key, None)
            if entry is None:
                return None
            self.size -= entry[1]
            return entry[0]

    def items(self) -> list[tuple[K, V]]:
        """What is kept, that which was not used for longest first."""
        with self.lock:
            return [(key, value) for key, (value, _) in self._entries.items()]

    def clear(self) -> None:
        with self.lock:
            self._entries.clear()
            self.size = 0


class SingleFlight(Generic[K, V]):
    """What somebody is getting, so that others wait for it. Its owner holds a lock around both calls."""

    def __init__(self) -> None:
        self._pending: dict[K, Future[V]] = {}
        _flights.add(self)

    def claim(self, key: K) -> Future[V] | None:
        """The future of whoever gets it; None: the caller gets it, and has to ``settle`` it."""
        pending = self._pending.get(key)
        if pending is None:
            self._pending[key] = Future()
        return pending

    def settle(self, key: K) -> Future[V]:
        """The future of those who wait, to be given the outcome when the lock is open again."""
        return self._pending.pop(key, None) or Future()  # none is pending in the child of a fork

    def clear(self) -> None:
        self._pending.clear()


_flights: WeakSet[SingleFlight[Any, Any]] = WeakSet()


@in_forked_child
def _nobody_is_under_way() -> None:
    """The threads that were getting something are not in the child."""
    for flight in _flights:
        flight.clear()
