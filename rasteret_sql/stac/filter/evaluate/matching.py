"""Whether an item meets a CQL2 JSON expression (OGC 21-065), in SQL's three values.

What a server cannot filter is filtered here, and what it says that it filtered is checked here. A property
that an item lacks is NULL, and so is a comparison with it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.stac.filter.evaluate.scalars import alike, pattern_of, without_accents
from rasteret_sql.stac.filter.evaluate.spatial import SPATIAL, shape_of
from rasteret_sql.stac.filter.evaluate.temporal import TEMPORAL, interval_of, moment_of
from rasteret_sql.stac.items.item import DATETIMES

Item = Mapping[str, Any]
Truth = bool | None
OPERANDS = {"not": 1, "isNull": 1, "casei": 1, "accenti": 1, "between": 3}
"""Of operators that do not have two."""
_TOP_LEVEL = ("id", "collection", "geometry", "bbox")


def matches(expression: Any, item: Item) -> Truth:
    """True, False, or None where an operand is NULL or of another type.

    Raises ``UnsupportedError`` naming an operator or function that CQL2 does not have; ``unknown_functions``
    tells beforehand.
    """
    value = _value(expression, item)
    return value if isinstance(value, bool) else None


def unknown_functions(expression: Any) -> set[str]:
    """The operators of an expression that ``matches`` does not know: functions of one server, and comparisons
    with times that are not times."""
    if isinstance(expression, list):
        return set().union(*map(unknown_functions, expression))
    if not isinstance(expression, Mapping):
        return set()
    name, args = expression.get("op", "and"), expression.get("args", [])
    texts = [arg for arg in args if isinstance(arg, str)] if name in TEMPORAL else []
    known = _fits(name, args) and all(moment_of(text) is not None for text in texts)
    return (set() if known else {str(name)}) | unknown_functions(args)


def _fits(name: str, args: Any) -> bool:
    """Whether an operator is known and has as many operands as it takes."""
    if name not in KNOWN or not isinstance(args, list):
        return False
    if name in ("and", "or"):
        return True
    return len(args) == OPERANDS.get(name, 2) and (name != "in" or isinstance(args[1], list))


def _value(node: Any, item: Item) -> Any:
    if not isinstance(node, Mapping):
        return [_value(member, item) for member in node] if isinstance(node, list) else node
    if "op" in node:
        return _operator(str(node["op"]))(node["args"], item)
    if "property" in node:
        return _property(str(node["property"]), item)
    for key in ("timestamp", "date"):
        if key in node:
            return moment_of(node[key])
    if "interval" in node:
        return interval_of([_value(end, item) for end in node["interval"]])
    return shape_of(node)


def _property(name: str, item: Item) -> Any:
    if name in _TOP_LEVEL:
        value = item.get(name)
        return shape_of(value) if name == "geometry" and value is not None else value
    name = name.removeprefix("properties.")
    properties = item.get("properties")
    value = properties.get(name) if isinstance(properties, Mapping) else None
    if value is None and "." in name:
        value = properties
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return moment_of(value) if name in DATETIMES and value is not None else value


def _operator(name: str) -> Callable[[list[Any], Item], Any]:
    known = KNOWN.get(name)
    if known is None:
        raise UnsupportedError(f"function {name}")
    return known


def _and(args: list[Any], item: Item) -> Truth:
    truth: Truth = True
    for arg in args:
        one = matches(arg, item)
        if one is False:
            return False
        truth = None if one is None else truth
    return truth


def _or(args: list[Any], item: Item) -> Truth:
    truth: Truth = False
    for arg in args:
        one = matches(arg, item)
        if one:
            return True
        truth = None if one is None else truth
    return truth


def _not(args: list[Any], item: Item) -> Truth:
    truth = matches(args[0], item)
    return None if truth is None else not truth


def _is_null(args: list[Any], item: Item) -> Truth:
    return _value(args[0], item) is None


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[list[Any], Item], Truth]:
    def compared(args: list[Any], item: Item) -> Truth:
        return _compared(compare, _value(args[0], item), _value(args[1], item))

    return compared


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> Truth:
    pair = alike(left, right)
    return None if pair is None else bool(compare(*pair))


def _between(args: list[Any], item: Item) -> Truth:
    value, low, high = (_value(arg, item) for arg in args)
    above, below = _compared(operator.ge, value, low), _compared(operator.le, value, high)
    return False if above is False or below is False else None if above is None or below is None else True


def _in(args: list[Any], item: Item) -> Truth:
    value = _value(args[0], item)
    truths = [_compared(operator.eq, value, _value(member, item)) for member in args[1]]
    return True if True in truths else None if None in truths else False


def _like(args: list[Any], item: Item) -> Truth:
    value, pattern = (_value(arg, item) for arg in args)
    if not isinstance(value, str) or not isinstance(pattern, str):
        return None
    return pattern_of(pattern).fullmatch(value) is not None


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[list[Any], Item], Any]:
    def computed(args: list[Any], item: Item) -> Any:
        left, right = (_value(arg, item) for arg in args)
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in (left, right)):
            return None
        try:
            result = compute(left, right)
        except (ArithmeticError, ValueError):
            return None
        return None if isinstance(result, complex) else result

    return computed


def _of_text(change: Callable[[str], str]) -> Callable[[list[Any], Item], Any]:
    def changed(args: list[Any], item: Item) -> Any:
        value = _value(args[0], item)
        return change(value) if isinstance(value, str) else None

    return changed


def _lists(compare: Callable[[list[Any], list[Any]], bool]) -> Callable[[list[Any], Item], Truth]:
    def compared(args: list[Any], item: Item) -> Truth:
        left, right = (_value(arg, item) for arg in args)
        return compare(left, right) if isinstance(left, list) and isinstance(right, list) else None

    return compared


def _pair(compare: Callable[[Any, Any], Truth]) -> Callable[[list[Any], Item], Truth]:
    def compared(args: list[Any], item: Item) -> Truth:
        left, right = (_value(arg, item) for arg in args)
        return None if left is None or right is None else compare(left, right)

    return compared


def _all_in(part: list[Any], whole: list[Any]) -> bool:
    return all(member in whole for member in part)


KNOWN: Mapping[str, Callable[[list[Any], Item], Any]] = {
    "and": _and, "or": _or, "not": _not, "isNull": _is_null, "between": _between, "in": _in, "like": _like,
    "=": _comparison(operator.eq), "<>": _comparison(operator.ne), "<": _comparison(operator.lt),
    "<=": _comparison(operator.le), ">": _comparison(operator.gt), ">=": _comparison(operator.ge),
    "+": _arithmetic(operator.add), "-": _arithmetic(operator.sub), "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv), "div": _arithmetic(operator.floordiv),
    "%": _arithmetic(lambda a, b: a - b * int(a / b)), "^": _arithmetic(operator.pow),
    "casei": _of_text(str.casefold), "accenti": _of_text(without_accents),
    "a_contains": _lists(lambda a, b: _all_in(b, a)), "a_containedBy": _lists(_all_in),
    "a_equals": _lists(operator.eq), "a_overlaps": _lists(lambda a, b: any(x in b for x in a)),
    **{name: _pair(compare) for name, compare in {**SPATIAL, **TEMPORAL}.items()},
}  # fmt: skip
"""CQL2's operators and standard functions."""
