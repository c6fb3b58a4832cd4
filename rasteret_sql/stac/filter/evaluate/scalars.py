"""Numbers, texts and times as CQL2 compares them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Any

from rasteret_sql.stac.filter.evaluate.temporal import moment_of


def alike(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both sides as one type that has an order; None where there is none."""
    if isinstance(left, datetime) or isinstance(right, datetime):
        left, right = moment_of(left), moment_of(right)
        return (left, right) if left is not None and right is not None else None
    for kind in (bool, int | float, str):
        if isinstance(left, kind) or isinstance(right, kind):
            return (left, right) if isinstance(left, kind) and isinstance(right, kind) else None
    return None


@lru_cache(maxsize=256)
def pattern_of(pattern: str) -> re.Pattern[str]:
    """CQL2's LIKE: ``%`` any letters, ``_`` one, a backslash before a letter that is meant itself."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


def without_accents(text: str) -> str:
    """CQL2's accenti: letters without their marks."""
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter)
    )
