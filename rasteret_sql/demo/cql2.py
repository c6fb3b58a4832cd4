"""CQL2 (OGC 21-065r2) as the demo's STAC API answers it: text and JSON, comparisons, logic, intersection."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shapely.geometry import shape

from rasteret_sql.errors import ArgumentError, UnsupportedError

Json = Any
Lookup = Callable[[str], Any]

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


# --- evaluation of CQL2 JSON ---------------------------------------------------------------------------


def matches(expression: Json, lookup: Lookup) -> bool:
    """Whether an item meets a CQL2 JSON expression; ``lookup`` gives its property of a name, or None."""
    return _value(expression, lookup) is True


def _value(node: Json, lookup: Lookup) -> Any:
    """The value of a node; None is SQL's unknown."""
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return lookup(node["property"])
    for kind in ("timestamp", "date"):
        if kind in node:
            return _instant(str(node[kind]))
    if "op" not in node:
        return node  # a GeoJSON geometry
    op, args = str(node["op"]).lower(), node.get("args", [])
    if op == "and":
        return _all(_value(each, lookup) for each in args)
    if op == "or":
        return _not(_all(_not(_value(each, lookup)) for each in args))
    if op == "not":
        return _not(_value(args[0], lookup))
    if op == "isnull":
        return _value(args[0], lookup) is None
    if op == "between":
        value = args[0]
        return _all(_compare(op, value, bound, lookup) for op, bound in ((">=", args[1]), ("<=", args[2])))
    if op == "in":
        return _not(_all(_not(_compare("=", args[0], each, lookup)) for each in args[1]))
    if op == "like":
        value = _value(args[0], lookup)
        return None if value is None else re.fullmatch(_like(args[1]), str(value), re.DOTALL) is not None
    if op == "s_intersects":
        left, right = (_value(each, lookup) for each in args)
        return None if left is None or right is None else bool(shape(left).intersects(shape(right)))
    if op in COMPARISONS:
        return _compare(op, args[0], args[1], lookup)
    raise UnsupportedError(f"the demo's STAC API has no CQL2 operator {op!r}")


def _compare(op: str, left_node: Json, right_node: Json, lookup: Lookup) -> bool | None:
    left, right = _value(left_node, lookup), _value(right_node, lookup)
    if left is None or right is None:
        return None
    if isinstance(left, datetime) != isinstance(right, datetime):
        left, right = (_instant(each) if isinstance(each, str) else each for each in (left, right))
    try:
        return COMPARISONS[op](left, right)
    except TypeError as error:
        raise ArgumentError(f"CQL2 cannot compare {left!r} {op} {right!r}") from error


def _all(values: Any) -> bool | None:
    unknown = False
    for value in values:
        if value is False:
            return False
        unknown |= value is None
    return None if unknown else True


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _like(pattern: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)


def _instant(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else datetime.fromisoformat(f"{when.isoformat()}+00:00")


# --- CQL2 text to CQL2 JSON ----------------------------------------------------------------------------

TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<name>"[^"]+"|[A-Za-z_][\w:.\-]*)|(?P<sign><>|<=|>=|[=<>(),]))""",
    re.VERBOSE,
)


def parse_text(text: str) -> Json:
    """CQL2 text as CQL2 JSON: comparisons, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT, TIMESTAMP, DATE."""
    parser = _Parser(text)
    expression = parser.disjunction()
    if parser.peek() is not None:
        raise parser.error("the end")
    return expression


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        place = 0
        while text[place:].strip():
            match = TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise ArgumentError(f"CQL2 text {text!r}: no token starts at {text[place:].strip()[:20]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            place = match.end()

    def peek(self) -> str | None:
        """The next token as written; keywords in upper case."""
        if self.at >= len(self.tokens):
            return None
        kind, text = self.tokens[self.at]
        return text.upper() if kind == "name" else text

    def take(self, *wanted: str) -> str | None:
        """Step over the next token when it is one of these."""
        token = self.peek()
        if token is None or token not in wanted:
            return None
        self.at += 1
        return token

    def need(self, *wanted: str) -> str:
        token = self.take(*wanted)
        if token is None:
            raise self.error(" or ".join(wanted))
        return token

    def error(self, expected: str) -> ArgumentError:
        return ArgumentError(
            f"CQL2 text {self.text!r}: expected {expected}, found {self.peek() or 'the end'!r}"
        )

    def disjunction(self) -> Json:
        args = [self.conjunction()]
        while self.take("OR"):
            args.append(self.conjunction())
        return args[0] if len(args) == 1 else {"op": "or", "args": args}

    def conjunction(self) -> Json:
        args = [self.negation()]
        while self.take("AND"):
            args.append(self.negation())
        return args[0] if len(args) == 1 else {"op": "and", "args": args}

    def negation(self) -> Json:
        if self.take("NOT"):
            return {"op": "not", "args": [self.negation()]}
        if self.take("("):
            inner = self.disjunction()
            self.need(")")
            return inner
        return self.predicate()

    def predicate(self) -> Json:
        left = self.scalar()
        if self.take("IS"):
            negated = self.take("NOT")
            self.need("NULL")
            return _negate({"op": "isNull", "args": [left]}, negated)
        negated = self.take("NOT")
        if self.take("IN"):
            self.need("(")
            values = [self.scalar()]
            while self.take(","):
                values.append(self.scalar())
            self.need(")")
            return _negate({"op": "in", "args": [left, values]}, negated)
        if self.take("BETWEEN"):
            low = self.scalar()
            self.need("AND")
            return _negate({"op": "between", "args": [left, low, self.scalar()]}, negated)
        if self.take("LIKE"):
            return _negate({"op": "like", "args": [left, self.scalar()]}, negated)
        return {"op": self.need(*COMPARISONS), "args": [left, self.scalar()]}

    def scalar(self) -> Json:
        if self.at >= len(self.tokens):
            raise self.error("a value")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if kind != "name":
            self.at -= 1
            raise self.error("a value")
        if text.upper() in ("TIMESTAMP", "DATE") and self.take("("):
            value = self.scalar()
            self.need(")")
            return {text.lower(): value}
        if text.upper() in ("TRUE", "FALSE"):
            return text.upper() == "TRUE"
        return {"property": text.strip('"')}


def _negate(node: Json, negated: str | None) -> Json:
    return {"op": "not", "args": [node]} if negated else node
