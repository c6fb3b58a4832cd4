"""Ctrl-C, as the threads that run kernels learn of it: a shell's signal never comes to Python by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rasteret_sql.errors import InterruptionError

Pressed = Callable[[], bool]
"""Whether the user has asked for an end since the work began."""

_here = threading.local()


@contextmanager
def watching(pressed: Pressed | None) -> Iterator[None]:
    """``check`` asks ``pressed`` on this thread, as long as this lasts; nobody when it is None."""
    before = getattr(_here, "pressed", None)
    _here.pressed = pressed
    try:
        yield
    finally:
        _here.pressed = before


def check() -> None:
    """Raises ``InterruptionError`` where the user wants an end. To be called wherever a kernel waits."""
    pressed: Pressed | None = getattr(_here, "pressed", None)
    if pressed is not None and pressed():
        raise InterruptionError("interrupted")
