"""The arithmetic operators.

Values are DuckDB's; types of whole numbers are wider, so that nothing wraps and ``nir - red`` of unsigned
bands goes below zero: ``+``, ``-``, ``*``, negation and ``<<`` give INTEGER where every possible answer fits,
else BIGINT. Where not even that is sure, the numbers are looked at, and one that leaves 64 bits is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rasteret_sql.raster.algebra.sql.casts import to_kind
from rasteret_sql.raster.algebra.sql.kinds import (
    DOUBLE,
    FLOAT,
    Kind,
    common,
    decimal,
    integer,
    rescaled,
    smallest,
)
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value, either, null_of, refuse

Function = Callable[..., Any]
INT64 = np.dtype(np.int64)
UFUNCS: dict[str, Function] = {"+": np.add, "-": np.subtract, "*": np.multiply}
RANGES: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "+": lambda a, b, c, d: (a + c, b + d),
    "-": lambda a, b, c, d: (a - d, b - c),
    "*": lambda a, b, c, d: (min(a * c, a * d, b * c, b * d), max(a * c, a * d, b * c, b * d)),
}


def real_kind(*kinds: Kind) -> Kind:
    """FLOAT when one is and none is DOUBLE; else DOUBLE."""
    names = {kind.name for kind in kinds}
    return FLOAT if "FLOAT" in names and "DOUBLE" not in names else DOUBLE


def apply(ufunc: Function, kind: Kind, *nodes: Node) -> Node:
    """A NumPy function of numbers that already have the right kinds."""

    def run(frame: Frame) -> Value:
        values = [node.run(frame) for node in nodes]
        return Value(ufunc(*(value.data for value in values)), either(*(value.null for value in values)))

    return Node(kind=kind, run=run)


def in_reals(ufunc: Function, *nodes: Node, kind: Kind | None = None) -> Node:
    """The same after both sides became FLOAT or DOUBLE."""
    chosen = real_kind(*(node.kind for node in nodes)) if kind is None else kind
    return apply(ufunc, chosen, *(to_kind(node, chosen) for node in nodes))


def combine(sign: str, one: Node, other: Node) -> Node:
    """``+``, ``-`` and ``*``."""
    ufunc = UFUNCS[sign]
    if not (one.kind.exact and other.kind.exact):
        return in_reals(ufunc, one, other)
    if "NULL" in (one.kind.name, other.kind.name):
        return null_of(common([one.kind, other.kind]))
    scale = one.kind.scale + other.kind.scale if sign == "*" else max(one.kind.scale, other.kind.scale)
    if sign == "*":
        ranges = (one.kind.low, one.kind.high, other.kind.low, other.kind.high)
    else:
        ranges = (*rescaled(one.kind, scale), *rescaled(other.kind, scale))
    low, high = RANGES[sign](*ranges)
    if "DECIMAL" in (one.kind.name, other.kind.name):
        kind = decimal(scale, low, high)
        if kind.name == "DOUBLE":
            return in_reals(ufunc, one, other)
        sides = (one, other) if sign == "*" else (_at(one, scale), _at(other, scale))
        return apply(_in(ufunc, INT64), kind, *sides)
    narrow = smallest(low, high)
    if narrow is not None:
        return apply(_in(ufunc, narrow.dtype), narrow, one, other)
    return _checked(sign, one, other)


def _at(node: Node, scale: int) -> Node:
    return to_kind(node, Kind(name="DECIMAL", scale=scale))


def _in(ufunc: Function, dtype: np.dtype[Any]) -> Function:
    """The function in a type that holds its answer; the sides may wrap on the way, which cancels out."""
    return lambda *sides: ufunc(*sides, dtype=dtype, casting="unsafe")


def _checked(sign: str, one: Node, other: Node) -> Node:
    """64-bit numbers whose answer may leave 64 bits."""
    unsigned = one.kind.low >= 0 and other.kind.low >= 0 and sign != "-"
    kind = integer("UBIGINT" if unsigned else "BIGINT")

    def run(frame: Frame) -> Value:
        (a, a_null), (b, b_null) = one.run(frame), other.run(frame)
        null = either(a_null, b_null)
        if a.size and b.size:
            ends = (int(a.min()), int(a.max()), int(b.min()), int(b.max()))
            low, high = RANGES[sign](*ends)
            if kind.low <= low and high <= kind.high:
                return Value(_in(UFUNCS[sign], kind.dtype)(a, b), null)
        whole = np.asarray(UFUNCS[sign](a.astype(object), b.astype(object)))
        bad = np.asarray((whole < kind.low) | (whole > kind.high), np.bool_)
        refuse(bad, frame, null, f"{{}} {sign} {{}} leaves 64 bits; cast one side to DOUBLE", a, b)
        return Value(np.where(bad, 0, whole).astype(kind.dtype), null)

    return Node(kind=kind, run=run)


def negate(node: Node) -> Node:
    """``-x``; of unsigned numbers too."""
    if node.kind.real:
        return apply(np.negative, node.kind, node)
    if node.kind.name == "NULL":
        return null_of(integer("BIGINT"))
    zero = Node(kind=Kind(name=node.kind.name, scale=node.kind.scale), run=_zero(node.kind))
    return combine("-", zero, node)


def _zero(kind: Kind) -> Callable[[Frame], Value]:
    value = Value(np.zeros((), kind.dtype), None)
    return lambda frame: value


def divide(one: Node, other: Node) -> Node:
    """``/``: always of floating point; by zero as IEEE 754 says (infinity, or NaN of 0 / 0)."""
    return in_reals(np.true_divide, one, other)


def divide_whole(one: Node, other: Node) -> Node:
    """``//``: whole numbers towards zero; of others DuckDB's plain division. By zero it is NULL."""
    kind = common([one.kind, other.kind])
    if not (kind.whole or kind.name == "NULL"):
        kind = real_kind(one.kind, other.kind)
        return _unless_zero(np.true_divide, kind, to_kind(one, kind), to_kind(other, kind))
    if kind.name == "NULL":
        return null_of(integer("INTEGER"))
    least = -kind.limits[1] - 1
    if one.kind.low <= least and other.kind.low <= -1 <= other.kind.high:
        wide = smallest(least, -least)
        kind = wide if wide is not None else kind
    sides = to_kind(one, kind), to_kind(other, kind)
    size = max(abs(one.kind.low), abs(one.kind.high))
    bounded = integer(kind.name, max(-size, kind.limits[0]), min(size, kind.limits[1]))
    return _unless_zero(_truncated, bounded, *sides)


def _truncated(a: Array, b: Array) -> Array:
    quotient = np.floor_divide(a, b)
    if quotient.dtype.kind == "u":
        return np.asarray(quotient)
    exact = quotient * b == a
    return np.asarray(quotient + (~exact & ((a < 0) != (b < 0))))


def remainder(one: Node, other: Node) -> Node:
    """``%``: the sign of the left side. By zero NULL, of floating point NaN."""
    kind = common([one.kind, other.kind])
    if kind.real:
        return in_reals(np.fmod, one, other)
    if kind.name == "NULL":
        return null_of(integer("INTEGER"))
    size = max(map(abs, rescaled(other.kind, kind.scale)))
    bounded = Kind(
        name=kind.name, scale=kind.scale, low=max(-size, kind.limits[0]), high=min(size, kind.limits[1])
    )
    return _unless_zero(np.fmod, bounded, to_kind(one, kind), to_kind(other, kind))


def _unless_zero(ufunc: Function, kind: Kind, one: Node, other: Node) -> Node:
    def run(frame: Frame) -> Value:
        (a, a_null), (b, b_null) = one.run(frame), other.run(frame)
        zero = b == 0
        if zero.any():
            b = np.where(zero, b.dtype.type(1), b)
            return Value(ufunc(a, b), either(a_null, b_null, zero))
        return Value(ufunc(a, b), either(a_null, b_null))

    return Node(kind=kind, run=run)
