"""Numbers and types as an expression writes them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from rasteret_sql.raster.algebra.sql.kinds import BOOLEAN, DOUBLE, FLOAT, INTEGERS, Kind, decimal, integer
from rasteret_sql.raster.algebra.sql.values import Frame, Node, Value, constant
from rasteret_sql.sql_conditions import Tree

TYPES: Final = {"INT": "INTEGER", "UINT": "UINTEGER"} | {name: name for name in INTEGERS}
OTHERS: Final = {"FLOAT": FLOAT, "DOUBLE": DOUBLE, "BOOLEAN": BOOLEAN}
WIDEST_DECIMAL: Final = 18
LONGEST_NUMBER: Final = 400
"""Characters of a number; the largest DOUBLE has 309 digits."""


def types_told() -> str:
    """What CAST may name, for a message."""
    return ", ".join([*INTEGERS, *OTHERS, f"DECIMAL(1 to {WIDEST_DECIMAL}, digits after the point)"])


def type_of(tree: Tree) -> Kind | None:
    """The kind that a CAST names; None where pixels have none such."""
    name = tree.this.value if isinstance(tree.this, exp.DataType.Type) else str(tree)
    if name in TYPES:
        return integer(TYPES[name])
    if name in OTHERS:
        return OTHERS[name]
    sizes = [int(part.name) for part in tree.expressions] if name == "DECIMAL" else []
    width, scale = (*sizes, 0)[:2] if sizes else (0, 0)
    if 0 <= scale <= width and 1 <= width <= WIDEST_DECIMAL:
        return decimal(scale, 1 - 10**width, 10**width - 1)
    return None


def number_of(text: str) -> Node:
    """A number as DuckDB reads it: 1 is an INTEGER, 0.1 a DECIMAL, 1e-1 a DOUBLE."""
    if text.isdigit():
        value = int(text)
        for name in ("INTEGER", "BIGINT"):
            if value <= integer(name).high:
                return constant(replace(integer(name, value, value), literal=True), value)
        return constant(DOUBLE, float(value))
    if "e" in text.lower():
        return constant(DOUBLE, float(Decimal(text)))
    digits = Decimal(text)
    scale = max(0, -int(digits.as_tuple().exponent))
    stored = int(digits.scaleb(scale)) if len(digits.as_tuple().digits) <= WIDEST_DECIMAL else None
    if stored is None or scale > WIDEST_DECIMAL:
        return constant(DOUBLE, float(digits))
    return constant(decimal(scale, stored, stored), stored)


def negated(node: Node) -> Node:
    """A number written with a minus: a number, too, as -1 takes the type of what it meets."""
    kind = replace(node.kind, low=-node.kind.high, high=-node.kind.low)
    data = -node.run(Frame(())).data

    def run(frame: Frame) -> Value:
        return Value(data, None)

    return Node(kind=kind, run=run)
