"""Splices the planned arguments into the text of a query."""

from __future__ import annotations

from typing import Any

from rasteret_sql.duck.pushdown.constants import Parameters
from rasteret_sql.duck.pushdown.plan import Plan, plan
from rasteret_sql.duck.pushdown.source import UnreadableError, read
from rasteret_sql.duck.quoting import quoted


def plans(sql: str, parameters: Any = None) -> list[Plan]:
    """What becomes of each search of a text. Raises ``UnreadableError``."""
    source = read(sql)
    # Of several statements each takes some of the parameters, and only DuckDB knows which.
    values = parameters if len(source.statements) == 1 else None
    known = Parameters.of(values, auto=source.auto_parameters)
    return [plan(call, known) for call in source.calls]


def rewritten(sql: str, parameters: Any = None) -> str:
    """``sql`` with what is planned; as it is when nothing is, or when it cannot be read."""
    try:
        return spliced(sql, plans(sql, parameters))
    except UnreadableError:
        return sql


def spliced(sql: str, made: list[Plan]) -> str:
    """``sql`` with the arguments of each plan: all else stays as the user wrote it."""
    edits = [edit for each in made for edit in _edits(each)]
    for position, text in sorted(edits, reverse=True):
        sql = sql[:position] + text + sql[position:]
    return sql


def _edits(made: Plan) -> list[tuple[int, str]]:
    """Texts to insert, and where. A filter that is given is joined with the one that is added."""
    edits, new = [], []
    for name, added in made.added.items():
        if name in made.call.spans:
            start, end = made.call.spans[name]
            edits += [
                (start, f"{quoted('(')} || "),
                (end, f" || {quoted(') AND (')} || {added.sql} || {quoted(')')}"),
            ]
        else:
            new.append(f", {name} := {added.sql}")
    return [*edits, (made.call.end, "".join(new))] if new else edits
