"""DuckDB types as they are written in SQL, taken apart without DuckDB.

``duckdb.type`` would do it too, on the process's default connection: 40 ms to open one, a millisecond a call,
and objects that complain when they outlive their module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

ALIASES = {"JSON": "varchar"}
_TOKEN = re.compile(r'"[^"]*"|[A-Za-z_]\w*|\d+|[()\[\],]')


@dataclass(frozen=True, kw_only=True)
class DuckType:
    """A declared type."""

    id: str
    """``list``, ``struct``, ``ubigint``, …"""
    text: str
    """As SQL writes it."""
    children: Mapping[str, DuckType] = field(default_factory=dict)
    """Fields of a STRUCT; ``child`` of a LIST or ARRAY; ``key`` and ``value`` of a MAP."""
    size: int = 0
    """Of an ARRAY."""


@lru_cache(maxsize=256)
def declared(text: str) -> DuckType:
    """The type that ``text`` writes: names, STRUCT(…), MAP(…, …), and ``[]`` or ``[n]`` behind any."""
    words = _Words(text)
    kind = words.type()
    words.end()
    return kind


class _Words:
    """The words of one text, read from the left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, expected: str = "") -> str:
        word = self.peek()
        assert expected in ("", word), f"{self.text}: {expected} was expected, not {word}"
        self.at += 1
        return word

    def end(self) -> None:
        assert not self.peek(), f"{self.text}: nothing was expected behind the type, not {self.peek()}"

    def type(self) -> DuckType:
        name = self.take()
        while self.peek()[:1].isalpha():  # TIMESTAMP WITH TIME ZONE
            name += f" {self.take()}"
        kind = (
            self.nested(name)
            if self.peek() == "("
            else DuckType(id=ALIASES.get(name, name.lower()), text=name)
        )
        while self.peek() == "[":
            self.take("[")
            size = int(self.take()) if self.peek() != "]" else 0
            self.take("]")
            kind = DuckType(
                id="array" if size else "list",
                text=f"{kind.text}[{size or ''}]",
                children={"child": kind},
                size=size,
            )
        return kind

    def nested(self, name: str) -> DuckType:
        children: dict[str, DuckType] = {}
        texts = []
        self.take("(")
        for key in iter(("key", "value")) if name == "MAP" else iter(self.take, ")"):
            child = self.type()
            children[key.strip('"')] = child
            texts.append(child.text if name == "MAP" else f"{key} {child.text}")
            if self.peek() == ",":
                self.take()
        if name == "MAP":
            self.take(")")
        return DuckType(id=name.lower(), text=f"{name}({', '.join(texts)})", children=children)
