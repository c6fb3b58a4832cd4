"""The functions of expressions: DuckDB's names, arguments and result types.

Where DuckDB 1.5 ends a query because one number is outside a function's domain (``ln(0)``, ``sqrt(-1)``),
DuckDB 2.0 gives what IEEE 754 says, and so does this: -infinity, NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rasteret_sql.raster.algebra.sql import arithmetic, bits, choices
from rasteret_sql.raster.algebra.sql.arithmetic import apply
from rasteret_sql.raster.algebra.sql.duckdb_version import EXACT_HALVES, at_least
from rasteret_sql.raster.algebra.sql.kinds import BOOLEAN, DOUBLE, NULL, integer
from rasteret_sql.raster.algebra.sql.rounding import Build, as_double, round_to, rounding
from rasteret_sql.raster.algebra.sql.values import Array, Node, constant, null_of


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function: how many arguments of what sort it takes, and what builds its node."""

    build: Build
    least: int = 1
    most: int | None = 1
    """None: any number."""
    takes: str = "number"
    """``number``, ``whole`` (numbers), or ``any`` (BOOLEAN too)."""

    @property
    def count(self) -> str:
        """How many arguments there may be, for a message."""
        if self.most is None:
            return f"{self.least} or more arguments"
        numbers = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"{numbers} argument{'' if self.most == 1 else 's'}"


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
    return choices.extreme([node, arithmetic.negate(node)], greatest=True)


def _sign(nodes: Sequence[Node]) -> Node:
    """-1, 0 or 1; 0 of NaN."""
    return apply(lambda data: (data > 0).astype(np.int8) - (data < 0), integer("TINYINT", -1, 1), *nodes)


def _log(nodes: Sequence[Node]) -> Node:
    """log(x) is of base 10; log(b, x) of base b."""
    if len(nodes) == 1:
        return arithmetic.in_reals(np.log10, *nodes, kind=DOUBLE)
    return arithmetic.in_reals(lambda base, x: np.log10(x) / np.log10(base), *nodes, kind=DOUBLE)


def _bit_count(nodes: Sequence[Node]) -> Node:
    (node,) = nodes

    def count(data: Array) -> Array:
        unsigned = data.view(f"u{data.dtype.itemsize}")
        return np.asarray(np.bitwise_count(unsigned), np.int8)

    wide = node.kind.name in ("UBIGINT", "HUGEINT") and at_least(EXACT_HALVES)
    return apply(count, integer("SMALLINT" if wide else "TINYINT", 0, 64), node)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(build=_absolute),
    "acos": _double(np.arccos),
    "asin": _double(np.arcsin),
    "atan": _double(np.arctan),
    "atan2": _double(np.arctan2, 2),
    "bit_count": Function(build=_bit_count, takes="whole"),
    "cbrt": _double(np.cbrt),
    "ceil": Function(build=rounding(np.ceil, lambda data, power: -(-data // power), as_double)),
    "coalesce": Function(build=choices.coalesce, most=None, takes="any"),
    "cos": _double(np.cos),
    "cosh": _double(np.cosh),
    "degrees": _double(np.degrees),
    "exp": _double(np.exp),
    "floor": Function(build=rounding(np.floor, lambda data, power: data // power, as_double)),
    "greatest": Function(build=lambda nodes: choices.extreme(nodes, greatest=True), most=None, takes="any"),
    "if": Function(
        build=lambda nodes: choices.choose(nodes[:1], nodes[1:2], nodes[2] if len(nodes) > 2 else None),
        least=2,
        most=3,
        takes="any",
    ),
    "ifnull": Function(build=choices.coalesce, least=2, most=2, takes="any"),
    "isfinite": _test(np.isfinite, True),
    "isinf": _test(np.isinf, False),
    "isnan": _test(np.isnan, False),
    "least": Function(build=lambda nodes: choices.extreme(nodes, greatest=False), most=None, takes="any"),
    "ln": _double(np.log),
    "log": Function(build=_log, most=2),
    "log10": _double(np.log10),
    "log2": _double(np.log2),
    "mod": Function(build=lambda nodes: arithmetic.remainder(*nodes), least=2, most=2),
    "nullif": Function(build=lambda nodes: choices.null_if(*nodes), least=2, most=2, takes="any"),
    "pi": Function(build=lambda nodes: constant(DOUBLE, np.pi), least=0, most=0),
    "power": _double(np.power, 2),
    "radians": _double(np.radians),
    "round": Function(build=round_to, most=2),
    "sign": Function(build=_sign),
    "sin": _double(np.sin),
    "sinh": _double(np.sinh),
    "sqrt": _double(np.sqrt),
    "tan": _double(np.tan),
    "tanh": _double(np.tanh),
    "trunc": Function(
        build=rounding(
            np.trunc, lambda data, power: np.sign(data) * (np.abs(data) // power), lambda node: node
        )
    ),
    "xor": Function(build=lambda nodes: bits.bitwise("xor", *nodes), least=2, most=2, takes="whole"),
}
ALIASES: Final[Mapping[str, str]] = {"ceiling": "ceil", "pow": "power"}


def known() -> str:
    """The names, for a message."""
    return ", ".join(sorted({*FUNCTIONS, *ALIASES}))
