"""Kernels run on threads of Python's own, whatever thread DuckDB calls from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from rasteret_sql.errors import InterruptionError
from rasteret_sql.interruption import Pressed, watching

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")
MOST = 64
"""More DuckDB threads than this take turns."""
LOOK_UP_S = 0.1
"""How often a waiting thread looks whether Ctrl-C was pressed."""

_counting = threading.Lock()
active = 0
"""Calls of kernels under way."""
last_active = 0.0
"""When the last of them ended, of ``time.monotonic``."""


def _count(change: int) -> None:
    global active, last_active
    with _counting:
        active += change
        last_active = monotonic()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # as below: with the first call of a kernel

    return ThreadPoolExecutor(MOST, thread_name_prefix="rasteret-kernel")


def on_own_thread(work: Callable[[], Result], pressed: Pressed | None = None) -> Result:
    """The result of ``work``, run on a thread that lives on.

    A thread of DuckDB is a new thread to Python at every call, and its thread-local values die with the
    call. pyproj keeps PROJ contexts there while objects made with them stay cached: the next call crashes.

    Ctrl-C ends the wait, and the work at its next look: where Python is not told of it, ``pressed`` tells
    whether the user wants an end, and ``InterruptionError`` is raised at once.
    """
    from concurrent.futures import wait

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
    except BaseException:
        gone.set()
        raise
    finally:
        _count(-1)


def _after_fork() -> None:
    global _counting, active
    _counting, active = threading.Lock(), 0
    _pool.cache_clear()


os.register_at_fork(after_in_child=_after_fork)
