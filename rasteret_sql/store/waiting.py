"""Whether anybody still waits for what a thread does: whoever does not is gone, and requests stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
_here = threading.local()


def run_for(gone: threading.Event, work: Callable[[], Result]) -> Result:
    """The result of ``work``; once ``gone`` is set, reads that it drives raise at their next look."""
    _here.gone = gone
    try:
        return work()
    finally:
        del _here.gone


def event() -> threading.Event | None:
    """Set when whoever waited for this thread's work has gone; None where nobody would say so."""
    return getattr(_here, "gone", None)
