"""The threads that compute: decoding, and whatever else is worth more than one core."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

from rasteret_sql.forks import in_forked_child
from rasteret_sql.settings import settings


@lru_cache(maxsize=1)
def workers() -> ThreadPoolExecutor:
    """One pool for the process. What runs in it must not wait for other work in it."""
    return ThreadPoolExecutor(settings().decode_threads, thread_name_prefix="rasteret-worker")


in_forked_child(workers.cache_clear)

Item = TypeVar("Item")


class Stream(Generic[Item]):
    """Items of one kind for the workers, handed over as they come.

    A task of the pool goes on for as long as there are items: thousands of small ones cost few tasks, and a
    stream that waits for its next item holds no thread. ``put``, ``join`` and ``drop`` are for one thread.
    """

    def __init__(self, do: Callable[[Item], None], *, waiting: int) -> None:
        """At most ``waiting`` items are in memory: ``put`` waits until one is done."""
        self._do = do
        self._threads = settings().decode_threads
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(waiting):
            self._places.put(None)
        self._lock = Lock()
        self._items: deque[Item] = deque()
        self._running = 0
        self._tasks: list[Future[None]] = []
        self._error: BaseException | None = None

    def put(self, item: Item) -> None:
        self._places.get()
        with self._lock:
            self._items.append(item)
            begins = self._running < self._threads
            self._running += begins
        if begins:
            self._tasks.append(workers().submit(self._run))

    def join(self) -> None:
        """Wait until all items are done; the first error of one is raised."""
        for task in self._tasks:
            task.result()
        if self._error is not None:
            raise self._error

    def drop(self) -> None:
        """Forget the items that wait."""
        with self._lock:
            self._items.clear()
        for task in self._tasks:
            task.cancel()

    def _run(self) -> None:
        while self._did_one():
            self._places.put(None)

    def _did_one(self) -> bool:
        with self._lock:
            if not self._items:
                self._running -= 1
                return False
            item = self._items.popleft()
        try:
            self._do(item)
        except BaseException as error:
            self._error = self._error or error
        return True
