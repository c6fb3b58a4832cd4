"""Many requests at once, over one bounded set of threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from rasteret_sql.settings import settings

Given = TypeVar("Given")
Result = TypeVar("Result")

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}
_lock = threading.Lock()


def submit(function: Callable[[Given], Result], argument: Given) -> Future[Result]:
    """Run ``function(argument)`` on one of ``stac_concurrency`` threads, which all STAC work here shares.

    A function that runs there must not wait for another one: all threads could come to wait.
    """
    key = (os.getpid(), settings().stac_concurrency)
    with _lock:
        pool = _pools.get(key)
        if pool is None:
            for old in _pools.values():
                old.shutdown(wait=False)
            _pools.clear()
            pool = _pools[key] = ThreadPoolExecutor(key[1], thread_name_prefix="rasteret-stac")
        return pool.submit(function, argument)


def together(function: Callable[[Given], Result], arguments: Iterable[Given]) -> list[Result]:
    """``[function(a) for a in arguments]``, concurrently; an error cancels what has not begun."""
    waiting = list(arguments)
    if len(waiting) == 1:
        return [function(waiting[0])]
    futures = [submit(function, argument) for argument in waiting]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
