"""DuckDB's types as they are written, without DuckDB: a shell has no DuckDB module, and needs none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

TOKEN = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_]\w*|\d+|[(),\[\]]')
IDS = {"json": "varchar", "text": "varchar", "timestamptz": "timestamp with time zone"}
"""What other names stand for."""


@dataclass(frozen=True, kw_only=True)
class DuckType:
    """A declared type."""

    id: str
    """``list``, ``struct``, ``ubigint``, …"""
    text: str
    """As SQL writes it."""
    children: Mapping[str, DuckType] = field(default_factory=dict)
    """Fields of a STRUCT; ``child`` of a list or an array; ``key`` and ``value`` of a MAP."""
    size: int = 0
    """Values of an array."""


@lru_cache
def declared(text: str) -> DuckType:
    """The type that ``text`` writes: any nesting of STRUCT, MAP, lists, arrays and plain types.

    Raises ``SyntaxError``: such texts are the package's own.
    """
    reader = _Reader(text)
    duck_type = reader.type()
    reader.end()
    return duck_type


class _Reader:
    """Goes through the tokens of one type."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tokens: list[str] = []
        rest = text.strip()
        while rest:
            match = TOKEN.match(rest)
            if match is None:
                raise self.error()
            self.tokens.append(match[0])
            rest = rest[match.end() :].lstrip()

    def error(self) -> SyntaxError:
        return SyntaxError(f"not a type: {self.text!r}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise self.error()
        self.at += 1
        return token

    def end(self) -> None:
        if self.peek():
            raise self.error()

    def type(self) -> DuckType:
        name = self.take().lower()
        if name == "struct":
            inner = self.struct()
        elif name == "map":
            inner = self.map()
        else:
            inner = self.plain(name)
        while self.peek() == "[":
            inner = self.list_of(inner)
        return inner

    def plain(self, name: str) -> DuckType:
        words = [name]
        while self.peek()[:1].isalpha():
            words.append(self.take().lower())
        name = " ".join(words)
        parameters = ""
        if self.peek() == "(":
            while not parameters.endswith(")"):
                parameters += self.take()
        return DuckType(id=IDS.get(name, name), text=name.upper() + parameters)

    def struct(self) -> DuckType:
        children, parts = {}, []
        self.take("(")
        while True:
            name = self.take()
            child = self.type()
            children[name[1:-1].replace('""', '"') if name.startswith('"') else name] = child
            parts.append(f"{name} {child.text}")
            if self.take() == ")":
                return DuckType(id="struct", text=f"STRUCT({', '.join(parts)})", children=children)

    def map(self) -> DuckType:
        self.take("(")
        key = self.type()
        self.take(",")
        value = self.type()
        self.take(")")
        children = {"key": key, "value": value}
        return DuckType(id="map", text=f"MAP({key.text}, {value.text})", children=children)

    def list_of(self, child: DuckType) -> DuckType:
        self.take("[")
        size = self.take() if self.peek() != "]" else ""
        self.take("]")
        kind = "array" if size else "list"
        return DuckType(id=kind, text=f"{child.text}[{size}]", children={"child": child}, size=int(size or 0))
