"""The order of items: whether they come as asked, and sorting them here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar

from rasteret_sql.stac.filter.evaluate.temporal import moment_of
from rasteret_sql.stac.filter.filters import SortField
from rasteret_sql.stac.items.item import DATETIMES

Row = TypeVar("Row")
Keys = tuple[Any, ...]


def keys_of(item: Mapping[str, Any], order: Sequence[SortField]) -> Keys:
    """The values that ``item`` is sorted by: times as times, None for what cannot be sorted."""
    return tuple(_value(item, key.field) for key in order)


def is_ordered(keys: Iterable[Keys], order: Sequence[SortField]) -> bool:
    """Whether the order is kept as far as anyone can tell: servers differ in letters' order and in NULLs."""
    return all(_follows(first, second, order) for first, second in pairwise(keys))


def ordered(rows: list[tuple[Keys, Row]], order: Sequence[SortField]) -> list[Row]:
    """Rows by their keys, equal ones as they came; NULL is last in both directions, as in DuckDB."""
    for number in reversed(range(len(order))):
        there = [row for row in rows if row[0][number] is not None]
        there.sort(key=lambda row: _rank(row[0][number]), reverse=order[number].descending)
        rows = there + [row for row in rows if row[0][number] is None]
    return [row for _, row in rows]


def _value(item: Mapping[str, Any], field: str) -> Any:
    name = field.removeprefix("properties.")
    members = (item.get("properties") or {}) if field != name else item
    value = members.get(name) if isinstance(members, Mapping) else None
    if value is None and "." in name:
        value = members
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if name in DATETIMES:
        return moment_of(value)
    return value if isinstance(value, bool | int | float | str) else None


def _rank(value: Any) -> tuple[int, Any]:
    """Numbers, then times, then texts: nothing else can be said of values of several types."""
    return (2, value) if isinstance(value, str) else (1, value) if isinstance(value, datetime) else (0, value)


def _follows(first: Keys, second: Keys, order: Sequence[SortField]) -> bool:
    for left, right, key in zip(first, second, order, strict=True):
        if left is None or right is None or _rank(left)[0] != _rank(right)[0]:
            return True
        if left != right:
            return any(
                (fold(left) > fold(right)) if key.descending else (fold(left) < fold(right))
                for fold in (_same, _folded)
            )
    return True


def _same(value: Any) -> Any:
    return value


def _folded(value: Any) -> Any:
    """A text as a server's locale may sort it: without case, and letters alone."""
    if not isinstance(value, str):
        return value
    return "".join(letter for letter in value.casefold() if letter.isalnum())
