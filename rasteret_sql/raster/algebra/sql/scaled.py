"""Where an expression takes a band for stored numbers although its name stands for physical values."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from rasteret_sql.raster.algebra.sql.syntax import name_of
from rasteret_sql.sql_conditions import Tree

CLASSES = frozenset({"ceil", "ceiling", "floor", "round", "trunc", "sign", "isnan", "isinf", "isfinite"})
"""Functions that make classes of physical values, which may be compared."""
CONDITIONS = (
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between,
    exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip
"""Their answer is true or false, whatever they compare."""


def scaled_name(tree: Tree, scaled: frozenset[str]) -> str | None:
    """The scaled band that ``tree`` has its value of; None where it has none, or rounds it on purpose.

    A CAST of a band itself is not meant as rounding: of reflectance it would leave 0 and 1.
    """
    if not scaled:
        return None
    if isinstance(tree, exp.Column):
        name = name_of(tree)
        return name if name in scaled else None
    if isinstance(tree, CONDITIONS) or (isinstance(tree, exp.Anonymous) and _name(tree) in CLASSES):
        return None
    if isinstance(tree, exp.Cast | exp.TryCast) and not isinstance(_bare(tree.this), exp.Column):
        return None
    names = (scaled_name(part, scaled) for part in _parts(tree))
    return next((name for name in names if name is not None), None)


def _name(call: Tree) -> str:
    return str(call.this).lower()


def _bare(tree: Tree) -> Tree:
    while isinstance(tree, exp.Paren):
        tree = tree.this
    return tree


def _parts(tree: Tree) -> Iterable[Tree]:
    """Parts that the value comes from: of CASE and if the answers, not the conditions."""
    if isinstance(tree, exp.Case):
        yield from (branch.args["true"] for branch in tree.args["ifs"])
        if tree.args.get("default") is not None:
            yield tree.args["default"]
        return
    if isinstance(tree, exp.Anonymous) and _name(tree) == "if":
        yield from tree.expressions[1:]
        return
    yield from tree.iter_expressions()
