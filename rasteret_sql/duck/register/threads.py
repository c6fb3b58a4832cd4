"""Kernels run on threads of Python's own, whatever thread DuckDB calls from."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from rasteret_sql.errors import InterruptionError
from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.interruption import Pressed, watching

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")
MAX_THREADS = 64
"""More DuckDB threads than this take turns."""
LOOK_UP_S = 0.1
"""How often a waiting thread looks whether Ctrl-C was pressed."""
BY_CTRL_C = "Query interrupted"
"""The text of the ``RuntimeError`` by which DuckDB's Python client ends a query at Ctrl-C."""

_counting = fork_safe_lock()
active = 0
"""Calls of kernels under way."""
last_active = 0.0
"""When the last of them ended, of ``time.monotonic``."""
presses = 0
"""How often Ctrl-C came to Python's main thread while that ran a query."""
_elsewhere = 0
"""Queries that other threads run."""


def _count(change: int) -> None:
    global active, last_active
    with _counting:
        active += change
        last_active = monotonic()


@contextmanager
def a_query() -> Iterator[None]:
    """While a query runs: if it is the main thread's, kernels on DuckDB's threads learn of Ctrl-C at once.

    Python's own handler of the signal is called as before; it is told of only as long as this lasts.
    """
    global _elsewhere
    if threading.current_thread() is not threading.main_thread():
        with _counting:
            _elsewhere += 1
        try:
            yield
        finally:
            with _counting:
                _elsewhere -= 1
        return
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        yield
        return

    def told(number: int, frame: FrameType | None) -> Any:
        global presses
        presses += 1
        return handler(number, frame)

    signal.signal(signal.SIGINT, told)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is told:
            signal.signal(signal.SIGINT, handler)


def _pressed_from_now() -> Pressed:
    """Whether Ctrl-C came since; where several threads run queries, nobody knows whose is meant."""
    before = presses
    return lambda: presses != before and not _elsewhere


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # as below: with the first call of a kernel

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="rasteret-kernel")


def on_own_thread(work: Callable[[], Result], pressed: Pressed | None = None) -> Result:
    """The result of ``work``, run on a thread that lives on.

    A thread of DuckDB is a new thread to Python at every call, and its thread-local values die with the
    call. pyproj keeps PROJ contexts there while objects made with them stay cached: the next call crashes.

    Ctrl-C ends the wait with ``InterruptionError`` at once, and the work at its next look. Where Python is
    not told of it, ``pressed`` tells whether the user wants an end.
    """
    from concurrent.futures import wait

    global presses
    if pressed is None and threading.current_thread() is not threading.main_thread():
        pressed = _pressed_from_now()
    gone = threading.Event()
    _count(1)

    def watched() -> Result:
        with watching(lambda: gone.is_set() or (pressed is not None and pressed())):
            return work()

    try:
        future = _pool().submit(watched)
    except RuntimeError:  # the process is ending
        _count(-1)
        raise InterruptionError("interrupted") from None
    try:
        if pressed is None:
            return future.result()
        while not wait([future], LOOK_UP_S).done and not pressed():
            pass
        if pressed():  # of work that ended just then the half is missing
            raise InterruptionError("interrupted")
        return future.result()
    except KeyboardInterrupt:
        gone.set()
        presses += 1
        raise InterruptionError("interrupted") from None
    except BaseException:
        gone.set()
        raise
    finally:
        _count(-1)


@in_forked_child
def _after_fork() -> None:
    global active, _elsewhere
    active, _elsewhere = 0, 0
    _pool.cache_clear()
