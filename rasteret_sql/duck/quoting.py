"""Names and values as SQL text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rasteret_sql.errors import ArgumentError

_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')
_NAME = re.compile(rf"(?:{_PART.pattern})(?:\.(?:{_PART.pattern})){{0,2}}")


def name(identifier: str) -> str:
    """A column or a part of a table's name, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def name_parts(target: str) -> list[str]:
    """The parts of a table's name as SQL reads them: dots and doubled quotes within quotes are their own.

    Raises ``ArgumentError`` for what is not a name.
    """
    if not _NAME.fullmatch(target):
        raise ArgumentError(
            f"{target!r} is not the name of a table: write table, schema.table or database.schema.table, "
            'and put a part with a dot, a quote or a blank at its end into double quotes ("my.table")'
        )
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in _PART.findall(target)]


def table_name(target: str) -> str:
    """``idx``, ``schema.idx`` or ``database.schema.idx``, each part quoted."""
    return ".".join(map(name, name_parts(target)))


def file_pattern(path: object) -> str:
    """A path as a VARCHAR literal for functions that read globs, where it names this one file."""
    return quoted(re.sub(r"[*?\[]", r"[\g<0>]", str(path)))


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
