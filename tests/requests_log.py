"""The log of requests from a moment on; it keeps the newest rows alone, so their number tells nothing."""

from __future__ import annotations

from rasteret_sql.store import request_log
from rasteret_sql.store.request_log import RequestRecord


def newest() -> int:
    """The number of the newest row."""
    rows = request_log.snapshot()
    return rows[-1].id if rows else 0


def since(number: int) -> list[RequestRecord]:
    """The rows after it."""
    return [row for row in request_log.snapshot() if row.id > number]
