"""The threads that wait for answers: one pool a server, of daemons, that outlives neither exit nor fork."""

from __future__ import annotations

import atexit
import threading
from _thread import start_new_thread
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic

from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.store.scheduling.adaptive_concurrency import OperatingPoint

EXIT_PATIENCE_S = 1.0
"""At exit requests on the wire get this long to end, so that no thread wakes in a dying interpreter."""
IDLE_S = 30.0
"""A thread that had nothing to do for so long ends."""

Work = Callable[[], None]


class Pool:
    """As many threads as requests are worth having in flight, started as needed; first come, first served."""

    def __init__(self) -> None:
        self.point = OperatingPoint()
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
            if self._waiting > self._threads - self._busy and self._threads < self.point.limit():
                self._threads += 1
                # threading.Thread would wait until the new thread has had its turn, among hundreds
                start_new_thread(self._run, ())
        self._work.put(work)

    @property
    def has_work(self) -> bool:
        """Whether work waits for a thread."""
        return self._waiting > 0

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=IDLE_S)
            except Empty:
                with self._lock:
                    if not self._waiting:
                        self._threads -= 1
                        return
                continue
            with self._lock:
                if self._closing:
                    return
                if self._busy >= self.point.limit():
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

    def close(self, until: float) -> None:
        """Start nothing more, and wait a little for what runs."""
        with self._lock:
            self._closing = True
        while self._busy and monotonic() < until:
            threading.Event().wait(0.005)


_lock = fork_safe_lock()
_pools: dict[str, Pool] = {}


def pool_of(root: str) -> Pool:
    """The pool of one server or bucket: the root of its addresses."""
    pool = _pools.get(root)
    if pool is None:
        with _lock:
            pool = _pools.setdefault(root, Pool())
    return pool


@in_forked_child
def _after_fork() -> None:
    _pools.clear()


def _at_exit() -> None:
    until = monotonic() + EXIT_PATIENCE_S
    for pool in list(_pools.values()):
        pool.close(until)


atexit.register(_at_exit)
