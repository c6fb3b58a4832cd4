"""What fits into memory together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

Item = TypeVar("Item")
GROUP_BYTES: Final = 256 << 20
"""Pixels that are read together where they are looked at a few at a time."""


def groups(
    items: Iterable[Item], size: Callable[[Item], float], *, most: int = GROUP_BYTES
) -> Iterator[list[Item]]:
    """The items in order, in lists of at most ``most`` bytes by ``size``, or of one item."""
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
