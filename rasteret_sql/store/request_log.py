"""What this process sent over the wire and what its cache spared: a bounded log, and totals never cut."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any

from rasteret_sql import metering
from rasteret_sql.forks import fork_safe_lock
from rasteret_sql.settings import settings
from rasteret_sql.store.redact import redact


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRecord:
    """One request, or what the cache spared one read of one file: then ``attempt`` is 0.

    Redirects that a client followed inside a request are not counted apart.
    """

    id: int
    """From 1, since the process started."""
    started_at: datetime
    """UTC."""
    kind: str
    """``header``, ``tile``, ``document``, ``stac``, ``region`` (where an S3 bucket lives), ``size``
    (how long a file is, of which a server refused a range), ``token`` (for a container of the Planetary
    Computer); or ``cache`` or ``disk``: what was spared."""
    url: str
    """Redacted."""
    offset: int | None
    """None where no range of a file was requested."""
    byte_count: int
    """Bytes of the answer; 0 when it failed."""
    duration_ms: float
    attempt: int
    """From 1; more than 1 is a retry."""
    error: str | None = None
    """Why it failed; None when it did not."""
    cached_tiles: int = 0
    """Tiles that were not asked for: they were there or on their way, or in the folder ``tile_cache_dir``."""
    cached_byte_count: int = 0
    """Bytes that would have been asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums since the process started; the difference of two is what happened between them."""

    requests: int = 0
    byte_count: int = 0
    errors: int = 0
    retries: int = 0


class Meter:
    """Records requests. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._ids = itertools.count(1)
        self._log: deque[tuple[Any, ...]] = deque()
        """Rows as they are noted; most are never looked at."""
        self._requests = self._byte_count = self._errors = self._retries = 0

    def record(
        self,
        *,
        kind: str,
        href: str,
        started: float,
        offset: int | None = None,
        byte_count: int = 0,
        attempt: int = 1,
        error: str | None = None,
    ) -> None:
        """Note one request that began at ``started`` (of ``time.perf_counter``) and ends now."""
        ended, now = perf_counter(), time()
        took_s = ended - started
        metering.note_request(kind, href, began=started, ended=ended, byte_count=byte_count)
        with self._lock:
            self._requests += 1
            self._byte_count += byte_count
            self._errors += error is not None
            self._retries += attempt > 1
            self._append(now - took_s, kind, href, offset, byte_count, took_s * 1e3, attempt, error, 0, 0)

    def record_cached(self, *, href: str, tiles: int, byte_count: int, kind: str = "cache") -> None:
        """Note that one read of a file found ``tiles`` of it, ``byte_count`` as stored, without a request."""
        with self._lock:
            self._append(time(), kind, href, None, 0, 0.0, 0, None, tiles, byte_count)

    def _append(self, *values: Any) -> None:
        """One more row of the log, which is kept as long as the settings say; under the lock."""
        self._log.append((next(self._ids), *values))
        while len(self._log) > settings().request_log_rows:
            self._log.popleft()

    def snapshot(self) -> list[RequestRecord]:
        with self._lock:
            rows = list(self._log)
        return [_record_of(*row) for row in rows]

    def kept(self) -> int:
        return len(self._log)

    def totals(self) -> Totals:
        with self._lock:
            return Totals(
                requests=self._requests,
                byte_count=self._byte_count,
                errors=self._errors,
                retries=self._retries,
            )


def _record_of(
    number: int,
    began: float,
    kind: str,
    href: str,
    offset: int | None,
    byte_count: int,
    duration_ms: float,
    attempt: int,
    error: str | None,
    cached_tiles: int,
    cached_byte_count: int,
) -> RequestRecord:
    return RequestRecord(
        id=number,
        started_at=datetime.fromtimestamp(began, UTC),
        kind=kind,
        url=redact(href),
        offset=offset,
        byte_count=byte_count,
        duration_ms=duration_ms,
        attempt=attempt,
        error=error,
        cached_tiles=cached_tiles,
        cached_byte_count=cached_byte_count,
    )


_meter = Meter()
record = _meter.record
record_cached = _meter.record_cached


def snapshot() -> list[RequestRecord]:
    """The newest rows of the log, oldest first; at most ``request_log_rows`` of them."""
    return _meter.snapshot()


def kept() -> int:
    """Rows in the log."""
    return _meter.kept()


def totals() -> Totals:
    """Sums over all requests of this process, those that left the log too."""
    return _meter.totals()
