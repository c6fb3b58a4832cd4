"""Comparisons, SQL's logic of three values, and choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rasteret_sql.raster.algebra.casts import cast, to_kind
from rasteret_sql.raster.algebra.kinds import BOOLEAN, NULL, Kind, common, integer
from rasteret_sql.raster.algebra.values import (
    Array,
    Bools,
    Frame,
    Node,
    Value,
    constant,
    either,
    null_of,
    where,
)

FEW = 8
"""Constants that IN compares one by one; more are looked up."""


def _equal(a: Array, b: Array) -> Bools:
    """NaN equals NaN, as in DuckDB."""
    same = np.equal(a, b)
    return same | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else same


def _less(a: Array, b: Array) -> Bools:
    """NaN is the largest number."""
    less = np.less(a, b)
    return less | (~np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else less


COMPARISONS: dict[str, Callable[[Array, Array], Any]] = {
    "=": _equal,
    "<>": lambda a, b: ~_equal(a, b),
    "<": _less,
    "<=": lambda a, b: ~_less(b, a),
    ">": lambda a, b: _less(b, a),
    ">=": lambda a, b: ~_less(a, b),
}


def compared(nodes: Sequence[Node]) -> list[Node]:
    """The nodes as one kind. Whole numbers stay as they are: NumPy compares those of any two types exactly."""
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
        differ = ~_equal(a, b)
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
        found = data if wanted else ~data
        return Value(found if null is None else found & ~null, None)

    return Node(kind=BOOLEAN, run=run)


def between(node: Node, low: Node, high: Node) -> Node:
    """BETWEEN, both ends included."""
    value, least, most = compared([node, low, high])
    return both(compare(">=", value, least), compare("<=", value, most))


def is_in(node: Node, members: Sequence[Node]) -> Node:
    """IN a list: NULL where nothing matches and one side is NULL."""
    value, *others = compared([node, *members])
    whole = [m.kind.low for m in others if m.kind.literal]
    if value.kind.whole and len(others) > FEW and len(whole) == len(others):
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


def choose(conditions: Sequence[Node], answers: Sequence[Node], default: Node | None) -> Node:
    """CASE WHEN … THEN … ELSE … END; without ELSE NULL."""
    kind = _answer([*(node.kind for node in answers), *([] if default is None else [default.kind])])
    tests = [truth(condition) for condition in conditions]
    values = [_as(node, kind) for node in answers]
    otherwise = null_of(kind) if default is None else _as(default, kind)

    def run(frame: Frame) -> Value:
        taken, left = [], frame
        for test, value in zip(tests, values, strict=True):
            data, null = test.run(left)
            hit = data if null is None else data & ~null
            taken.append((hit, value.run(left.within(hit))))
            left = left.within(~hit)
        found = otherwise.run(left)
        for hit, value in reversed(taken):
            found = Value(np.where(hit, value.data, found.data), where(hit, value.null, found.null))
        return found

    return Node(kind=kind, run=run)


def _answer(kinds: Sequence[Kind]) -> Kind:
    kind = common(kinds)
    return integer("INTEGER", 0, 0) if kind == NULL else kind


def _as(node: Node, kind: Kind) -> Node:
    return null_of(kind) if node.kind == NULL else to_kind(node, kind)


def coalesce(nodes: Sequence[Node]) -> Node:
    """The first that is not NULL."""
    kind = _answer([node.kind for node in nodes])
    values = [_as(node, kind) for node in nodes]

    def run(frame: Frame) -> Value:
        found = values[0].run(frame)
        for node in values[1:]:
            if found.null is None:
                break
            other = node.run(frame.within(found.null))
            null = None if other.null is None else found.null & other.null
            found = Value(np.where(found.null, other.data, found.data), null)
        return found

    return Node(kind=kind, run=run)


def null_if(node: Node, other: Node) -> Node:
    """NULLIF: NULL where the two are equal."""
    if node.kind == NULL:
        return null_of(integer("INTEGER"))
    equal = is_truth(compare("=", node, other), True)

    def run(frame: Frame) -> Value:
        data, null = node.run(frame)
        hit = equal.run(frame).data
        return Value(data, hit if null is None else hit | null)

    return Node(kind=node.kind, run=run)


def extreme(nodes: Sequence[Node], *, greatest: bool) -> Node:
    """GREATEST and LEAST: of those that are not NULL; NaN is the largest."""
    kind = _answer([node.kind for node in nodes])
    values = [_as(node, kind) for node in nodes]

    def run(frame: Frame) -> Value:
        data, null = values[0].run(frame)
        for node in values[1:]:
            other, other_null = node.run(frame)
            better = _less(data, other) if greatest else _less(other, data)
            if other_null is not None:
                better = better & ~other_null
            if null is not None:
                better = better | null
            null = None if null is None or other_null is None else null & other_null
            data = np.where(better, other, data)
        return Value(data, null)

    return Node(kind=kind, run=run)


def boolean(value: bool) -> Node:
    """TRUE, FALSE."""
    return constant(BOOLEAN, value)
