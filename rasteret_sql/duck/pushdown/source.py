"""The text of a query, its tree, and where in the text each search stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError

from rasteret_sql.sql_conditions import Tree

FUNCTIONS = ("stac_search", "cog_index")
_NUMBERED = re.compile(r"(stac_search|cog_index)__call_(\d+)", re.IGNORECASE)
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_PREFIX = re.compile(r"\s*(?:EXPLAIN(?:\s+ANALYZE)?|PREPARE\s+\w+\s+AS)\s", re.IGNORECASE)


class Dialect(DuckDB):
    """DuckDB's dialect, where a statement that sqlglot does not know is an error, not a warning."""

    class Parser(DuckDB.Parser):  # type: ignore[valid-type,misc]
        """Refuses what it would only keep as text."""

        def _warn_unsupported(self) -> None:
            raise ParseError("not a statement that can be read")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a search."""

    function: str
    """``stac_search`` or ``cog_index``."""
    node: Tree
    given: Mapping[str, Tree]
    """The named arguments that the query gives."""
    positional: tuple[Tree, ...]
    end: int
    """Where its closing parenthesis stands."""
    spans: Mapping[str, tuple[int, int]]
    """Where the value of each named argument stands."""


class UnreadableError(Exception):
    """The text is not SQL that can be taken apart."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A query, taken apart."""

    statements: tuple[Tree, ...]
    calls: tuple[Call, ...]
    """In the order of the text."""
    auto_parameters: bool
    """Whether parameters are written ``?``, which stand as ``$1``, ``$2``, … in the tree."""


def read(sql: str) -> Source:
    """The tree of ``sql`` and the places of its searches. Raises ``UnreadableError``."""
    prefix = _PREFIX.match(sql)
    if prefix:  # what EXPLAIN and PREPARE have before the query is blanked, so that places stay the same
        sql = " " * prefix.end() + sql[prefix.end() :]
    try:
        tokens = [token for token in Dialect().tokenize(sql) if token.token_type is not TokenType.SEMICOLON]
        starts = [i for i in range(len(tokens) - 1) if _is_call(sql, tokens, i)]
        questions = [token for token in tokens if token.token_type is TokenType.PLACEHOLDER]
        text = _numbered(sql, [tokens[i] for i in starts], questions)
        statements = tuple(tree for tree in sqlglot.parse(text, dialect=Dialect) if tree is not None)
    except (SqlglotError, RecursionError, ValueError) as error:
        raise UnreadableError(str(error)) from error
    nodes = {number: node for tree in statements for number, node in _called(tree)}
    calls = tuple(_call(sql, tokens, at, nodes[n]) for n, at in enumerate(starts) if n in nodes)
    return Source(statements=statements, calls=calls, auto_parameters=bool(questions))


def without_numbers(sql: str) -> str:
    """A text made from the tree, as the user knows it."""
    return _NUMBERED.sub(r"\1", sql)


def _is_call(sql: str, tokens: list[Any], i: int) -> bool:
    token = tokens[i]
    return (
        token.token_type is TokenType.VAR
        and token.text.lower() in FUNCTIONS
        and sql[token.start : token.end + 1] == token.text
        and tokens[i + 1].token_type is TokenType.L_PAREN
        and (i == 0 or tokens[i - 1].token_type is not TokenType.DOT)
    )


def _numbered(sql: str, names: list[Any], questions: list[Any]) -> str:
    """``sql`` with a number behind the name of each call and in each ``?``, to find them in the tree."""
    edits = [(token.end + 1, 0, f"__call_{number}") for number, token in enumerate(names)]
    edits += [(token.start, 1, f"${number + 1}") for number, token in enumerate(questions)]
    for position, length, added in sorted(edits, reverse=True):
        if length and sql[position] != "?":
            raise UnreadableError("a parameter is not where the tokenizer says")
        sql = sql[:position] + added + sql[position + length :]
    return sql


def _called(tree: Tree) -> Iterator[tuple[int, Tree]]:
    for node in tree.find_all(exp.Anonymous):
        match = _NUMBERED.fullmatch(str(node.this))
        if match:
            yield int(match[2]), node


def _call(sql: str, tokens: list[Any], at: int, node: Tree) -> Call:
    end, spans = _extent(sql, tokens, at)
    named = {
        arg.this.name.lower(): arg.expression
        for arg in node.expressions
        if isinstance(arg, exp.PropertyEQ | exp.Kwarg)
    }
    return Call(
        function=tokens[at].text.lower(),
        node=node,
        given=named,
        positional=tuple(a for a in node.expressions if not isinstance(a, exp.PropertyEQ | exp.Kwarg)),
        end=end,
        spans=spans,
    )


def _extent(sql: str, tokens: list[Any], at: int) -> tuple[int, dict[str, tuple[int, int]]]:
    """The place of the closing parenthesis, and of the value of each named argument."""
    depth, begun, spans = 0, at + 2, {}
    for i in range(at + 1, len(tokens)):
        kind = tokens[i].token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth == 0 or (depth == 1 and kind is TokenType.COMMA):
            if i - begun >= 3 and tokens[begun + 1].text in (":=", "=>"):
                spans[tokens[begun].text.lower()] = (tokens[begun + 2].start, tokens[i - 1].end + 1)
            begun = i + 1
        if depth == 0:
            if sql[tokens[i].start] != ")":
                raise UnreadableError("a parenthesis is not where the tokenizer says")
            return tokens[i].start, spans
    raise UnreadableError("a parenthesis is missing")
