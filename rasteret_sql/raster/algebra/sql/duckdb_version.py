"""The DuckDB release whose arithmetic expressions follow, where releases differ."""

from __future__ import annotations

import re

EXACT_HALVES = (2, 0, 1)
"""From here on `round(x, n)` of a DOUBLE looks at the exact product, and `bit_count` has wider types."""

_followed: tuple[int, ...] = EXACT_HALVES


def follow(version: str) -> None:
    """Follow the release that runs the queries of this process, such as '2.0.1' or 'v1.5.6'."""
    global _followed
    numbers = re.findall(r"\d+", version)
    _followed = tuple(int(number) for number in numbers[:3]) or EXACT_HALVES


def at_least(release: tuple[int, ...]) -> bool:
    """Whether the followed release is ``release`` or a later one."""
    return _followed >= release
