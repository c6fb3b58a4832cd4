"""Names and values as SQL text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def name(identifier: str) -> str:
    """A column or a part of a table's name, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def table_name(target: str) -> str:
    """``idx`` or ``schema.idx``, each part quoted."""
    return ".".join(name(part.strip('"')) for part in target.split("."))


def quoted(value: object) -> str:
    """A VARCHAR literal."""
    return "'" + str(value).replace("'", "''") + "'"


def value(given: Any) -> str:
    """A literal of None, a number, text, or a list of these."""
    if given is None:
        return "NULL"
    if isinstance(given, bool | int | float):
        return repr(given)
    if isinstance(given, Sequence) and not isinstance(given, str):
        return f"[{', '.join(map(value, given))}]"
    return quoted(given)
