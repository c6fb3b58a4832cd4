"""The functions of expressions: DuckDB's names, arguments and result types.

Where DuckDB 1.5 ends a query because one number is outside a function's domain (``ln(0)``, ``sqrt(-1)``), DuckDB 2.0
gives what IEEE 754 says, and so does this: -infinity, NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rasteret_sql.raster.algebra import arithmetic, logic
from rasteret_sql.raster.algebra.arithmetic import apply
from rasteret_sql.raster.algebra.casts import divided_half_away, half_away, to_kind
from rasteret_sql.raster.algebra.kinds import BOOLEAN, DOUBLE, NULL, Kind, decimal, integer
from rasteret_sql.raster.algebra.values import Array, Node, constant, null_of

Build = Callable[[Sequence[Node]], Node]


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function: how many arguments of what sort it takes, and what builds its node."""

    build: Build
    least: int = 1
    most: int | None = 1
    """None: any number."""
    takes: str = "number"
    """``number``, ``whole`` (numbers), or ``any`` (BOOLEAN too)."""


def _double(ufunc: Callable[..., Any], count: int = 1) -> Function:
    """A function of DOUBLEs."""

    def build(nodes: Sequence[Node]) -> Node:
        return arithmetic.in_reals(ufunc, *nodes, kind=DOUBLE)

    return Function(build=build, least=count, most=count)


def _test(ufunc: Callable[..., Any], of_whole: bool) -> Function:
    """A question about a floating-point number, whose answer for others is known."""

    def build(nodes: Sequence[Node]) -> Node:
        (node,) = nodes
        if node.kind.real:
            return apply(ufunc, BOOLEAN, node)
        return apply(lambda data: np.full(data.shape, of_whole), BOOLEAN, node)

    return Function(build=build)


def _absolute(nodes: Sequence[Node]) -> Node:
    (node,) = nodes
    kind = node.kind
    if kind.real:
        return apply(np.abs, kind, node)
    if kind == NULL:
        return null_of(integer("BIGINT"))
    if kind.low >= 0:
        return node
    return logic.extreme([node, arithmetic.negate(node)], greatest=True)


def _sign(nodes: Sequence[Node]) -> Node:
    """-1, 0 or 1; 0 of NaN."""
    return apply(lambda data: (data > 0).astype(np.int8) - (data < 0), integer("TINYINT", -1, 1), *nodes)


def _rounding(
    real: Callable[[Array], Array], exact: Callable[[Array, int], Array], whole: str | None
) -> Build:
    """round, floor, ceil, trunc: of decimals they are decimals without digits after the point.

    ``whole``: the type of the answer for whole numbers; None: their own.
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
        if whole is None or kind.name in (whole, "NULL") or (whole == "BIGINT" and kind.name == "UBIGINT"):
            return node
        return to_kind(node, DOUBLE if whole == "DOUBLE" else integer(whole, kind.low, kind.high))

    return build


def _round(nodes: Sequence[Node]) -> Node:
    """Halves away from zero; with a second argument, to so many digits after the point."""
    plain = _rounding(half_away, divided_half_away, "BIGINT")
    if len(nodes) == 1:
        return plain(nodes)
    node, digits = nodes[0], nodes[1].kind.low
    kind = node.kind
    if kind.real:
        return apply(lambda data: _to_digits(data, digits), kind, node)
    if digits >= kind.scale:
        return node if kind.name == "DECIMAL" else plain([node])
    power = 10 ** (kind.scale - digits)
    kept = max(digits, 0)
    back = 10 ** (kept - digits)
    low, high = ((bound // power - 1) * back for bound in (kind.low, kind.high + 2 * power))
    answer = decimal(kept, low, high) if kind.name == "DECIMAL" else integer("BIGINT")

    def rounded(data: Array) -> Array:
        wide = data.astype(np.int64)
        return divided_half_away(wide, power) * np.int64(back) if power < 10**18 else np.zeros_like(wide)

    return apply(rounded, answer, node)


def _to_digits(data: Array, digits: int) -> Array:
    """DuckDB's way: scaled up, rounded, and down again; unchanged where that is no number."""
    power = data.dtype.type(10.0 ** min(abs(digits), 400) if abs(digits) < 308 else np.inf)
    found = half_away(data * power) / power if digits >= 0 else half_away(data / power) * power
    return np.where(np.isfinite(found), found, data if digits >= 0 else 0)


def _log(nodes: Sequence[Node]) -> Node:
    """log(x) is of base 10; log(b, x) of base b."""
    if len(nodes) == 1:
        return arithmetic.in_reals(np.log10, *nodes, kind=DOUBLE)
    return arithmetic.in_reals(lambda base, x: np.log10(x) / np.log10(base), *nodes, kind=DOUBLE)


def _bit_count(nodes: Sequence[Node]) -> Node:
    (node,) = nodes

    def count(data: Array) -> Array:
        unsigned = data.view(f"u{data.dtype.itemsize}")
        return np.bitwise_count(unsigned).astype(np.int8)

    return apply(count, integer("TINYINT", 0, 64), node)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(build=_absolute),
    "acos": _double(np.arccos),
    "asin": _double(np.arcsin),
    "atan": _double(np.arctan),
    "atan2": _double(np.arctan2, 2),
    "bit_count": Function(build=_bit_count, takes="whole"),
    "cbrt": _double(np.cbrt),
    "ceil": Function(build=_rounding(np.ceil, lambda data, power: -(-data // power), "DOUBLE")),
    "coalesce": Function(build=logic.coalesce, most=None, takes="any"),
    "cos": _double(np.cos),
    "cosh": _double(np.cosh),
    "degrees": _double(np.degrees),
    "exp": _double(np.exp),
    "floor": Function(build=_rounding(np.floor, lambda data, power: data // power, "DOUBLE")),
    "greatest": Function(build=lambda nodes: logic.extreme(nodes, greatest=True), most=None, takes="any"),
    "if": Function(
        build=lambda nodes: logic.choose(nodes[:1], nodes[1:2], nodes[2] if len(nodes) > 2 else None),
        least=2,
        most=3,
        takes="any",
    ),
    "ifnull": Function(build=logic.coalesce, least=2, most=2, takes="any"),
    "isfinite": _test(np.isfinite, True),
    "isinf": _test(np.isinf, False),
    "isnan": _test(np.isnan, False),
    "least": Function(build=lambda nodes: logic.extreme(nodes, greatest=False), most=None, takes="any"),
    "ln": _double(np.log),
    "log": Function(build=_log, most=2),
    "log10": _double(np.log10),
    "log2": _double(np.log2),
    "mod": Function(build=lambda nodes: arithmetic.remainder(*nodes), least=2, most=2),
    "nullif": Function(build=lambda nodes: logic.null_if(*nodes), least=2, most=2, takes="any"),
    "pi": Function(build=lambda nodes: constant(DOUBLE, np.pi), least=0, most=0),
    "power": _double(np.power, 2),
    "radians": _double(np.radians),
    "round": Function(build=_round, most=2),
    "sign": Function(build=_sign),
    "sin": _double(np.sin),
    "sinh": _double(np.sinh),
    "sqrt": _double(np.sqrt),
    "tan": _double(np.tan),
    "tanh": _double(np.tanh),
    "trunc": Function(
        build=_rounding(np.trunc, lambda data, power: np.sign(data) * (np.abs(data) // power), None)
    ),
    "xor": Function(build=lambda nodes: arithmetic.bitwise("xor", *nodes), least=2, most=2, takes="whole"),
}
ALIASES: Final[Mapping[str, str]] = {"ceiling": "ceil", "pow": "power"}


def known() -> str:
    """The names, for a message."""
    return ", ".join(sorted({*FUNCTIONS, *ALIASES}))
