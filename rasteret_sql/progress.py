"""Progress of long work, for people only: in terminals and notebooks, never in pipes and logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rasteret_sql.settings import settings

DELAY_S = 2.0
"""Work that is done by then shows nothing."""


class Advance(Protocol):
    """Called with how much more is done."""

    def __call__(self, amount: int, /) -> object: ...


@contextmanager
def progress(total: int, *, unit: str, what: str) -> Iterator[Advance]:
    """A bar on standard error for ``total`` of ``unit``: shown once work takes long, gone when it is done."""
    if not wanted():
        yield lambda amount: None
        return
    from tqdm import tqdm

    scale = unit == "B"
    with tqdm(total=total, unit=unit, unit_scale=scale, desc=what, delay=DELAY_S, leave=False) as bar:
        yield bar.update


def wanted() -> bool:
    """Somebody is looking: a terminal or a notebook, and the setting allows it."""
    if settings().progress == "off":
        return False
    return "ipykernel" in sys.modules or bool(sys.stderr and sys.stderr.isatty())
