"""Constants of a query: as SQL and, where it can be told beforehand, as a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.sql_conditions import Tree

UNKNOWN = object()
"""The value of a constant that DuckDB computes when the query runs."""

_TIME_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
_STABLE = ("now", "get_current_timestamp", "transaction_timestamp")
"""Functions that give one value throughout a query."""
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Paren, exp.Neg, exp.Interval, exp.TimestampTrunc, exp.DateTrunc)
_NOW = (exp.CurrentDate, exp.CurrentTimestamp)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One constant."""

    sql: str
    value: Any = UNKNOWN
    """int, float, Decimal, str, bytes, date or datetime (naive: in the session's time zone)."""
    parameter: bool = False
    """Whether it is a parameter, whose type is not known beforehand."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The values of a prepared statement, as far as they are known."""

    values: Mapping[str, Any]
    auto: bool
    """Written ``?``: they cannot be repeated, so that only their values can be used."""

    @classmethod
    def of(cls, given: Any, *, auto: bool) -> Parameters:
        """From what ``execute`` takes: a sequence or a mapping; anything else means that none is known."""
        if isinstance(given, Mapping):
            return cls(values={str(name): value for name, value in given.items()}, auto=auto)
        if isinstance(given, Sequence) and not isinstance(given, str | bytes):
            return cls(values={str(n + 1): value for n, value in enumerate(given)}, auto=auto)
        return cls(values={}, auto=auto)


def constant(node: Tree, parameters: Parameters) -> Constant | None:
    """``node`` as a constant; None when it refers to a column, or may change between evaluations."""
    if isinstance(node, exp.Paren):
        return constant(node.this, parameters)
    if isinstance(node, exp.Placeholder | exp.Parameter):
        return _parameter(node, parameters)
    value = _literal(node)
    if value is not UNKNOWN:
        return Constant(sql=_sql(node), value=value)
    if isinstance(node, exp.Cast) and node.to.sql("duckdb") in _TIME_TYPES:
        inner = constant(node.this, parameters)
        return inner and Constant(
            sql=f"CAST({inner.sql} AS {node.to.sql('duckdb')})", value=_cast(node, inner)
        )
    if isinstance(node, _NOW) or (isinstance(node, exp.Anonymous) and _is_stable(node)):
        return Constant(sql=_sql(node))
    if isinstance(node, _ARITHMETIC) and _of_constants(node, parameters):
        return Constant(sql=_sql(node))
    return None


def _literal(node: Tree) -> Any:
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else _number(str(node.this))
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        number = _number(str(node.this.this))
        return number if number is UNKNOWN else -number
    return UNKNOWN


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return UNKNOWN


def _cast(node: Tree, inner: Constant) -> Any:
    """Text as the date or time that it is cast to; a time cut to its date only where that is plain."""
    if not isinstance(inner.value, str):
        return inner.value if isinstance(inner.value, date) and _kind(node) != "DATE" else UNKNOWN
    try:
        moment = datetime.fromisoformat(inner.value.strip())
    except ValueError:
        return UNKNOWN
    if _kind(node) == "DATE":
        return moment.date() if len(inner.value.strip()) == 10 else UNKNOWN
    return UNKNOWN if moment.tzinfo and _kind(node) == "TIMESTAMP" else moment


def _kind(node: Tree) -> str:
    return str(node.to.sql("duckdb"))


def _is_stable(node: Tree) -> bool:
    return str(node.this).lower() in _STABLE and not node.expressions


def _of_constants(node: Tree, parameters: Parameters) -> bool:
    """Whether all that an expression is made of is constant, and can be repeated."""
    for part in node.iter_expressions():
        if isinstance(part, exp.Var):
            continue
        inner = constant(part, parameters)
        if inner is None or (inner.parameter and parameters.auto):
            return False
    return True


def _parameter(node: Tree, parameters: Parameters) -> Constant | None:
    name = node.name
    value = parameters.values.get(name, UNKNOWN)
    if parameters.auto:
        literal = literal_sql(value)
        return None if literal is None else Constant(sql=literal, value=value, parameter=True)
    known = value if literal_sql(value) is not None or isinstance(value, bytes) else UNKNOWN
    return Constant(sql=f"${name}", value=known, parameter=True)


def literal_sql(value: Any) -> str | None:
    """A Python value as a SQL literal; None for one whose literal would not be the same."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | date):
        return None
    if isinstance(value, datetime):
        return f"TIMESTAMP{'TZ' if value.tzinfo else ''} '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return (
        repr(value) if isinstance(value, int) or (math.isfinite(value) and isinstance(value, float)) else None
    )


def _sql(node: Tree) -> str:
    return str(node.sql(dialect="duckdb"))
