"""The text of an expression as sqlglot's tree, in DuckDB's dialect, and errors that show the place."""

from __future__ import annotations

from typing import NoReturn

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.sql_conditions import NamedFunctions, Tree, position, refuse_chained_comparisons

LONGEST = 10_000
"""Characters of an expression."""
WAYS = {
    "@": "write abs(x)",
    ";": "write one expression",
    "?": "write the value itself",
    "$": "write the value itself",
    "{": "pixels are numbers",
}


class Pixels(NamedFunctions):
    """The dialect with CASE."""

    class Parser(NamedFunctions.Parser):
        """CASE has a syntax of its own, and ~a + 1 is ~(a + 1) in DuckDB."""

        UNARY_PARSERS = {  # noqa: RUF012 - as sqlglot's own parsers declare it
            **DuckDB.Parser.UNARY_PARSERS,
            TokenType.TILDE: lambda self: self.expression(exp.BitwiseNot(this=self._parse_term())),
        }
        NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser for name, parser in DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS.items() if name == "CASE"
        }


def parse(text: str) -> Tree:
    """The tree of an expression; ArgumentError with the position where the text is not one."""
    if not text.strip():
        raise ArgumentError("the expression is empty; it is SQL such as '(nir - red) / (nir + red)'")
    if len(text) > LONGEST:
        raise ArgumentError(f"the expression has {len(text):,} characters; at most {LONGEST:,} are taken")
    try:
        for token in Pixels().tokenize(text):
            if token.text[:1] in WAYS and text[token.start] in WAYS:
                fail(text, token.start, f"{token.text} has no meaning here; {WAYS[token.text[:1]]}")
        tree = sqlglot.parse_one(text, dialect=Pixels, into=exp.Condition)
    except TokenError as error:
        raise ArgumentError(f"expression {shown(text)}: {str(error).partition(':')[0]}") from None
    except ParseError as error:
        _say(text, error)
    except RecursionError:
        raise ArgumentError(f"expression {shown(text)} is nested too deeply") from None
    refuse_chained_comparisons(tree, lambda node, what: fail(text, position(node), what))
    return tree


def _say(text: str, error: ParseError) -> NoReturn:
    details = error.errors[0] if error.errors else {}
    if not details:
        raise ArgumentError(f"expression {shown(text)}: {error}") from None
    lines = text.splitlines(keepends=True)
    end = sum(map(len, lines[: details["line"] - 1])) + details["col"]
    what = (
        str(details["description"])
        .partition(" for <")[0]
        .replace("Required keyword: 'this' missing", "a value is missing")
    )
    what = what.replace("Required keyword: 'expression' missing", "a value is missing")
    fail(text, max(0, end - len(details["highlight"])), f"{what[:1].lower()}{what[1:]}", cause=None)


def name_of(column: Tree) -> str:
    """The name that a column stands for: ``red``, or ``s2.red`` for a band of a raster."""
    table = column.args.get("table")
    return f"{table.name}.{column.name}" if table is not None else str(column.name)


def fail(text: str, at: int | None, what: str, *, cause: BaseException | None = None) -> NoReturn:
    """ArgumentError that shows the place, counted from 1."""
    if at is None:
        raise ArgumentError(f"expression {shown(text)}: {what}") from cause
    rest = text[at:].split(maxsplit=1)
    word = rest[0][:20] if rest else "its end"
    raise ArgumentError(f"expression {shown(text)}, position {at + 1} ({word}): {what}") from cause


def shown(text: str) -> str:
    """An expression in quotes, short enough for a message."""
    return f"'{text}'" if len(text) <= 200 else f"'{text[:199]}…'"
