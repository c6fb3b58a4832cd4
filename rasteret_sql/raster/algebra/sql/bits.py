"""The bit operators, of whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from rasteret_sql.raster.algebra.sql.arithmetic import apply
from rasteret_sql.raster.algebra.sql.casts import to_kind
from rasteret_sql.raster.algebra.sql.kinds import INTEGERS, NULL, common, integer, smallest
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value, either, null_of, refuse

BITS: Final[dict[str, Callable[..., Any]]] = {
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "xor": np.bitwise_xor,
}
INT64_MAX: Final = np.int64(2**63 - 1)
INTEGER_BITS: Final = {name: dtype.itemsize * 8 for name, dtype in INTEGERS.items()}


def bitwise(sign: str, one: Node, other: Node) -> Node:
    """``&``, ``|`` and ``xor`` of whole numbers."""
    kind = common([one.kind, other.kind])
    if kind == NULL:
        return null_of(integer("INTEGER"))
    kind = integer(kind.name)
    return apply(BITS[sign], kind, to_kind(one, kind), to_kind(other, kind))


def invert(node: Node) -> Node:
    """``~x``, in x's own type."""
    if node.kind == NULL:
        return null_of(integer("BIGINT"))
    return apply(np.invert, integer(node.kind.name), node)


def shift_left(one: Node, other: Node) -> Node:
    """``<<``: of numbers from 0, by 0 to 63 bits; an answer that leaves 64 bits is an error."""
    if NULL in (one.kind, other.kind):
        return null_of(integer("INTEGER"))
    most = max(one.kind.high, 0) << min(max(other.kind.high, 0), 63)
    kind = smallest(0, most) or integer("BIGINT")
    kind = integer("BIGINT") if kind.name == "UBIGINT" else kind

    def run(frame: Frame) -> Value:
        (a, a_null), (b, b_null) = one.run(frame), other.run(frame)
        null = either(a_null, b_null)
        bits = np.where((b < 0) | (b > 62), 63, b).astype(np.int64)
        bad = (a < 0) | (b < 0) | (b > 63) | (a > (INT64_MAX >> bits).astype(np.uint64))
        refuse(bad, frame, null, "{} << {} is not defined, or leaves 64 bits", a, b)
        return Value(np.left_shift(np.where(bad, 0, a).astype(np.int64), bits).astype(kind.dtype), null)

    return Node(kind=kind, run=run)


def shift_right(one: Node, other: Node) -> Node:
    """``>>``: 0 where the bits are fewer than asked for, or asked for a negative number of them."""
    if NULL in (one.kind, other.kind):
        return null_of(integer("INTEGER"))
    kind = common([one.kind, other.kind])
    width = INTEGER_BITS[kind.name]

    def shift(a: Array, b: Array) -> Array:
        outside = (b < 0) | (b >= width)
        return np.where(outside, 0, np.right_shift(a, np.where(outside, 0, b).astype(a.dtype))).astype(
            a.dtype
        )

    return apply(shift, integer(kind.name), to_kind(one, kind), to_kind(other, kind))
