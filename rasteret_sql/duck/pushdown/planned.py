"""The SELECT of a statement, which a plan runs without reading."""

from __future__ import annotations

import re

from rasteret_sql.duck.pushdown import laterals, mentions_search, pushdown
from rasteret_sql.duck.pushdown.tokens import Token, tokens_of

NOTHING = "SELECT NULL AS nothing WHERE false"
"""What runs where there is nothing to plan: several statements, or a search alone."""
_READS = re.compile(r"\b(?:read_|rs_|cog_(?!index))\w+\s*\(", re.IGNORECASE)
_BEGINS = frozenset({"SELECT", "WITH", "FROM", "VALUES"})


def planned_text(sql: str) -> str:
    """The SELECT in ``sql``, with its conditions pushed down as ``connect()`` does it.

    Of CREATE TABLE, INSERT and COPY the query is taken, so that nothing is written. A text that holds a
    search and no read is not run: what it names need not exist.
    """
    tokens = tokens_of(sql)
    if tokens is None:
        return sql if not mentions_search(sql) else NOTHING
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens or any(token.text == ";" for token in tokens):
        return NOTHING
    if mentions_search(sql) and not reads(sql):
        return NOTHING
    return pushdown(_select(sql, tokens))


def reads(sql: str) -> bool:
    """Whether a text calls a function that reads rasters."""
    return _READS.search(sql) is not None


def _select(sql: str, tokens: list[Token]) -> str:
    """From the word that begins the query to its end."""
    end = tokens[-1].end
    if tokens[0].word == "COPY" and tokens[1:2] and tokens[1].text == "(":
        closing = next(at for at in range(2, len(tokens)) if tokens[at].depth == 0)
        return sql[tokens[2].start : tokens[closing].start]
    if tokens[0].text == "(":
        return sql[tokens[0].start : end]
    for token in tokens:
        if token.depth == 0 and token.word in _BEGINS:
            return sql[token.start : end]
    return sql


def conditions(sql: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Conditions that are said once more below lateral reads, with their tables, and those that are not."""
    tokens = tokens_of(sql)
    if tokens is None or not laterals.MENTION.search(sql) or laterals.LEFT_ALONE.search(sql):
        return [], []
    below: list[tuple[str, str]] = []
    above: list[str] = []
    for at, token in enumerate(tokens):
        if token.word == "FROM":
            found = laterals.conditions_of(sql, tokens, at)
            below += found[0]
            above += found[1]
    return below, above
