"""What a user should know though nothing failed: a warning in Python, a line on standard error in a shell."""

from __future__ import annotations

import sys
import time
import warnings

from rasteret_sql.cache import Lru
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.redaction import redact_text

REMEMBERED = 1000
"""Notices that are not said again; the oldest are forgotten first."""

SILENCE_S = 60.0
"""After so long it is another run of the query: a prepared statement keeps its number."""

_said = Lru[tuple[str, str], float](REMEMBERED)
"""When a query last had the reason to say something."""
_in_shell = False


class Notices:
    """The notices of one query: each reason is reported once."""

    def __init__(self, speaker: str, query: str | None = None) -> None:
        """``query`` names the query among those of the process; None for work that is one query alone."""
        self._speaker = speaker
        self._query = query
        self._own: set[str] = set()

    def say(self, message: str, reason: str | None = None) -> None:
        """Say ``message`` at once, unless the query has said something for the same ``reason``."""
        if not self._is_new(reason or message):
            return
        text = redact_text(f"{self._speaker}: {message}")
        if _in_shell:
            print(text, file=sys.stderr, flush=True)
            return
        # A registry of its own: Python keeps silent about a text that it has shown before.
        warnings.warn_explicit(text, RasteretWarning, "rasteret_sql", 0, registry={})

    def _is_new(self, reason: str) -> bool:
        with _said.lock:
            if self._query is None:
                known = reason in self._own
                self._own.add(reason)
                return not known
            key, now = (self._query, reason), time.monotonic()
            before = _said.get(key)
            _said.put(key, now)
            return before is None or now - before > SILENCE_S


def speak_to_shell() -> None:
    """From now on notices are plain lines: nobody behind them handles Python's warnings."""
    global _in_shell
    _in_shell = True
