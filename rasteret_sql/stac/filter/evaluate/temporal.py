"""Moments and intervals, and CQL2's comparisons of them (Allen's relations, OGC 21-065 §7.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rasteret_sql.stac.interval import parse_moment
from rasteret_sql.stac.values import parse_datetime

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
Span = tuple[datetime, datetime]
"""Start and end, both inside; a moment is both."""


def moment_of(value: Any) -> datetime | None:
    """A datetime, or the one that a text says; None for anything else."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        return parse_datetime(value)
    except ValueError:
        written = parse_moment(value)
        return None if written is None else parse_datetime(written)


def interval_of(ends: Sequence[Any]) -> Span | None:
    """CQL2's interval; ``..`` is an open end, and NULL makes it NULL."""
    start = FIRST if ends[0] == ".." else moment_of(ends[0])
    end = LAST if ends[1] == ".." else moment_of(ends[1])
    return None if start is None or end is None else (start, end)


def span_of(value: Any) -> Span | None:
    """A moment or an interval as its start and end."""
    if isinstance(value, tuple):
        return value
    moment = moment_of(value)
    return None if moment is None else (moment, moment)


def span_of_text(interval: str) -> Span:
    """What ``interval.parse_interval`` writes."""
    ends = interval.split("/")
    span = interval_of((ends[0], ends[-1]))
    assert span is not None
    return span


def span_of_item(properties: Mapping[str, Any]) -> Span | None:
    """What an item covers: its range, with its moment where that lies outside; None where it does not say."""
    names = ("datetime", "start_datetime", "end_datetime")
    moments = [moment for name in names if (moment := moment_of(properties.get(name))) is not None]
    return (min(moments), max(moments)) if moments else None


def _said_by(relation: Callable[[Span, Span], bool]) -> Callable[[Any, Any], bool | None]:
    def compare(left: Any, right: Any) -> bool | None:
        a, b = span_of(left), span_of(right)
        return None if a is None or b is None else relation(a, b)

    return compare


TEMPORAL: Mapping[str, Callable[[Any, Any], bool | None]] = {
    f"t_{name}": _said_by(relation)
    for name, relation in {
        "after": lambda a, b: a[0] > b[1],
        "before": lambda a, b: a[1] < b[0],
        "contains": lambda a, b: a[0] < b[0] and a[1] > b[1],
        "disjoint": lambda a, b: a[0] > b[1] or a[1] < b[0],
        "during": lambda a, b: a[0] > b[0] and a[1] < b[1],
        "equals": lambda a, b: a == b,
        "finishedBy": lambda a, b: a[0] < b[0] and a[1] == b[1],
        "finishes": lambda a, b: a[0] > b[0] and a[1] == b[1],
        "intersects": lambda a, b: a[0] <= b[1] and a[1] >= b[0],
        "meets": lambda a, b: a[1] == b[0],
        "metBy": lambda a, b: a[0] == b[1],
        "overlappedBy": lambda a, b: b[0] < a[0] < b[1] < a[1],
        "overlaps": lambda a, b: a[0] < b[0] < a[1] < b[1],
        "startedBy": lambda a, b: a[0] == b[0] and a[1] > b[1],
        "starts": lambda a, b: a[0] == b[0] and a[1] < b[1],
    }.items()
}
