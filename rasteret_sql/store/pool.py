"""The threads that wait for answers: one pool a process, of daemons, that outlives neither exit nor fork."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic

from rasteret_sql.store import operating_point

EXIT_PATIENCE_S = 1.0
"""At exit requests on the wire get this long to end, so that no thread wakes in a dying interpreter."""

Work = Callable[[], None]


class Pool:
    """As many threads as requests are worth having in flight, started as needed; first come, first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: SimpleQueue[Work] = SimpleQueue()
        self._threads = 0
        self._waiting = 0
        """Submitted and not yet picked up."""
        self._busy = 0
        self._closing = False

    def submit(self, work: Work) -> None:
        """Run ``work``, which must not raise, as soon as a thread is free. At exit nothing is run."""
        with self._lock:
            if self._closing:
                return
            self._waiting += 1
            if self._waiting > self._threads - self._busy and self._threads < operating_point.point.limit():
                self._threads += 1
                threading.Thread(target=self._run, name="rasteret-store", daemon=True).start()
        self._work.put(work)

    @property
    def waiting(self) -> int:
        return self._waiting

    def _run(self) -> None:
        while True:
            work = self._work.get()
            with self._lock:
                if self._closing:
                    return
                if self._busy >= operating_point.point.limit():
                    # The limit was lowered: this thread goes, and one that is busy will do the work.
                    self._threads -= 1
                    self._work.put(work)
                    return
                self._waiting -= 1
                self._busy += 1
            try:
                work()
            finally:
                del work
                with self._lock:
                    self._busy -= 1

    def close(self, patience_s: float) -> None:
        """Start nothing more, and wait a little for what runs."""
        with self._lock:
            self._closing = True
        until = monotonic() + patience_s
        while self._busy and monotonic() < until:
            threading.Event().wait(0.005)


_pool = Pool()


def submit(work: Work) -> None:
    """Run ``work`` in a thread of the process's pool."""
    _pool.submit(work)


def has_work() -> bool:
    """Whether work waits for a thread."""
    return _pool.waiting > 0


def _after_fork() -> None:
    global _pool
    _pool = Pool()


def _at_exit() -> None:
    _pool.close(EXIT_PATIENCE_S)


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
