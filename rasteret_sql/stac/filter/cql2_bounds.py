"""What cql2 may be given: with every bracket too many its parser takes twice as long, or overflows its stack.

The one seems to end the process, the other does: both are looked for before it is called.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

MOST_BRACKETS = 8
"""Inside each other, without those of geometries."""
MOST_OPERATORS = 1000
MOST_LEVELS = 100
"""Of JSON; cql2 reads 127."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_GEOMETRY = re.compile(
    r"\b(?:POINT|LINESTRING|POLYGON|MULTI[A-Z]+|GEOMETRYCOLLECTION|BBOX)\s*Z?M?\s*\([-+0-9.eE,()\s]*\)",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"[-+*/^%(]|\b(?:not|and|or|in|like|between)\b", re.IGNORECASE)


def is_bounded(text: str) -> bool:
    """Whether a text may go to ``cql2.parse_text``."""
    bare = _GEOMETRY.sub("g", _QUOTED.sub("q", text))
    steps = ((char == "(") - (char == ")") for char in bare if char in "()")
    return max(accumulate(steps), default=0) <= MOST_BRACKETS and (
        sum(1 for _ in _OPERATOR.finditer(bare)) <= MOST_OPERATORS
    )


def is_shallow(expression: Any) -> bool:
    """Whether an expression in CQL2 JSON has at most ``MOST_LEVELS`` levels."""
    level = [expression]
    for _ in range(MOST_LEVELS):
        level = [
            member
            for each in level
            if isinstance(each, dict | list)
            for member in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False
