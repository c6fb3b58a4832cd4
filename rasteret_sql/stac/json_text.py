"""JSON from strangers: read within the limits on its depth, whatever else is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rasteret_sql.errors import LimitError, MalformedError
from rasteret_sql.settings import settings

_OPEN, _CLOSE, _QUOTE = 1, 2, 3
_MARKS = np.zeros(256, np.uint8)
_MARKS[[ord("["), ord("{")]] = _OPEN
_MARKS[[ord("]"), ord("}")]] = _CLOSE
_MARKS[ord('"')] = _QUOTE


def load(data: bytes, name: str) -> Any:
    """The value of JSON in UTF-8, with or without a byte order mark, or in UTF-16 or UTF-32.

    Raises ``json.JSONDecodeError`` or ``UnicodeDecodeError`` for what is not JSON; ``LimitError`` where it is
    nested deeper than ``max_document_depth``, and ``MalformedError`` for a number that is too long, both in
    the words of ``name``.
    """
    encoding = json.detect_encoding(data)
    text = data.decode(encoding)
    check_depth(data if encoding in ("utf-8", "utf-8-sig") else text.encode("utf-8", "surrogatepass"), name)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # Python's limit on the digits of an integer
        raise MalformedError(f"{name}: a number in its JSON has more digits than can be read") from error


def check_depth(data: bytes, name: str) -> None:
    """``LimitError`` where the JSON text in UTF-8 nests deeper than the setting allows."""
    most = settings().max_document_depth
    levels = depth(data)
    if levels > most:
        raise LimitError(
            f"{name}: its JSON is nested {levels:,} levels deep; at most {most:,} are read "
            "(setting max_document_depth)"
        )


def depth(data: bytes) -> int:
    """How deep the arrays and objects of a JSON text in UTF-8 nest; brackets within strings do not count."""
    if b"\\" in data:  # an escape is two characters, and stands only within a string
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = _MARKS[np.frombuffer(data, np.uint8)]
    marks = marks[marks != 0]
    quotes = marks == _QUOTE
    marks = marks[~quotes & (np.cumsum(quotes) % 2 == 0)]
    steps = np.where(marks == _OPEN, np.int8(1), np.int8(-1))
    return int(np.cumsum(steps, dtype=np.int64).max(initial=0))
