"""A filter in SQL, as DuckDB reads it, in CQL2 JSON (OGC 21-065)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from sqlglot import exp

from rasteret_sql.sql_conditions import Tree
from rasteret_sql.stac.filter.sql_syntax import fail, parse
from rasteret_sql.stac.filter.sql_words import (
    BINARY,
    LOGIC,
    MEMBER,
    NUMBERS,
    PATTERNS,
    SAME_FUNCTIONS,
    TEXTS,
    TIMES,
)
from rasteret_sql.stac.geometry import GEOMETRIES, GeometryTextError, geojson_box
from rasteret_sql.stac.interval import parse_moment

LONGEST_NUMBER = 400
"""Characters; a DOUBLE has up to 309 digits before its point."""
Json = Any
"""A part of a CQL2 JSON expression."""


def from_sql(text: str) -> Json:
    """CQL2 JSON of a condition in SQL, with names as they were written.

    Raises ``sql_syntax.NotSqlError`` for what is not SQL, and ``ArgumentError``, with the place, for SQL that
    CQL2 cannot say.
    """
    return _Translation(text).condition(parse(text))


class _Translation:
    def __init__(self, text: str) -> None:
        self.text = text

    def condition(self, node: Tree) -> Json:
        """A part in the place of a truth value; a bare column there is a boolean property."""
        value = self.value(node)
        if node.parent is None:
            return value  # the caller says of a whole filter that it is not a condition
        if isinstance(_inner(node), exp.Column):
            return {"op": "=", "args": [value, True]}
        if not isinstance(value, bool) and _op(value) is None:
            fail(self.text, node, "a condition is expected here, such as a comparison")
        return value

    def value(self, node: Tree) -> Json:
        kind = type(node)
        if kind in LOGIC:
            op, parts = LOGIC[kind], [self.condition(node.this), self.condition(node.expression)]
            flat = [arg for part in parts for arg in (part["args"] if _op(part) == op else [part])]
            return {"op": op, "args": flat}
        if kind in BINARY:
            for side in (node.this, node.expression):
                if isinstance(side, exp.Null):
                    fail(self.text, node, "a comparison with NULL is never true; write IS NULL")
            return {"op": BINARY[kind], "args": [self.value(node.this), self.value(node.expression)]}
        special = _SPECIAL.get(kind)
        if special is None:
            fail(self.text, node, f"{_named(node)} has no word in CQL2; put it in WHERE on the result")
        return special(self, node)

    def not_(self, node: Tree) -> Json:
        return {"op": "not", "args": [self.condition(node.this)]}

    def negative(self, node: Tree) -> Json:
        value = self.value(node.this)
        return -value if isinstance(value, int | float) else {"op": "*", "args": [-1, value]}

    def literal(self, node: Tree) -> Json:
        if node.is_string:
            return str(node.this)
        written = str(node.this)
        if len(written) > LONGEST_NUMBER or not isfinite(float(written)):
            fail(self.text, node, "the number is out of the range of DOUBLE")
        return int(written) if written.isdecimal() else float(written)

    def column(self, node: Tree) -> Json:
        return {"property": ".".join(part.name for part in node.parts)}

    def is_(self, node: Tree) -> Json:
        if isinstance(node.expression, exp.Null):
            return {"op": "isNull", "args": [self.value(node.this)]}
        if isinstance(node.expression, exp.Boolean):
            return {"op": "=", "args": [self.value(node.this), bool(node.expression.this)]}
        return fail(self.text, node, "IS is followed by NULL, TRUE or FALSE")

    def in_(self, node: Tree) -> Json:
        if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
            fail(self.text, node, "IN takes a list of values, such as IN ('a', 'b')")
        return {"op": "in", "args": [self.value(node.this), [self.value(e) for e in node.expressions]]}

    def between(self, node: Tree) -> Json:
        if node.args.get("symmetric"):
            fail(self.text, node, "BETWEEN SYMMETRIC has no word in CQL2; give the smaller value first")
        return {"op": "between", "args": [self.value(node.args[key]) for key in ("this", "low", "high")]}

    def like(self, node: Tree, escape: str | None = None) -> Json:
        pattern = self.value(node.expression)
        if not isinstance(pattern, str):
            fail(self.text, node, "LIKE needs a pattern in quotes")
        args = [self.value(node.this), _cql2_pattern(pattern, escape)]
        if isinstance(node, exp.ILike):
            args = [{"op": "casei", "args": [arg]} for arg in args]
        condition = {"op": "like", "args": args}
        return {"op": "not", "args": [condition]} if node.args.get("negate") else condition

    def escape(self, node: Tree) -> Json:
        return self.like(node.this, str(node.expression.this))

    def starts_with(self, node: Tree) -> Json:
        return self._pattern(node, [node.this, node.expression], ("", "%"))

    def _pattern(self, node: Tree, parts: list[Tree], around: tuple[str, str]) -> Json:
        text, part = [self.value(part) for part in parts]
        if not isinstance(part, str):
            fail(self.text, node, "a text in quotes is expected here")
        escaped = _cql2_pattern(part, None).replace("%", "\\%").replace("_", "\\_")
        return {"op": "like", "args": [text, around[0] + escaped + around[1]]}

    def overlaps(self, node: Tree) -> Json:
        args = [self.value(node.this), self.value(node.expression)]
        if any(isinstance(arg, list) for arg in args):
            return {"op": "a_overlaps", "args": args}
        if not all(isinstance(arg, dict) and "op" not in arg for arg in args):
            fail(self.text, node, "&& compares geometries or lists, such as geometry && ST_Point(7, 51)")
        return {"op": "s_intersects", "args": [_box(arg) for arg in args]}

    def list_(self, node: Tree) -> Json:
        return [self.value(part) for part in node.expressions]

    def cast(self, node: Tree) -> Json:
        kind, inner = node.to.this.name, self.value(node.this)
        if kind in TIMES and isinstance(inner, str):
            return self._moment(node, f"{kind.replace('NTZ', '')} '{inner}'", inner)
        if kind == "GEOMETRY" and isinstance(inner, str):
            return self._geometry(node, "st_geomfromtext", [inner])
        if kind in NUMBERS and isinstance(inner, int | float) and not isinstance(inner, bool):
            return inner
        if kind in TEXTS and isinstance(inner, str):
            return inner
        return fail(self.text, node, f"CQL2 casts no property to {kind}; put it in WHERE on the result")

    def interval(self, node: Tree) -> Json:
        ends = self.value(node.this) if isinstance(node.this, exp.Tuple) else None
        if not isinstance(ends, list) or len(ends) != 2:
            fail(self.text, node, "CQL2's INTERVAL has a start and an end: INTERVAL('2024-01-01', '..')")
        return {"interval": ends}

    def function(self, node: Tree) -> Json:
        name, parts = str(node.this).lower(), list(node.expressions)
        if name in PATTERNS and len(parts) == 2:
            return self._pattern(node, parts, PATTERNS[name])
        args = [self.value(part) for part in parts]
        if name in ("date", "timestamp") and len(args) == 1 and isinstance(args[0], str):
            return self._moment(node, f"{name.upper()} '{args[0]}'", args[0])
        if name in GEOMETRIES:
            return self._geometry(node, name, args)
        if name in MEMBER and len(args) == 2:
            return {"op": "a_contains", "args": [args[0], [args[1]]]}
        if name.startswith("a_"):
            args = [[a] if isinstance(p, exp.Paren) else a for a, p in zip(args, parts, strict=True)]
        return {"op": SAME_FUNCTIONS.get(name, name), "args": args}

    def _moment(self, node: Tree, written: str, text: str) -> Json:
        moment = parse_moment(text)
        if moment is None:
            fail(self.text, node, f"{written} is not a date or time")
        return {"timestamp": moment}

    def _geometry(self, node: Tree, name: str, args: list[Json]) -> Json:
        try:
            return GEOMETRIES[name](args)
        except (GeometryTextError, TypeError, ValueError) as error:
            return fail(self.text, node, f"{name}: {error}")


def _box(arg: Json) -> Json:
    """``&&`` compares boxes."""
    return arg if "property" in arg or "bbox" in arg else geojson_box(arg)


def _cql2_pattern(pattern: str, escape: str | None) -> str:
    """A pattern of LIKE with CQL2's escape character, the backslash, which DuckDB does not have."""
    text, letters = "", iter(pattern)
    for letter in letters:
        if letter == escape:
            letter = "\\" + next(letters, "")
        elif letter == "\\":
            letter = "\\\\"
        text += letter
    return text


def _op(condition: Json) -> str | None:
    return condition.get("op") if isinstance(condition, dict) else None


def _inner(node: Tree) -> Tree:
    return _inner(node.this) if isinstance(node, exp.Paren) else node


def _named(node: Tree) -> str:
    words = {
        exp.RegexpLike: "~", exp.SimilarTo: "SIMILAR TO", exp.Subquery: "a subquery",
        exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
        exp.Placeholder: "a parameter", exp.Parameter: "a parameter",
    }  # fmt: skip
    return words.get(type(node), type(node).__name__)


_SPECIAL: Mapping[type, Callable[[_Translation, Tree], Json]] = {
    exp.Paren: lambda said, node: said.condition(node.this) if isinstance(
        node.parent, exp.And | exp.Or | exp.Not) else said.value(node.this),
    exp.Not: _Translation.not_, exp.Neg: _Translation.negative, exp.Literal: _Translation.literal,
    exp.Boolean: lambda said, node: bool(node.this), exp.Column: _Translation.column,
    exp.Is: _Translation.is_, exp.In: _Translation.in_, exp.Between: _Translation.between,
    exp.Like: _Translation.like, exp.ILike: _Translation.like, exp.Escape: _Translation.escape,
    exp.StartsWith: _Translation.starts_with, exp.ArrayOverlaps: _Translation.overlaps,
    exp.Tuple: _Translation.list_, exp.Array: _Translation.list_, exp.Cast: _Translation.cast,
    exp.TryCast: _Translation.cast, exp.Interval: _Translation.interval,
    exp.Anonymous: _Translation.function,
}  # fmt: skip
