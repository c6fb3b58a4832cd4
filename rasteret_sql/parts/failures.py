"""Failed assets as rows: the argument ``on_error`` of every call that takes it."""

from __future__ import annotations

from collections.abc import Sequence

from rasteret_sql.duck.pushdown.tokens import Token, tokens_of

TAKES_ON_ERROR = frozenset({"READ_COG", "READ_COG_TILES", "READ_CHIPS", "READ_TILES"})
ARGUMENT = ", on_error := 'null'"


def with_failures_as_rows(sql: str) -> str:
    """``sql`` with ``on_error := 'null'`` in every call that takes it and does not say it."""
    tokens = tokens_of(sql)
    if tokens is None:
        return sql
    places = [end for at in range(len(tokens)) if (end := _place(tokens, at)) is not None]
    for place in reversed(places):
        sql = sql[:place] + ARGUMENT + sql[place:]
    return sql


def _place(tokens: Sequence[Token], at: int) -> int | None:
    """Where the argument goes: before the bracket that closes the call at ``at``."""
    word = tokens[at].text.upper() if tokens[at].kind in ("word", "field") else ""
    if word not in TAKES_ON_ERROR or at + 1 == len(tokens) or tokens[at + 1].text != "(":
        return None
    depth = tokens[at + 1].depth
    for token in tokens[at + 2 :]:
        if token.depth == depth and token.text == ")":
            return token.start
        if token.depth == depth + 1 and token.word == "ON_ERROR":
            return None
    return None
