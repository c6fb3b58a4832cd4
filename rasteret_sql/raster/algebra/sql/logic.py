"""Comparisons, and SQL's logic of three values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rasteret_sql.arrays import Bools
from rasteret_sql.raster.algebra.sql.casts import cast, to_kind
from rasteret_sql.raster.algebra.sql.kinds import BOOLEAN, NULL, common
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value, constant, either, null_of

MAX_COMPARED = 8
"""Constants that IN compares one by one; more are looked up."""


def equal(a: Array, b: Array) -> Bools:
    """NaN equals NaN, as in DuckDB."""
    same = np.equal(a, b)
    return same | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else same


def less(a: Array, b: Array) -> Bools:
    """NaN is the largest number."""
    less = np.less(a, b)
    return less | (~np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else less


COMPARISONS: dict[str, Callable[[Array, Array], Any]] = {
    "=": equal,
    "<>": lambda a, b: ~equal(a, b),
    "<": less,
    "<=": lambda a, b: ~less(b, a),
    ">": lambda a, b: less(b, a),
    ">=": lambda a, b: ~less(a, b),
}


def compared(nodes: Sequence[Node]) -> list[Node]:
    """The nodes as one kind. Whole numbers stay as they are: NumPy compares any two types exactly."""
    kind = common([node.kind for node in nodes])
    if kind.whole and all(node.kind.whole for node in nodes):
        return list(nodes)
    return [null_of(kind) if node.kind == NULL else to_kind(node, kind) for node in nodes]


def compare(sign: str, one: Node, other: Node) -> Node:
    """``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``."""
    left, right = compared([one, other])
    function = COMPARISONS[sign]

    def run(frame: Frame) -> Value:
        (a, a_null), (b, b_null) = left.run(frame), right.run(frame)
        return Value(function(a, b), either(a_null, b_null))

    return Node(kind=BOOLEAN, run=run)


def distinct(one: Node, other: Node) -> Node:
    """IS DISTINCT FROM: NULL is a value like any other."""
    left, right = compared([one, other])

    def run(frame: Frame) -> Value:
        (a, a_null), (b, b_null) = left.run(frame), right.run(frame)
        differ = ~equal(a, b)
        if a_null is None and b_null is None:
            return Value(differ, None)
        one_null, other_null = (np.False_ if null is None else null for null in (a_null, b_null))
        return Value(np.asarray((one_null ^ other_null) | (differ & ~one_null & ~other_null)), None)

    return Node(kind=BOOLEAN, run=run)


def truth(node: Node) -> Node:
    """A condition: a number is true where it is not 0."""
    if node.kind == BOOLEAN:
        return node
    return null_of(BOOLEAN) if node.kind == NULL else cast(node, BOOLEAN)


def negation(node: Node) -> Node:
    """NOT."""
    inner = truth(node)

    def run(frame: Frame) -> Value:
        data, null = inner.run(frame)
        return Value(~data, null)

    return Node(kind=BOOLEAN, run=run)


def both(one: Node, other: Node) -> Node:
    """AND: false where one side is, whatever the other."""
    return _connected(one, other, decides=False)


def any_of(one: Node, other: Node) -> Node:
    """OR: true where one side is, whatever the other."""
    return _connected(one, other, decides=True)


def _connected(one: Node, other: Node, *, decides: bool) -> Node:
    left, right = truth(one), truth(other)

    def decided(value: Value) -> Bools:
        found = value.data if decides else ~value.data
        return found if value.null is None else found & ~value.null

    def run(frame: Frame) -> Value:
        a = left.run(frame)
        a_decided = decided(a)
        b = right.run(frame.within(~a_decided))
        settled = a_decided | decided(b)
        null = either(a.null, b.null)
        return Value(settled if decides else ~settled, None if null is None else null & ~settled)

    return Node(kind=BOOLEAN, run=run)


def is_null(node: Node) -> Node:
    """IS NULL."""

    def run(frame: Frame) -> Value:
        data, null = node.run(frame)
        return Value(np.zeros(data.shape, np.bool_) if null is None else np.array(null), None)

    return Node(kind=BOOLEAN, run=run)


def is_truth(node: Node, wanted: bool) -> Node:
    """IS TRUE, IS FALSE: never NULL."""
    inner = truth(node)

    def run(frame: Frame) -> Value:
        data, null = inner.run(frame)
        truth = data if wanted else ~data
        return Value(truth if null is None else truth & ~null, None)

    return Node(kind=BOOLEAN, run=run)


def between(node: Node, low: Node, high: Node) -> Node:
    """BETWEEN, both ends included."""
    value, least, most = compared([node, low, high])
    return both(compare(">=", value, least), compare("<=", value, most))


def is_in(node: Node, members: Sequence[Node]) -> Node:
    """IN a list: NULL where nothing matches and one side is NULL."""
    value, *others = compared([node, *members])
    whole = [m.kind.low for m in others if m.kind.literal]
    if value.kind.whole and len(others) > MAX_COMPARED and len(whole) == len(others):
        held = np.array(
            [n for n in whole if value.kind.limits[0] <= n <= value.kind.limits[1]], value.kind.dtype
        )

        def run(frame: Frame) -> Value:
            data, null = value.run(frame)
            return Value(np.isin(data, held), null)

        return Node(kind=BOOLEAN, run=run)
    found = compare("=", value, others[0])
    for other in others[1:]:
        found = any_of(found, compare("=", value, other))
    return found


def boolean(value: bool) -> Node:
    """TRUE, FALSE."""
    return constant(BOOLEAN, value)
