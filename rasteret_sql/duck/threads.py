"""Kernels run on threads of Python's own, whatever thread DuckDB calls from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from rasteret_sql.store.waiting import run_for

Result = TypeVar("Result")
MOST = 64
"""More DuckDB threads than this take turns."""


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST, thread_name_prefix="rasteret-kernel")


def on_own_thread(work: Callable[[], Result]) -> Result:
    """The result of ``work``, run on a thread that lives on.

    A thread of DuckDB is a new thread to Python at every call, and its thread-local values die with the
    call. pyproj keeps PROJ contexts there while objects made with them stay cached: the next call crashes.
    Ctrl-C ends the wait, and with it the requests of ``work``.
    """
    gone = threading.Event()
    try:
        return _pool().submit(run_for, gone, work).result()
    except BaseException:
        gone.set()
        raise


os.register_at_fork(after_in_child=_pool.cache_clear)
