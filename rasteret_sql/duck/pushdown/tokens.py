"""A query as tokens with their places: what is needed to find clauses, and quick to load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/)
    | (?P<text>[eExX]?'(?:[^'\\]|''|\\.)*')
    | (?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<name>"(?:[^"]|"")*")
    | (?P<parameter>\?\d*|\$\w+)
    | (?P<number>\d[\d_.]*(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>::|:=|=>|<=|>=|<>|!=|==|\|\||&&|->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, literal or sign."""

    kind: str
    """``text``, ``name`` (in double quotes), ``parameter``, ``number``, ``word``, ``sign``, ``dollar``, or
    ``field`` for a word behind a point, which is not a keyword."""
    text: str
    start: int
    end: int
    depth: int
    """Brackets around it; a bracket itself lies as deep as what is around it."""

    @property
    def word(self) -> str:
        """In upper case, for keywords; empty for what is not a word."""
        return self.text.upper() if self.kind == "word" else ""


def tokens_of(sql: str) -> list[Token] | None:
    """The tokens of a text; None where brackets or quotes do not pair, or quotes may be read in two ways."""
    found, depth = list[Token](), 0
    for match in _TOKEN.finditer(sql):
        kind = str(match.lastgroup if match.lastgroup != "tag" else "dollar")
        if kind == "space":
            continue
        text = match[0]
        if kind == "text" and "\\" in text and text[0] not in "eE":
            return None  # a backslash is a letter there, and the quote behind it may have ended the text
        if text in ("'", '"') or (text in CLOSING and not depth):
            return None
        if kind == "word" and found and found[-1].text == ".":
            kind = "field"
        depth -= text in CLOSING
        found.append(Token(kind, text, match.start(), match.end(), depth))
        depth += text in OPENING
    return None if depth else found


def parameters_before(tokens: list[Token], place: int) -> int:
    """How many ``?`` stand before a place."""
    return sum(token.text == "?" and token.start < place for token in tokens)


def alike(tokens: list[Token], start: int, depth: int) -> Iterator[tuple[int, Token]]:
    """The tokens from ``start`` on that lie as deep as ``depth``, until the brackets around them close."""
    for at in range(start, len(tokens)):
        token = tokens[at]
        if token.depth < depth:
            return
        if token.depth == depth:
            yield at, token
