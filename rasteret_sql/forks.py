"""What a forked child must not inherit: one hook for all modules.

The child has the forking thread alone. A lock that another thread held stays shut there for ever, and whoever
was to finish a piece of work is not there either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakSet

Reset = TypeVar("Reset", bound=Callable[[], object])

_locks: WeakSet[threading.Lock | threading.RLock] = WeakSet()
_resets: list[Callable[[], object]] = []


def fork_safe_lock() -> threading.Lock:
    """A lock that is open in a forked child, whoever held it in the parent."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def fork_safe_rlock() -> threading.RLock:
    """The same, to be taken again by the thread that holds it."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def in_forked_child(reset: Reset) -> Reset:
    """Have ``reset`` called in every forked child, in the order of the imports; a decorator too."""
    _resets.append(reset)
    return reset


def _start_again() -> None:
    for lock in _locks:
        lock._at_fork_reinit()  # type: ignore[union-attr]  # what the standard library does with its own
    for reset in _resets:
        reset()


os.register_at_fork(after_in_child=_start_again)
