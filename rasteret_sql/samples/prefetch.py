"""Values made by a thread of their own, a few ahead of who takes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Value = TypeVar("Value")
WAKE_S = 0.1
"""How soon the thread sees that nobody takes its values any more."""


class Prefetch(Generic[Value]):
    """Iterates over what ``make`` yields, at most ``ahead`` values of which wait.

    ``make`` runs in one thread from beginning to end, and is closed there; its error is raised where values
    are taken, after those that were made before it. ``close`` ends the thread, and waits for that.
    """

    def __init__(self, make: Callable[[], Iterator[Value]], *, ahead: int) -> None:
        self._make = make
        self._queue: Queue[Value | BaseException | None] = Queue(max(1, ahead))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rasteret-samples", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last: BaseException | None = None
        values = self._make()
        try:
            for value in values:
                if not self._put(value):
                    return
        except BaseException as error:
            last = error
        finally:
            close = getattr(values, "close", None)
            if close is not None:
                close()
            self._put(last)

    def _put(self, value: Value | BaseException | None) -> bool:
        """False where nobody takes values any more."""
        while not self._stop.is_set():
            try:
                self._queue.put(value, timeout=WAKE_S)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[Value]:
        while True:
            value = self._queue.get()
            if value is None:
                return
            if isinstance(value, BaseException):
                raise value
            yield value

    def close(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except Empty:
                self._thread.join(WAKE_S)
