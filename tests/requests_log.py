"""The log of requests from a moment on; it keeps the newest rows alone, so their number tells nothing."""

from __future__ import annotations

from rasteret_sql.store import meter
from rasteret_sql.store.meter import RequestRecord


def newest() -> int:
    """The number of the newest row."""
    rows = meter.snapshot()
    return rows[-1].id if rows else 0


def since(number: int) -> list[RequestRecord]:
    """The rows after it."""
    return [row for row in meter.snapshot() if row.id > number]
