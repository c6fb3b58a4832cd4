"""Conditions on an item's datetime as the interval that a search takes.

Casts and comparisons are left to DuckDB, in SQL that the search evaluates: only it knows the session's time
zone, in which a date or a time without a zone is read, and what ``now()`` is. The interval is closed where a
condition is not, and servers also find items whose range meets it: what comes too much, WHERE takes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlglot import exp

from rasteret_sql.duck.pushdown.constants import UNKNOWN, Constant
from rasteret_sql.duck.pushdown.filters import COMPARISONS, MIRRORED, Known
from rasteret_sql.sql_conditions import Tree

COLUMN = "datetime"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The moments that a datetime lies between: the latest of ``earliest``, the earliest of ``latest``."""

    earliest: tuple[Constant, ...] = ()
    latest: tuple[Constant, ...] = ()

    def __and__(self, other: Interval) -> Interval:
        return Interval(earliest=self.earliest + other.earliest, latest=self.latest + other.latest)

    @property
    def sql(self) -> str:
        """As the argument of a search."""
        return f"_rasteret_interval({_bound('greatest', self.earliest)}, {_bound('least', self.latest)})"

    def known(self, zone: tzinfo) -> str | None:
        """As the text that the argument will be; None when only DuckDB can tell."""
        sides = [[_moment(bound.value, zone) for bound in side] for side in (self.earliest, self.latest)]
        firsts, lasts = ([m for m in side if m is not None] for side in sides)
        if len(firsts) + len(lasts) < len(self.earliest) + len(self.latest):
            return None
        first, last = max(firsts, default=None), min(lasts, default=None)
        if first and last and first > last:
            return first.isoformat()
        return f"{first.isoformat() if first else '..'}/{last.isoformat() if last else '..'}"


def interval(node: Tree, known: Known) -> Interval | None:
    """What a condition on the datetime says of it; None for any other condition."""
    if isinstance(node, exp.Paren):
        return interval(node.this, known)
    if isinstance(node, exp.Between) and not node.args.get("symmetric"):
        days = _days(node.this, known)
        low, high = known.constant(node.args["low"]), known.constant(node.args["high"])
        if days is None or low is None or high is None:
            return None
        return _between(low, high, days)
    sign = COMPARISONS.get(type(node))
    if sign is None or sign == "<>":
        return None
    for side, other, word in (
        (node.this, node.expression, sign),
        (node.expression, node.this, MIRRORED[sign]),
    ):
        days, bound = _days(side, known), known.constant(other)
        if days is not None and bound is not None:
            return _between(
                bound if word in ("=", ">", ">=") else None, bound if word in "=<=" else None, days
            )
    return None


def _days(node: Tree, known: Known) -> bool | None:
    """Whether a node is the datetime cut to its day (True) or as it is (False); None for other nodes."""
    if known.column(node) == COLUMN:
        return False
    is_day = isinstance(node, exp.Cast) and node.to.sql("duckdb") == "DATE"
    return True if is_day and known.column(node.this) == COLUMN else None


def _between(low: Constant | None, high: Constant | None, days: bool) -> Interval:
    if days:
        # An hour more on either side: a day may begin twice where clocks are put back at midnight.
        low, high = low and _shifted(low, -1), high and _shifted(high, 25)
    return Interval(earliest=(low,) if low else (), latest=(high,) if high else ())


def _shifted(bound: Constant, hours: int) -> Constant:
    value = bound.value
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = UNKNOWN
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    moved = datetime.combine(value, time()) + timedelta(hours=hours) if is_day else UNKNOWN
    sign = "-" if hours < 0 else "+"
    return Constant(sql=f"CAST({bound.sql} AS DATE) {sign} INTERVAL {abs(hours)} HOUR", value=moved)


def _bound(choice: str, bounds: tuple[Constant, ...]) -> str:
    casts = [f"try_cast({bound.sql} AS TIMESTAMPTZ)" for bound in bounds]
    if len(casts) < 2:
        return casts[0] if casts else "NULL"
    return f"{choice}({', '.join(casts)})"


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=zone)
