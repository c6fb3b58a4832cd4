"""Many requests at once, over one bounded set of threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.settings import settings
from rasteret_sql.store.access import carried

Given = TypeVar("Given")
Result = TypeVar("Result")

_pools: dict[str, tuple[tuple[int, int], ThreadPoolExecutor]] = {}
_slots: dict[int, threading.BoundedSemaphore] = {}
_lock = fork_safe_lock()


def submit(function: Callable[[Given], Result], argument: Given, *, pool: str = "searches") -> Future[Result]:
    """Run ``function(argument)`` on one of ``stac_concurrency`` threads, which all STAC work here shares.

    A function that runs there must not wait for another one of the same ``pool``: all threads could come to
    wait. Searches may wait for ``parts``.
    """
    key = (os.getpid(), settings().stac_concurrency)
    with _lock:
        known = _pools.get(pool)
        if known is None or known[0] != key:
            if known is not None:
                known[1].shutdown(wait=False)
            known = (key, ThreadPoolExecutor(key[1], thread_name_prefix=f"rasteret-stac-{pool}"))
            _pools[pool] = known
        return known[1].submit(carried(function), argument)


def slot() -> threading.BoundedSemaphore:
    """Held while one request is on its way: ``stac_concurrency`` of them, whoever sends them."""
    count = settings().stac_concurrency
    with _lock:
        return _slots.setdefault(count, threading.BoundedSemaphore(count))


in_forked_child(_slots.clear)


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
