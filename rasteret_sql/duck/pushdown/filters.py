"""Conditions of SQL as CQL2 text that is true of every item of which the condition is true.

SQL's logic has three values, and servers differ in what they make of a property that an item lacks. NOT is
therefore moved inwards until only comparisons are left, which in SQL are true of nothing but items with a
value. What AND and OR make of these can then be true of more items on a server, and of none less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from rasteret_sql.duck.pushdown.constants import UNKNOWN, Constant
from rasteret_sql.duck.pushdown.text import Text, evaluated, joined, plain
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.sql_conditions import Tree

NUMBERS = ("cloud_cover", "gsd")
TEXTS = ("platform", "constellation")
COMPARISONS: dict[Any, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the names and constants of one SELECT mean."""

    column: Callable[[Tree], str | None]
    """The column of the search that a node is; None for anything else."""
    constant: Callable[[Tree], Constant | None]


@dataclass(frozen=True, kw_only=True)
class Cql2Condition:
    """A condition in CQL2."""

    text: Text
    exact: bool
    """Whether a server finds the very items of which the SQL is true."""
    numbers: frozenset[str] = frozenset()
    """Columns of numbers that an item must have to meet it."""


def to_cql2(node: Tree, known: Known, *, negated: bool = False) -> Cql2Condition | None:
    """``node``, or its opposite, as a condition that is implied by it; None when there is none."""
    if isinstance(node, exp.Paren):
        return to_cql2(node.this, known, negated=negated)
    if isinstance(node, exp.Not):
        return to_cql2(node.this, known, negated=not negated)
    if isinstance(node, exp.And | exp.Or):
        sides = [to_cql2(side, known, negated=negated) for side in (node.this, node.expression)]
        return _both(sides) if isinstance(node, exp.Or) is negated else _either(sides)
    return _leaf(node, known, negated)


def comparison(node: Tree, known: Known) -> tuple[str, str, Tree] | None:
    """Column, operator and the other side of a comparison, whichever way round it is written."""
    sign = COMPARISONS.get(type(node))
    if sign is None:
        return None
    column = known.column(node.this)
    if column is not None:
        return column, sign, node.expression
    column = known.column(node.expression)
    return None if column is None else (column, MIRRORED[sign], node.this)


def _both(sides: Sequence[Cql2Condition | None]) -> Cql2Condition | None:
    conditions = [side for side in sides if side is not None]
    if not conditions:
        return None
    return Cql2Condition(
        text=joined([side.text for side in conditions], "AND"),
        exact=len(conditions) == len(sides) and all(side.exact for side in conditions),
        numbers=frozenset().union(*(side.numbers for side in conditions)),
    )


def _either(sides: Sequence[Cql2Condition | None]) -> Cql2Condition | None:
    conditions = [side for side in sides if side is not None]
    if len(conditions) < len(sides):
        return None
    text = plain("(") + joined([side.text for side in conditions], "OR") + plain(")")
    return Cql2Condition(text=text, exact=all(side.exact for side in conditions))


def _leaf(node: Tree, known: Known, negated: bool) -> Cql2Condition | None:
    if isinstance(node, exp.In):
        return _in(node, known, negated)
    if isinstance(node, exp.Between):
        column = known.column(node.this)
        if column is None or node.args.get("symmetric"):
            return None
        signs = ("<", ">") if negated else (">=", "<=")
        sides = [
            _compare(column, sign, bound, known)
            for sign, bound in zip(signs, (node.args["low"], node.args["high"]), strict=True)
        ]
        return _either(sides) if negated else _both(sides)
    compared = comparison(node, known)
    if compared is None:
        return None
    column, sign, other = compared
    return _compare(column, _OPPOSITE[sign] if negated else sign, other, known)


def _in(node: Tree, known: Known, negated: bool) -> Cql2Condition | None:
    column = known.column(node.this)
    if column is None or not node.expressions or node.args.get("query") or node.args.get("unnest"):
        return None
    if negated:
        return _both([_compare(column, "<>", choice, known) for choice in node.expressions])
    literals = [_literal(column, known.constant(choice)) for choice in node.expressions]
    texts = [literal for literal in literals if literal is not None]
    if len(texts) < len(literals):
        return None
    commas = texts[0]
    for literal in texts[1:]:
        commas = commas + plain(", ") + literal
    return Cql2Condition(text=plain(f"{column} IN (") + commas + plain(")"), exact=commas.known is not None)


def _compare(column: str, sign: str, other: Tree, known: Known) -> Cql2Condition | None:
    if column in TEXTS and sign not in ("=", "<>"):
        return None  # servers order text by rules of their own
    literal = _literal(column, known.constant(other))
    if literal is None:
        return None
    exact = literal.known is not None and sign != "<>"  # some servers give items without the property, too
    return Cql2Condition(
        text=plain(f"{column} {sign} ") + literal,
        exact=exact,
        numbers=frozenset({column} & {*NUMBERS}) if exact else frozenset(),
    )


def _literal(column: str, constant: Constant | None) -> Text | None:
    """A constant in CQL2 text, as DuckDB compares the column with it; None where that cannot be said."""
    if constant is None:
        return None
    if column in NUMBERS:
        return _number(constant)
    if column in TEXTS:
        return _text(constant)
    return None


def _number(constant: Constant) -> Text | None:
    value = constant.value
    if value is UNKNOWN:
        return evaluated(f"_rasteret_cql2_number({constant.sql})")
    if not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return plain(str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number))


def _text(constant: Constant) -> Text | None:
    if isinstance(constant.value, str):
        return plain(quoted(constant.value))  # CQL2 quotes as SQL does
    # DuckDB compares text with a number as numbers, so only a parameter that is text is passed on.
    is_open = constant.value is UNKNOWN and constant.parameter
    return evaluated(f"_rasteret_cql2_text({constant.sql})") if is_open else None
