"""What fits into memory together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from rasteret_sql.settings import settings

Item = TypeVar("Item")
GROUP_BYTES: Final = 256 << 20
"""Pixels that are read together where they are looked at a few at a time."""


def group_bytes() -> int:
    """``GROUP_BYTES``, or less where a setting says so."""
    now = settings()
    return min(GROUP_BYTES, now.max_read_bytes, now.batch_bytes or GROUP_BYTES)


def groups(
    items: Iterable[Item], size: Callable[[Item], float], *, most: int | None = None
) -> Iterator[list[Item]]:
    """The items in order, in lists of ``most`` bytes (``group_bytes()``) by ``size``, or of one item."""
    most = group_bytes() if most is None else most
    group: list[Item] = []
    held = 0.0
    for item in items:
        byte_count = size(item)
        if group and held + byte_count > most:
            yield group
            group, held = [], 0.0
        group.append(item)
        held += byte_count
    if group:
        yield group
