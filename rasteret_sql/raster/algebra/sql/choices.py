"""Choices between values: CASE, COALESCE, NULLIF, GREATEST, LEAST."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rasteret_sql.raster.algebra.sql import logic
from rasteret_sql.raster.algebra.sql.casts import to_kind
from rasteret_sql.raster.algebra.sql.kinds import NULL, Kind, common, integer
from rasteret_sql.raster.algebra.sql.values import Frame, Node, Value, null_of, where


def choose(conditions: Sequence[Node], answers: Sequence[Node], default: Node | None) -> Node:
    """CASE WHEN … THEN … ELSE … END; without ELSE NULL."""
    kind = _answer([*(node.kind for node in answers), *([] if default is None else [default.kind])])
    tests = [logic.truth(condition) for condition in conditions]
    values = [_as(node, kind) for node in answers]
    otherwise = null_of(kind) if default is None else _as(default, kind)

    def run(frame: Frame) -> Value:
        taken, left = [], frame
        for test, branch in zip(tests, values, strict=True):
            data, null = test.run(left)
            hit = data if null is None else data & ~null
            taken.append((hit, branch.run(left.within(hit))))
            left = left.within(~hit)
        chosen = otherwise.run(left)
        for hit, value in reversed(taken):
            chosen = Value(np.where(hit, value.data, chosen.data), where(hit, value.null, chosen.null))
        return chosen

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
        chosen = values[0].run(frame)
        for node in values[1:]:
            if chosen.null is None:
                break
            other = node.run(frame.within(chosen.null))
            null = None if other.null is None else chosen.null & other.null
            chosen = Value(np.where(chosen.null, other.data, chosen.data), null)
        return chosen

    return Node(kind=kind, run=run)


def null_if(node: Node, other: Node) -> Node:
    """NULLIF: NULL where the two are equal."""
    if node.kind == NULL:
        return null_of(integer("INTEGER"))
    equal = logic.is_truth(logic.compare("=", node, other), True)

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
            better = logic.less(data, other) if greatest else logic.less(other, data)
            if other_null is not None:
                better = better & ~other_null
            if null is not None:
                better = better | null
            null = None if null is None or other_null is None else null & other_null
            data = np.where(better, other, data)
        return Value(data, null)

    return Node(kind=kind, run=run)
