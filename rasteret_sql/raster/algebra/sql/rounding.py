"""round, floor, ceil and trunc, of each kind of number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from rasteret_sql.raster.algebra.sql import arithmetic
from rasteret_sql.raster.algebra.sql.arithmetic import apply
from rasteret_sql.raster.algebra.sql.casts import divided_half_away, half_away, to_kind
from rasteret_sql.raster.algebra.sql.duckdb_version import EXACT_HALVES, at_least
from rasteret_sql.raster.algebra.sql.kinds import DOUBLE, INT64, NULL, SIGNED, decimal, integer, smallest
from rasteret_sql.raster.algebra.sql.values import Array, Node

Build = Callable[[Sequence[Node]], Node]

EXACT_POWERS: Final = 22
"""The largest power of ten that is a DOUBLE exactly."""


def rounding(
    real: Callable[[Array], Array], exact: Callable[[Array, int], Array], whole: Callable[[Node], Node]
) -> Build:
    """round, floor, ceil, trunc: of decimals they are decimals without digits after the point.

    ``whole`` gives whole numbers the type that DuckDB gives them.
    """

    def build(nodes: Sequence[Node]) -> Node:
        node = nodes[0]
        kind = node.kind
        if kind.real:
            return apply(real, kind, node)
        if kind.name == "DECIMAL":
            power = 10**kind.scale
            low, high = kind.low // power, -(-kind.high // power)
            return apply(lambda data: exact(data, power), decimal(0, low, high), node)
        return whole(node)

    return build


def as_double(node: Node) -> Node:
    """What floor and ceil make of whole numbers."""
    return to_kind(node, DOUBLE)


def _as_rounded(node: Node) -> Node:
    """Of whole numbers round makes BIGINT where they are unsigned; UBIGINT, a HUGEINT there, stays."""
    kind = node.kind
    if kind.name in (*SIGNED, "UBIGINT", "NULL"):
        return node
    return to_kind(node, integer("BIGINT", kind.low, kind.high))


def round_to(nodes: Sequence[Node]) -> Node:
    """Halves away from zero; with a second argument, to so many digits after the point."""
    plain = rounding(half_away, divided_half_away, _as_rounded)
    if len(nodes) == 1:
        return plain(nodes)
    node, digits = nodes[0], nodes[1].kind.low
    kind = node.kind
    if kind.real:
        return apply(lambda data: _to_digits(data, digits), kind, node)
    if digits >= kind.scale or kind == NULL:
        return node if kind.name == "DECIMAL" else plain([node])
    power = 10 ** (kind.scale - digits)
    kept = max(digits, 0)
    back = 10 ** (kept - digits)
    low, high = (bound // power * back for bound in (kind.low - power, kind.high + power))
    if kind.name == "DECIMAL":
        answer = decimal(kept, low, high)
    else:
        own = plain([node]).kind
        fits = own.limits[0] <= low and high <= own.limits[1]
        answer = replace(own, low=low, high=high) if fits else smallest(low, high) or integer("BIGINT")
    if not INT64[0] <= low <= high <= INT64[1]:
        return arithmetic.in_reals(lambda data: _to_digits(data, digits), node, kind=DOUBLE)

    def rounded(data: Array) -> Array:
        return (divided_half_away(data.astype(np.int64), power) * np.int64(back)).astype(answer.dtype)

    return apply(rounded, answer, node)


def _to_digits(data: Array, digits: int) -> Array:
    """DuckDB's way, in DOUBLE: scaled up, rounded, and down again; unchanged where that is not finite."""
    power = np.float64(10.0 ** min(abs(digits), 308))
    wide = data.astype(np.float64)
    if digits < 0:
        answer = half_away(wide / power) * power
    elif digits <= EXACT_POWERS and at_least(EXACT_HALVES):
        answer = _product_half_away(wide, power) / power
    else:
        answer = half_away(wide * power) / power
    return np.asarray(np.where(np.isfinite(answer), answer, wide), data.dtype)


def _product_half_away(data: Array, power: np.float64) -> Array:
    """The product, not its nearest DOUBLE, rounded: 17.45 is stored as a little less, and 174.5 is not."""
    product = data * power
    rounded = half_away(product)
    halves = np.flatnonzero(np.abs(product - np.trunc(product)) == 0.5)
    if halves.size:
        near = product.flat[halves]
        below = np.sign(_product_error(data.flat[halves], power)) == -np.sign(near)
        rounded.flat[halves[below]] = np.trunc(near[below])
    return rounded


def _product_error(data: Array, factor: np.float64) -> Array:
    """What the exact product has more than its nearest DOUBLE (Dekker's product)."""
    high, low = _halved(data)
    factor_high, factor_low = _halved(factor)
    product = data * factor
    return np.asarray(
        ((high * factor_high - product) + high * factor_low + low * factor_high) + low * factor_low
    )


def _halved(data: Any) -> tuple[Any, Any]:
    """Veltkamp's two halves of 26 bits each."""
    shifted = data * np.float64(2**27 + 1)
    high = shifted - (shifted - data)
    return high, data - high
