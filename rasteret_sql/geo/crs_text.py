"""How long and how deep the text of a CRS may be before PROJ, or a reader of JSON, takes it."""

from __future__ import annotations

import re
from typing import Final

from rasteret_sql.errors import ArgumentError

MAX_BYTES: Final = 1 << 16
"""The longest definitions of PROJ's database, compound ones, have 20 kB."""
MAX_DEPTH: Final = 64
"""Of brackets inside each other; PROJ's own definitions have about ten."""
QUOTED: Final = re.compile(r'"[^"]*"')
BRACKETS: Final = re.compile(r"[][{}()]")


def require_modest(text: str) -> None:
    """``ArgumentError`` for a text that is longer, or nested deeper, than any CRS."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ArgumentError(
            f"the CRS {shorten(text[:200])!r} has {len(text):,} characters; "
            f"at most {MAX_BYTES:,} bytes are read"
        )
    depth = deepest = 0
    for bracket in BRACKETS.findall(QUOTED.sub("", text)):
        depth += 1 if bracket in "[{(" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ArgumentError(
            f"the CRS {shorten(text[:200])!r} is nested {deepest:,} levels deep; at most {MAX_DEPTH} are read"
        )


def shorten(text: str) -> str:
    """A CRS text short enough for a message."""
    line = " ".join(str(text).split())
    return line if len(line) <= 60 else f"{line[:57]}..."
