"""From sqlglot's tree and the kinds of the names to NumPy: no text is ever evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NoReturn

from sqlglot import exp

from rasteret_sql.raster.algebra import arithmetic, logic
from rasteret_sql.raster.algebra.casts import cast
from rasteret_sql.raster.algebra.functions import ALIASES, FUNCTIONS, known
from rasteret_sql.raster.algebra.kinds import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGERS,
    NULL,
    Kind,
    decimal,
    integer,
)
from rasteret_sql.raster.algebra.syntax import fail, position
from rasteret_sql.raster.algebra.values import Frame, Node, Value, constant, null_of

Build = Callable[[Node, Node], Node]
NUMBERS: dict[type[exp.Expression], tuple[str, Build]] = {
    exp.Add: ("+", lambda a, b: arithmetic.combine("+", a, b)),
    exp.Sub: ("-", lambda a, b: arithmetic.combine("-", a, b)),
    exp.Mul: ("*", lambda a, b: arithmetic.combine("*", a, b)),
    exp.Div: ("/", arithmetic.divide),
    exp.IntDiv: ("//", arithmetic.divide_whole),
    exp.Mod: ("%", arithmetic.remainder),
    exp.Pow: ("**", lambda a, b: FUNCTIONS["power"].build([a, b])),
}
WHOLE: dict[type[exp.Expression], tuple[str, Build]] = {
    exp.BitwiseAnd: ("&", lambda a, b: arithmetic.bitwise("&", a, b)),
    exp.BitwiseOr: ("|", lambda a, b: arithmetic.bitwise("|", a, b)),
    exp.BitwiseLeftShift: ("<<", arithmetic.shift_left),
    exp.BitwiseRightShift: (">>", arithmetic.shift_right),
}
ANY: dict[type[exp.Expression], Build] = {
    exp.EQ: lambda a, b: logic.compare("=", a, b),
    exp.NEQ: lambda a, b: logic.compare("<>", a, b),
    exp.LT: lambda a, b: logic.compare("<", a, b),
    exp.LTE: lambda a, b: logic.compare("<=", a, b),
    exp.GT: lambda a, b: logic.compare(">", a, b),
    exp.GTE: lambda a, b: logic.compare(">=", a, b),
    exp.And: logic.both,
    exp.Or: logic.any_of,
    exp.NullSafeEQ: lambda a, b: logic.negation(logic.distinct(a, b)),
    exp.NullSafeNEQ: logic.distinct,
}
TYPES: dict[str, str] = {"INT": "INTEGER", "UINT": "UINTEGER"} | {name: name for name in INTEGERS}
WIDEST_DECIMAL = 18


@dataclass(frozen=True, kw_only=True)
class Binder:
    """Compiles one tree."""

    text: str
    names: Mapping[str, tuple[int, Kind]]
    """Column and kind of each name, as ``name_of`` writes it."""

    def node(self, tree: exp.Expression) -> Node:
        """The compiled part; ArgumentError names what is not understood, and where it is."""
        kind = type(tree)
        if kind in NUMBERS:
            sign, build = NUMBERS[kind]
            return build(*(self._number(side, sign) for side in (tree.this, tree.expression)))
        if kind in WHOLE:
            sign, build = WHOLE[kind]
            return build(*(self._whole(side, sign) for side in (tree.this, tree.expression)))
        if kind in ANY:
            return ANY[kind](self.node(tree.this), self.node(tree.expression))
        method = METHODS.get(kind)
        if method is None:
            self._fail(tree, f"{tree.sql('duckdb')[:40]} is no expression of pixels")
        return method(self, tree)

    def _fail(self, tree: exp.Expression, what: str) -> NoReturn:
        fail(self.text, position(tree), what)

    def _number(self, tree: exp.Expression, sign: str) -> Node:
        node = self.node(tree)
        if not node.kind.number:
            self._fail(tree, f"{sign} takes numbers, not BOOLEAN; CAST it, or use CASE")
        return node

    def _whole(self, tree: exp.Expression, sign: str) -> Node:
        node = self.node(tree)
        if not (node.kind.whole or node.kind == NULL):
            self._fail(tree, f"{sign} takes whole numbers, not {node.kind.name}; CAST to INTEGER")
        return node

    def _column(self, tree: exp.Expression) -> Node:
        column, kind = self.names[name_of(tree)]
        return Node(kind=kind, run=lambda frame: frame.columns[column])

    def _literal(self, tree: exp.Expression) -> Node:
        text = str(tree.this)
        if tree.args["is_string"]:
            self._fail(tree, f"'{text}' is text, and pixels are numbers")
        try:
            return _number_of(text)
        except ArithmeticError:
            return self._fail(tree, f"{text} is no number")

    def _function(self, tree: exp.Expression) -> Node:
        name = str(tree.this).lower()
        function = FUNCTIONS.get(ALIASES.get(name, name))
        arguments = list(tree.expressions)
        if function is None:
            self._fail(tree, f"unknown function {name}; there are {known()}, CASE, CAST and TRY_CAST")
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            most = "or more" if function.most is None else f"to {function.most}"
            self._fail(tree, f"{name} takes {function.least} {most} arguments, not {len(arguments)}")
        take = {"number": self._number, "whole": self._whole}.get(function.takes)
        nodes = [self.node(part) if take is None else take(part, name) for part in arguments]
        if name == "round" and len(nodes) == 2 and not nodes[1].kind.literal:
            self._fail(tree, "the second argument of round is a whole number, written out")
        return function.build(nodes)

    def _negative(self, tree: exp.Expression) -> Node:
        inner = tree.this
        if isinstance(inner, exp.Literal) and not inner.args["is_string"]:
            return _negated(self._literal(inner))
        return arithmetic.negate(self._number(inner, "-"))

    def _case(self, tree: exp.Expression) -> Node:
        tests = [branch.this for branch in tree.args["ifs"]]
        answers = [self.node(branch.args["true"]) for branch in tree.args["ifs"]]
        conditions = [self.node(test) for test in tests]
        if tree.this is not None:
            subject = self.node(tree.this)
            conditions = [logic.compare("=", subject, condition) for condition in conditions]
        default = tree.args.get("default")
        return logic.choose(conditions, answers, None if default is None else self.node(default))

    def _in(self, tree: exp.Expression) -> Node:
        if not tree.expressions:
            self._fail(tree, "IN takes a list of values in parentheses")
        return logic.is_in(self.node(tree.this), [self.node(member) for member in tree.expressions])

    def _between(self, tree: exp.Expression) -> Node:
        if tree.args.get("symmetric"):
            self._fail(tree, "BETWEEN SYMMETRIC is not known")
        return logic.between(*(self.node(tree.args[part]) for part in ("this", "low", "high")))

    def _is(self, tree: exp.Expression) -> Node:
        other = tree.expression
        if isinstance(other, exp.Null):
            return logic.is_null(self.node(tree.this))
        if isinstance(other, exp.Boolean):
            return logic.is_truth(self.node(tree.this), bool(other.this))
        return self._fail(tree, "IS takes NULL, TRUE, FALSE or DISTINCT FROM; for NaN there is isnan(x)")

    def _cast(self, tree: exp.Expression) -> Node:
        kind = self._type(tree)
        attempt = isinstance(tree, exp.TryCast)
        inner = tree.this
        if isinstance(inner, exp.Literal) and inner.args["is_string"] and kind.real:
            try:
                return constant(kind, float(str(inner.this)))
            except ValueError:
                self._fail(tree, f"'{inner.this}' is no number")
        node = self.node(inner)
        if node.kind == NULL:
            return null_of(kind)
        made = cast(node, kind, attempt=attempt)
        if node.kind.exact and kind.exact and node.kind.scale == kind.scale:
            low, high = max(node.kind.low, kind.low), min(node.kind.high, kind.high)
            kind = replace(kind, low=min(low, high), high=max(low, high))
        return Node(kind=kind, run=made.run)

    def _type(self, tree: exp.Expression) -> Kind:
        name = tree.to.this.value if isinstance(tree.to.this, exp.DataType.Type) else str(tree.to)
        if name in TYPES:
            return integer(TYPES[name])
        if name in ("FLOAT", "DOUBLE", "BOOLEAN"):
            return {"FLOAT": FLOAT, "DOUBLE": DOUBLE, "BOOLEAN": BOOLEAN}[name]
        sizes = [int(part.name) for part in tree.to.expressions] if name == "DECIMAL" else []
        width, scale = (*sizes, 0)[:2] if sizes else (0, 0)
        if 0 <= scale <= width and 1 <= width <= WIDEST_DECIMAL:
            return decimal(scale, 1 - 10**width, 10**width - 1)
        types = ", ".join(
            [*INTEGERS, "FLOAT", "DOUBLE", "BOOLEAN", f"DECIMAL(1 to {WIDEST_DECIMAL}, digits)"]
        )
        return self._fail(tree, f"{tree.to.sql('duckdb')} is no type of pixels; there are {types}")


def _number_of(text: str) -> Node:
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


def _negated(node: Node) -> Node:
    kind = replace(node.kind, low=-node.kind.high, high=-node.kind.low)
    data = -node.run(Frame(())).data

    def run(frame: Frame) -> Value:
        return Value(data, None)

    return Node(kind=kind, run=run)


def name_of(column: exp.Expression) -> str:
    """The name that a column stands for: ``red``, or ``s2.red`` for a band of a raster."""
    table = column.args.get("table")
    return f"{table.name}.{column.name}" if table is not None else str(column.name)


METHODS: dict[type[exp.Expression], Callable[[Binder, exp.Expression], Node]] = {
    exp.Column: Binder._column,
    exp.Literal: Binder._literal,
    exp.Anonymous: Binder._function,
    exp.Paren: lambda binder, tree: binder.node(tree.this),
    exp.Neg: Binder._negative,
    exp.BitwiseNot: lambda binder, tree: arithmetic.invert(binder._whole(tree.this, "~")),
    exp.Not: lambda binder, tree: logic.negation(binder.node(tree.this)),
    exp.Case: Binder._case,
    exp.In: Binder._in,
    exp.Between: Binder._between,
    exp.Is: Binder._is,
    exp.Cast: Binder._cast,
    exp.TryCast: Binder._cast,
    exp.Boolean: lambda binder, tree: logic.boolean(bool(tree.this)),
    exp.Null: lambda binder, tree: null_of(NULL),
}
