"""STAC API item search over a list of items in memory (STAC API 1.0: item-search, sort, query, filter)."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shapely import box
from shapely.geometry import shape

from rasteret_sql.demo import cql2
from rasteret_sql.errors import ArgumentError

Json = dict[str, Any]
DEFAULT_LIMIT, MAX_LIMIT = 10, 10_000
EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
QUERY_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda value, choices: value in choices,
    "startsWith": lambda value, start: str(value).startswith(start),
    "endsWith": lambda value, end: str(value).endswith(end),
    "contains": lambda value, part: part in value,
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a search."""

    items: list[Json]
    matched: int
    next_token: str | None


def from_query_string(pairs: Mapping[str, str]) -> Json:
    """The parameters of a GET search in the form of a POST body."""
    body: Json = dict(pairs)
    for name in ("ids", "collections"):
        if name in body:
            body[name] = [part for part in body[name].split(",") if part]
    if "bbox" in body:
        body["bbox"] = body["bbox"].split(",")
    try:
        for name in ("intersects", "query"):
            if name in body:
                body[name] = json.loads(body[name])
        if body.get("filter-lang") == "cql2-json":
            body["filter"] = json.loads(body["filter"])
    except json.JSONDecodeError as error:
        raise ArgumentError(f"not JSON: {error.doc!r}") from error
    if "sortby" in body:
        body["sortby"] = [
            {"field": part.lstrip("+- "), "direction": "desc" if part.startswith("-") else "asc"}
            for part in body["sortby"].split(",")
        ]
    return body


def search(items: list[Json], body: Json) -> Page:
    """The page of ``items`` that a POST body asks for; ``ArgumentError`` where it makes no sense."""
    tests = [test for test in (make(body) for make in TESTS) if test is not None]
    matching = [item for item in items if all(test(item) for test in tests)]
    matching.sort(key=lambda item: str(item["id"]))
    matching.sort(key=lambda item: str(item["properties"]["datetime"]), reverse=True)
    for rule in reversed(body.get("sortby") or []):
        _sort(matching, rule)
    limit, start = _whole(body, "limit", DEFAULT_LIMIT), _whole(body, "token", 0)
    if not 1 <= limit <= MAX_LIMIT:
        raise ArgumentError(f"limit must be 1 to {MAX_LIMIT}, not {limit}")
    end = start + limit
    return Page(
        items=matching[start:end], matched=len(matching), next_token=str(end) if end < len(matching) else None
    )


def lookup(item: Json, name: str) -> Any:
    """An item's value by the name that queries, filters and sorting use: a property or a field."""
    name = name.removeprefix("properties.")
    return item["properties"][name] if name in item["properties"] else item.get(name)


def _whole(body: Json, name: str, default: int) -> int:
    try:
        return int(body.get(name) or default)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} must be a whole number, not {body[name]!r}") from error


def _sort(items: list[Json], rule: Json) -> None:
    """Stable; items without the field come last in either direction."""
    descending = rule.get("direction") == "desc"
    having = [item for item in items if lookup(item, rule["field"]) is not None]
    lacking = [item for item in items if lookup(item, rule["field"]) is None]
    having.sort(key=lambda item: lookup(item, rule["field"]), reverse=descending)
    items[:] = having + lacking


# --- one test for each argument ------------------------------------------------------------------------

Test = Callable[[Json], bool]


def _ids(body: Json) -> Test | None:
    ids = body.get("ids")
    return None if ids is None else lambda item: item["id"] in ids


def _collections(body: Json) -> Test | None:
    names = body.get("collections")
    return None if not names else lambda item: item["collection"] in names


def _area(body: Json) -> Test | None:
    bbox, geometry = body.get("bbox"), body.get("intersects")
    if bbox is not None and geometry is not None:
        raise ArgumentError("bbox and intersects exclude each other")
    if bbox is not None:
        try:
            numbers = [float(number) for number in bbox]
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"bbox must be numbers, not {bbox!r}") from error
        if len(numbers) not in (4, 6):
            raise ArgumentError(f"bbox must have 4 or 6 numbers, not {len(numbers)}")
        half = len(numbers) // 2
        area = box(numbers[0], numbers[1], numbers[half], numbers[half + 1])
    elif geometry is not None:
        try:
            area = shape(geometry)
        except Exception as error:  # shapely raises whatever the broken member leads to
            raise ArgumentError(f"intersects is not a GeoJSON geometry: {geometry!r}") from error
    else:
        return None
    return lambda item: bool(area.intersects(shape(item["geometry"])))


def _datetime(body: Json) -> Test | None:
    text = body.get("datetime")
    if not text:
        return None
    parts = str(text).split("/")
    bounds = parts if len(parts) == 2 else [parts[0], parts[0]]
    try:
        start, end = (
            open_end if part in ("", "..") else datetime.fromisoformat(part)
            for part, open_end in zip(bounds, EVER, strict=True)
        )
        if len(parts) > 2 or start > end:
            raise ValueError(text)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"datetime must be RFC 3339, or start/end, not {text!r}") from error
    return lambda item: start <= datetime.fromisoformat(item["properties"]["datetime"]) <= end


def _query(body: Json) -> Test | None:
    query = body.get("query")
    if not query:
        return None
    unknown = {op for rules in query.values() for op in rules} - set(QUERY_OPERATORS)
    if unknown:
        raise ArgumentError(f"query has no operator {', '.join(sorted(unknown))}")

    return lambda item: all(
        _meets(lookup(item, name), op, wanted)
        for name, rules in query.items()
        for op, wanted in rules.items()
    )


def _meets(value: Any, op: str, wanted: Any) -> bool:
    """One rule of a query; a number may be written in quotes, as some clients do."""
    if value is None:
        return False
    try:
        return QUERY_OPERATORS[op](value, type(value)(wanted) if isinstance(wanted, str) else wanted)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"query cannot compare {value!r} {op} {wanted!r}") from error


def _filter(body: Json) -> Test | None:
    expression = body.get("filter")
    if not expression:
        return None
    if isinstance(expression, str):
        expression = cql2.parse_text(expression)
    return lambda item: cql2.matches(expression, lambda name: lookup(item, name))


TESTS = (_ids, _collections, _area, _datetime, _query, _filter)
