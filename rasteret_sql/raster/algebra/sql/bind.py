"""From sqlglot's tree and the kinds of the names to NumPy: no text is ever evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from sqlglot import exp

from rasteret_sql.raster.algebra.sql import arithmetic, bits, choices, logic
from rasteret_sql.raster.algebra.sql.casts import cast
from rasteret_sql.raster.algebra.sql.functions import ALIASES, FUNCTIONS, Function, known
from rasteret_sql.raster.algebra.sql.kinds import NULL, Kind
from rasteret_sql.raster.algebra.sql.literals import LONGEST_NUMBER, negated, number_of, type_of, types_told
from rasteret_sql.raster.algebra.sql.scaled import scaled_name
from rasteret_sql.raster.algebra.sql.syntax import fail, name_of
from rasteret_sql.raster.algebra.sql.values import Node, constant, null_of
from rasteret_sql.sql_conditions import Tree, position

Build = Callable[[Node, Node], Node]
NUMBERS: dict[type[Tree], tuple[str, Build]] = {
    exp.Add: ("+", lambda a, b: arithmetic.combine("+", a, b)),
    exp.Sub: ("-", lambda a, b: arithmetic.combine("-", a, b)),
    exp.Mul: ("*", lambda a, b: arithmetic.combine("*", a, b)),
    exp.Div: ("/", arithmetic.divide),
    exp.IntDiv: ("//", arithmetic.divide_whole),
    exp.Mod: ("%", arithmetic.remainder),
    exp.Pow: ("**", lambda a, b: FUNCTIONS["power"].build([a, b])),
}
WHOLE: dict[type[Tree], tuple[str, Build]] = {
    exp.BitwiseAnd: ("&", lambda a, b: bits.bitwise("&", a, b)),
    exp.BitwiseOr: ("|", lambda a, b: bits.bitwise("|", a, b)),
    exp.BitwiseLeftShift: ("<<", bits.shift_left),
    exp.BitwiseRightShift: (">>", bits.shift_right),
}
ANY: dict[type[Tree], Build] = {
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


@dataclass(frozen=True, kw_only=True)
class Binder:
    """Compiles one tree."""

    text: str
    names: Mapping[str, tuple[int, Kind]]
    """Column and kind of each name, as ``name_of`` writes it."""
    scaled: frozenset[str] = frozenset()
    """Names that stand for physical values, which have no bits and are not equal to stored numbers."""

    def node(self, tree: Tree) -> Node:
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
            self._fail(tree, f"{tree.sql('duckdb')[:40]} is not an expression of pixels")
        return method(self, tree)

    def _fail(self, tree: Tree, what: str) -> NoReturn:
        fail(self.text, position(tree), what)

    def _number(self, tree: Tree, sign: str) -> Node:
        node = self.node(tree)
        if not node.kind.number:
            self._fail(tree, f"{sign} takes numbers, not BOOLEAN; CAST it, or use CASE")
        return node

    def _whole(self, tree: Tree, sign: str) -> Node:
        node = self.node(tree)
        self._require_stored(tree, sign)
        if not (node.kind.whole or node.kind == NULL):
            self._fail(tree, f"{sign} takes whole numbers, not {node.kind.name}; CAST to INTEGER")
        return node

    def _column(self, tree: Tree) -> Node:
        column, kind = self.names[name_of(tree)]
        return Node(kind=kind, run=lambda frame: frame.columns[column])

    def _literal(self, tree: Tree) -> Node:
        text = str(tree.this)
        if tree.args["is_string"]:
            self._fail(tree, f"'{text}' is text, and pixels are numbers")
        if len(text) > LONGEST_NUMBER:
            self._fail(tree, f"a number of {len(text):,} digits; at most {LONGEST_NUMBER} are taken")
        try:
            return number_of(text)
        except ArithmeticError:
            return self._fail(tree, f"{text} is not a number")

    def _function(self, tree: Tree) -> Node:
        name = str(tree.this).lower()
        function = known_function(self.text, tree)
        arguments = list(tree.expressions)
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            self._fail(tree, f"{name} takes {function.count}, not {len(arguments)}")
        take = {"number": self._number, "whole": self._whole}.get(function.takes)
        nodes = [self.node(part) if take is None else take(part, name) for part in arguments]
        if name == "round" and len(nodes) == 2 and not nodes[1].kind.literal:
            self._fail(tree, "the second argument of round is a whole number, written out")
        return function.build(nodes)

    def _negative(self, tree: Tree) -> Node:
        inner = tree.this
        if isinstance(inner, exp.Literal) and not inner.args["is_string"]:
            return negated(self._literal(inner))
        return arithmetic.negate(self._number(inner, "-"))

    def _case(self, tree: Tree) -> Node:
        tests = [branch.this for branch in tree.args["ifs"]]
        answers = [self.node(branch.args["true"]) for branch in tree.args["ifs"]]
        conditions = [self.node(test) for test in tests]
        if tree.this is not None:
            subject = self.node(tree.this)
            conditions = [logic.compare("=", subject, condition) for condition in conditions]
        default = tree.args.get("default")
        return choices.choose(conditions, answers, None if default is None else self.node(default))

    def _in(self, tree: Tree) -> Node:
        if not tree.expressions:
            self._fail(tree, "IN takes a list of values in parentheses")
        for part in (tree.this, *tree.expressions):
            self._require_stored(part, "IN")
        return logic.is_in(self.node(tree.this), [self.node(member) for member in tree.expressions])

    def _require_stored(self, tree: Tree, sign: str) -> None:
        name = scaled_name(tree, self.scaled)
        if name is not None:
            self._fail(
                tree,
                f"{sign} takes stored numbers, but {name} has a scale and an offset, so its name stands for "
                "the physical value; pass scale := false, under which names stand for stored numbers",
            )

    def _between(self, tree: Tree) -> Node:
        if tree.args.get("symmetric"):
            self._fail(tree, "BETWEEN SYMMETRIC is not known")
        return logic.between(*(self.node(tree.args[part]) for part in ("this", "low", "high")))

    def _is(self, tree: Tree) -> Node:
        other = tree.expression
        if isinstance(other, exp.Null):
            return logic.is_null(self.node(tree.this))
        if isinstance(other, exp.Boolean):
            return logic.is_truth(self.node(tree.this), bool(other.this))
        return self._fail(tree, "IS takes NULL, TRUE, FALSE or DISTINCT FROM; for NaN there is isnan(x)")

    def _cast(self, tree: Tree) -> Node:
        kind = self._type(tree)
        attempt = isinstance(tree, exp.TryCast)
        inner = tree.this
        if isinstance(inner, exp.Literal) and inner.args["is_string"] and kind.real:
            try:
                return constant(kind, float(str(inner.this)))
            except ValueError:
                self._fail(tree, f"'{inner.this}' is not a number")
        node = self.node(inner)
        if node.kind == NULL:
            return null_of(kind)
        made = cast(node, kind, attempt=attempt)
        if node.kind.exact and kind.exact and node.kind.scale == kind.scale:
            low, high = max(node.kind.low, kind.low), min(node.kind.high, kind.high)
            kind = replace(kind, low=min(low, high), high=max(low, high))
        return Node(kind=kind, run=made.run)

    def _type(self, tree: Tree) -> Kind:
        return type_of(tree.to) or self._fail(
            tree, f"{tree.to.sql('duckdb')} is not a type of pixels; there are {types_told()}"
        )


def known_function(text: str, tree: Tree) -> Function:
    """The function that a call names; ArgumentError lists them."""
    name = str(tree.this).lower()
    function = FUNCTIONS.get(ALIASES.get(name, name))
    if function is None:
        what = f"unknown function {name}; there are {known()}, CASE, CAST and TRY_CAST"
        fail(text, position(tree), what)
    return function


METHODS: dict[type[Tree], Callable[[Binder, Tree], Node]] = {
    exp.Column: Binder._column,
    exp.Literal: Binder._literal,
    exp.Anonymous: Binder._function,
    exp.Paren: lambda binder, tree: binder.node(tree.this),
    exp.Neg: Binder._negative,
    exp.BitwiseNot: lambda binder, tree: bits.invert(binder._whole(tree.this, "~")),
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
