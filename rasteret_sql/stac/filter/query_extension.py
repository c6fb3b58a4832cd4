"""Conditions in the words of the ``query`` extension, which servers without CQL2 have.

It says comparisons of one property with a value, joined by AND; what it cannot say is refused, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rasteret_sql.errors import UnsupportedError

_OPERATORS = {"=": "eq", "<>": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "in": "in"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_SQL = {"isNull": "IS NULL", "or": "OR", "not": "NOT"}
_ARGUMENT = {"id": "ids", "collection": "collections", "geometry": "intersects"}


def to_query(expression: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A CQL2 JSON expression in the words of the ``query`` extension: property -> operator -> value.

    Raises ``UnsupportedError`` naming the part that these words cannot say.
    """
    query: dict[str, dict[str, Any]] = {}
    for condition in conjuncts(expression):
        name, said = _condition(condition)
        known = query.setdefault(name, {})
        if repeated := known.keys() & said.keys():
            raise UnsupportedError(f"two conditions '{repeated.pop()}' on {name}")
        known.update(said)
    return query


def divide(
    conditions: list[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The conditions that these words can say together, and the rest."""
    taken: list[Mapping[str, Any]] = []
    rest: list[Mapping[str, Any]] = []
    for condition in conditions:
        try:
            to_query({"op": "and", "args": [*taken, condition]})
            taken.append(condition)
        except UnsupportedError:
            rest.append(condition)
    return taken, rest


def conjuncts(expression: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The conditions that all have to hold."""
    if expression is None:
        return []
    if not isinstance(expression, dict) or expression.get("op") != "and":
        return [expression]
    return [part for arg in expression["args"] for part in conjuncts(arg)]


def _condition(condition: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(condition, dict):
        raise UnsupportedError("a constant")
    op, args = str(condition.get("op")), list(condition.get("args", ()))
    if op in _MIRRORED and len(args) == 2 and "property" not in _members(args[0]):
        op, args = _MIRRORED[op], args[::-1]
    name = args[0].get("property") if args and isinstance(args[0], dict) else None
    if name in _ARGUMENT:
        raise UnsupportedError(f"a condition on {name} (use {_ARGUMENT[name]} := …)")
    if op not in _OPERATORS and op not in _SPECIAL:
        raise UnsupportedError(_SQL.get(op, op))
    if not isinstance(name, str):
        raise UnsupportedError(f"'{op}' of something else than a property")
    values = [_value(value) for value in args[1:]]
    return name, _SPECIAL[op](values) if op in _SPECIAL else {_OPERATORS[op]: values[0]}


def _members(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else {}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        literal = value.get("timestamp")
        if literal is None:
            raise UnsupportedError("a comparison with an expression or another property")
        return literal
    return [_value(member) for member in value] if isinstance(value, list) else value


def _between(values: list[Any]) -> dict[str, Any]:
    return {"gte": values[0], "lte": values[1]}


def _like(values: list[Any]) -> dict[str, Any]:
    pattern = str(values[0])
    inner = pattern.strip("%")
    if not inner or any(wild in inner for wild in "%_\\"):
        raise UnsupportedError(f"LIKE {pattern!r}")
    operator = {
        (False, False): "eq",
        (False, True): "startsWith",
        (True, False): "endsWith",
        (True, True): "contains",
    }[pattern.startswith("%"), pattern.endswith("%")]
    return {operator: inner}


_SPECIAL: Mapping[str, Callable[[list[Any]], dict[str, Any]]] = {"between": _between, "like": _like}
