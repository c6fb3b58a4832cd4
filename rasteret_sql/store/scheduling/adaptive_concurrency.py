"""How many requests are worth having in flight: a good guess from their length, then found while running.

A server that waits 30 ms before its first byte is kept busy by 32 requests of 1 MB, and not by 32 of
32 KB; where connections start slowly, 48 of 1 MB take a sixth less time than 32. More than needed is
harmful there too, and where servers throttle. So the number starts where 48 MB are in flight; grows by
half as long as that brings more bytes a second; goes back when it brings nothing; and is halved when
requests fail as they do on a crowded server.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

from rasteret_sql.settings import settings

MIN_REQUESTS: Final = 8
MAX_REQUESTS: Final = 256
MIN_FIRST_REQUESTS: Final = 48
"""The guess lies between this and ``MAX_REQUESTS``."""
FIRST_BYTES: Final = 48 << 20
"""Bytes in flight that the guess aims at."""
GROWTH: Final = 1.5
GAIN: Final = 1.15
"""Growth that brings less than this many times the rate is taken back."""
REST: Final = 4
"""Rounds without a trial after one that failed."""
SET_BACK_S: Final = 1.0


class OperatingPoint:
    """One number for a server; a round is as many landed requests as may be in flight."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._point = 0.0
        """0: nothing was requested yet."""
        self._before: tuple[float, float] | None = None
        """Point and rate before the last growth, while it is on trial."""
        self._rest = 0
        self._set_back = 0.0
        self._round_began = 0.0
        self._landed = 0
        self._landed_bytes = 0

    def limit(self) -> int:
        """Requests that may be on the wire: the setting, or what was found."""
        fixed = settings().max_concurrency
        return fixed or round(self._point) or MIN_FIRST_REQUESTS

    def expect(self, length: int) -> None:
        """A request of ``length`` bytes is about to be made; the first one gives the guess."""
        if not self._point:
            self._point = float(min(max(FIRST_BYTES // max(length, 1), MIN_FIRST_REQUESTS), MAX_REQUESTS))

    def landed(self, byte_count: int, *, saturated: bool) -> None:
        """An answer is complete. Only rounds in which more was waiting than allowed tell something."""
        with self._lock:
            if not saturated:
                self._landed = 0
                return
            if not self._landed:
                self._round_began, self._landed_bytes = monotonic(), 0
            self._landed += 1
            self._landed_bytes += byte_count
            if self._landed > self._point:
                rate = self._landed_bytes / max(monotonic() - self._round_began, 1e-6)
                self._landed = 0
                self._end_round(rate)

    def set_back(self) -> None:
        """A request failed in a way that may pass: 429, 5xx, a reset, a timeout. Counts once a second."""
        with self._lock:
            now = monotonic()
            if now - self._set_back < SET_BACK_S:
                return
            self._set_back = now
            self._point = max(self._point / 2, float(MIN_REQUESTS))
            self._before, self._rest, self._landed = None, REST, 0

    def _end_round(self, rate: float) -> None:
        if self._before is not None:
            point, before = self._before
            self._before = None
            if rate < GAIN * before:
                self._point, self._rest = point, REST
                return
        if self._rest:
            self._rest -= 1
        elif self._point < MAX_REQUESTS:
            self._before = (self._point, rate)
            self._point = min(self._point * GROWTH, float(MAX_REQUESTS))
