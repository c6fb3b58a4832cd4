"""STAC's ``datetime`` argument: one moment, or an interval, from the texts that people and DuckDB write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from rasteret_sql.errors import ArgumentError

_MOMENT = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s?(?:[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?)?)?)?",
    re.ASCII,
)
_LAST = timedelta(microseconds=1)


def parse_interval(text: str) -> str:
    """``text`` as a STAC API reads it (RFC 3339, UTC): a moment, or ``start/end``, ``..`` for an open side.

    A year, month or day stands for all of it, up to its last microsecond, also as the end of an interval.
    DuckDB's own text of a DATE, TIMESTAMP or TIMESTAMP WITH TIME ZONE is read; without an offset it is UTC.
    Raises ``ArgumentError`` for anything else, and for an interval that ends before it starts or has
    neither start nor end.
    """
    sides = [side.strip() for side in text.split("/")]
    if len(sides) > 2:
        raise _unreadable(text, "more than one '/'")
    periods = [None if side in ("", "..") else _period(side, text) for side in sides]
    if periods[0] is None and periods[-1] is None:
        raise _unreadable(text, "no start and no end" if len(sides) == 2 else "no moment")
    start = periods[0][0] if periods[0] else None
    end = periods[-1][1] if periods[-1] else None
    if start and end and start > end:
        raise ArgumentError(f"datetime {text!r} ends before it starts")
    if start == end and start is not None and len(sides) == 1:
        return _written(start)
    return f"{_written(start)}/{_written(end)}"


def parse_moment(text: str) -> str | None:
    """One moment, or the start of one period, as RFC 3339 in UTC; None for anything else."""
    try:
        return _written(_period(text.strip(), text)[0])
    except ArgumentError:
        return None


def _period(side: str, text: str) -> tuple[datetime, datetime]:
    """First and last moment of what ``side`` says."""
    match = _MOMENT.fullmatch(side)
    if match is None:
        raise _unreadable(text, f"found {side!r}")
    part = match.groupdict()
    try:
        start = datetime(
            int(part["year"]),
            int(part["month"] or 1),
            int(part["day"] or 1),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int((part["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=UTC,
        )
        offset = timedelta(hours=int(part["hours"] or 0), minutes=int(part["minutes"] or 0))
        start += offset if part["sign"] == "-" else -offset
        return start, start if part["hour"] else _next(start, part["month"], part["day"]) - _LAST
    except (ValueError, OverflowError) as error:
        raise _unreadable(text, f"{side!r}: {error}") from error


def _next(start: datetime, month: str | None, day: str | None) -> datetime:
    """The moment after the year, month or day that begins at ``start``."""
    if day:
        return start + timedelta(days=1)
    if month and start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)


def _written(moment: datetime | None) -> str:
    return ".." if moment is None else moment.isoformat().replace("+00:00", "Z")


def _unreadable(text: str, reason: str) -> ArgumentError:
    return ArgumentError(
        f"datetime {text!r}: expected a moment such as 2024-05-31T10:15:00Z, a day, month or year, or an "
        f"interval such as 2024-01-01/2024-06-30 or 2024-01-01/..; {reason}"
    )
