"""The text of a SQL condition as sqlglot's tree, and errors that show the place in the text."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.sql_conditions import NamedFunctions, Tree, position, refuse_chained_comparisons
from rasteret_sql.stac.values import short

LONGEST = 100_000
"""Characters of a filter."""


class NotSqlError(Exception):
    """The text does not follow SQL's grammar."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at
        """Character, from 0."""


def parse(text: str) -> Tree:
    """The tree of a condition; ``NotSqlError`` with the place where the text is not one.

    A name with colons, such as ``eo:cloud_cover``, needs no quotes: STAC's properties are called so.
    """
    if len(text) > LONGEST:
        raise ArgumentError(f"filter has {len(text):,} characters; at most {LONGEST:,} are taken")
    dialect = NamedFunctions()
    try:
        tokens = _with_prefixed_names(dialect.tokenize(text), text)
        [tree] = dialect.parser().parse_into(exp.Condition, tokens, text)
    except TokenError as error:
        opened = max(text.rfind("'"), text.rfind('"'), 0)
        raise NotSqlError(opened, "a quote or a comment is not closed") from error
    except ParseError as error:
        raise _not_sql(text, error) from None
    except RecursionError:
        raise ArgumentError(f"filter {short(text, 200)} is nested too deeply") from None
    except ValueError:  # several statements, or none
        raise NotSqlError(max(text.find(";"), 0), "one condition is expected") from None
    if tree is None:
        raise NotSqlError(0, "one condition is expected")
    refuse_chained_comparisons(tree, partial(fail, text))
    return tree


def _not_sql(text: str, error: ParseError) -> NotSqlError:
    """What the parser says, with the place counted in characters of the text."""
    cause = error
    while not cause.errors and isinstance(cause.__cause__, ParseError):
        cause = cause.__cause__
    details = next((e for e in cause.errors if e.get("line") and e.get("highlight") is not None), None)
    if details is None:
        return NotSqlError(0, "not a condition")
    lines = text.splitlines(keepends=True)
    end = sum(map(len, lines[: details["line"] - 1])) + details["col"]
    what = (
        str(details["description"]).partition(" for <")[0].removeprefix("Invalid expression / ").rstrip(".")
    )
    if what.startswith("Required keyword"):
        return NotSqlError(len(text.rstrip()) if end >= len(text.rstrip()) else end, "a value is missing")
    return NotSqlError(max(0, end - len(details["highlight"])), f"{what[:1].lower()}{what[1:]}")


def _with_prefixed_names(tokens: list[Token], text: str) -> list[Token]:
    """``tokens`` with ``eo`` ``:`` ``cloud_cover``, written without spaces, as one name."""
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        last = at
        while (
            last + 2 < len(tokens)
            and tokens[last + 1].token_type == TokenType.COLON
            and tokens[last + 1].start == tokens[last].end + 1
            and tokens[last + 2].start == tokens[last].end + 2
            and _is_name(tokens[last].text)
            and _is_name(tokens[last + 2].text)
        ):
            last += 2
        if last > at:
            first, end = tokens[at], tokens[last]
            name = text[first.start : end.end + 1]
            token = Token(TokenType.IDENTIFIER, name, first.line, end.col, first.start, end.end)
            joined.append(token)
        else:
            joined.append(tokens[at])
        at = last + 1
    return joined


def _is_name(text: str) -> bool:
    return text.replace("_", "a").isalnum() and not text[0].isdigit()


def fail(text: str, node: Tree, what: str) -> NoReturn:
    """``ArgumentError`` about one part of the text, with its place."""
    raise ArgumentError(f"filter {short(text, 200)}{shown_place(text, position(node))}: {what}")


def shown_place(text: str, at: int | None) -> str:
    """The place for a message, counted from 1, with the word there."""
    if at is None:
        return ""
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    rest = text[at:].split(maxsplit=1)
    where = f"line {line}, character {column}" if line > 1 else f"character {column}"
    return f", {where} ({rest[0][:20] if rest else 'its end'})"
