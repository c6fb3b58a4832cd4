"""Which conditions of a query hold for every row of a search that the result may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from rasteret_sql.duck.pushdown.source import Call
from rasteret_sql.sql_conditions import Tree

ITEM_COLUMNS = ("id", "collection", "geometry", "datetime", "cloud_cover", "platform")
COLUMNS = {
    "cog_index": ITEM_COLUMNS,
    "stac_search": (*ITEM_COLUMNS, "constellation", "gsd"),
}
"""Columns of each search that a catalogue can be asked for."""
_INNER = {("", ""), ("", "INNER"), ("", "CROSS")}
_KEEPS_THE_LEFT = {*_INNER, ("LEFT", ""), ("LEFT", "OUTER"), ("", "SEMI"), ("", "ANTI")}
"""Sides and kinds of joins whose result is filtered by a condition on the left as the left would be."""
_CHANGES_ROWS = (exp.Func, exp.Window, exp.Subquery, exp.Select)
_KEEPS_ROWS = (exp.Cast, exp.JSONExtract, exp.JSONExtractScalar)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The SELECT that a search stands in."""

    select: Tree
    name: str
    """By which its columns are called there."""
    columns: tuple[str, ...]
    conditions: tuple[Tree, ...]
    """The terms of WHERE, and of ON where the search is joined, that all must be true."""
    alone: bool
    """Whether nothing else is in FROM."""

    def column(self, node: Tree) -> str | None:
        """The column of the search that ``node`` names."""
        if not isinstance(node, exp.Column) or node.args.get("db"):
            return None
        if node.table and node.table.lower() != self.name:
            return None
        name = str(node.name).lower()
        return name if name in self.columns else None


def scope(call: Call) -> Scope | None:
    """Where ``call`` stands; None where WHERE does not filter it: under outer joins, in macros, sampled."""
    table = call.node.parent
    if not isinstance(table, exp.Table) or table.this is not call.node:
        return None
    if any(value for name, value in table.args.items() if name not in ("this", "alias", "joins")):
        return None
    alias: Any = table.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return None
    holder = table.parent
    select = _select_of(holder)
    if not isinstance(select, exp.Select) or _in_macro(select) or select.args.get("laterals"):
        return None
    joins = _joins(select)
    if not _is_filtered_as_a_whole(holder, joins):
        return None
    where = select.args.get("where")
    own = holder.args.get("on") if isinstance(holder, exp.Join) else None
    conditions = [term for whole in (where and where.this, own) if whole for term in _terms(whole)]
    return Scope(
        select=select,
        name=(table.alias or call.function).lower(),
        columns=COLUMNS[call.function],
        conditions=tuple(conditions),
        alone=not joins,
    )


def limit(where: Scope) -> Tree | None:
    """LIMIT, when it counts the rows that the search gives, once WHERE is true of all of them; else None."""
    args = where.select.args
    others = ("group", "having", "qualify", "distinct", "windows", "sample", "offset")
    clause = args.get("limit")
    if not isinstance(clause, exp.Limit) or clause.args.get("limit_options") or not where.alone:
        return None
    functions = (node for part in args["expressions"] for node in part.find_all(*_CHANGES_ROWS))
    if any(args.get(name) for name in others) or not all(isinstance(n, _KEEPS_ROWS) for n in functions):
        return None  # an aggregate counts all rows, unnest() makes others
    return clause.expression


def order(where: Scope) -> list[tuple[str, bool]] | None:
    """The columns that ORDER BY names, and whether from high to low; None when it orders by anything else."""
    clause = where.select.args.get("order")
    if clause is None:
        return []
    keys = []
    renamed = {str(part.alias).lower() for part in where.select.expressions if isinstance(part, exp.Alias)}
    for key in clause.expressions:
        column = where.column(key.this) if isinstance(key, exp.Ordered) else None
        if column is None or column in renamed:
            return None
        keys.append((column, bool(key.args.get("desc"))))
    return keys


def _terms(node: Tree) -> Iterator[Tree]:
    if isinstance(node, exp.Paren):
        yield from _terms(node.this)
    elif isinstance(node, exp.And):
        yield from _terms(node.this)
        yield from _terms(node.expression)
    else:
        yield node


def _select_of(holder: Tree) -> Tree | None:
    """The SELECT of a FROM or JOIN; in a query that begins with FROM, joins hang on the first table."""
    if isinstance(holder, exp.Join) and isinstance(holder.parent, exp.Table):
        holder = holder.parent.parent
    return holder.parent if isinstance(holder, exp.From | exp.Join) else None


def _joins(select: Tree) -> list[Tree]:
    """All joins of a SELECT, in order."""
    first = select.args["from_"].this
    return [*(first.args.get("joins") or []), *(select.args.get("joins") or [])]


def _is_filtered_as_a_whole(holder: Tree, joins: list[Tree]) -> bool:
    """Whether rows that fail a condition could be left out of the search before it is joined."""
    at = -1
    if isinstance(holder, exp.Join):
        at = next((n for n, join in enumerate(joins) if join is holder), len(joins))
        if at == len(joins) or _kind(holder) not in _INNER or holder.method:
            return False
    return all(_kind(join) in _KEEPS_THE_LEFT and join.method in ("", "NATURAL") for join in joins[at + 1 :])


def _kind(join: Tree) -> tuple[str, str]:
    return str(join.side or "").upper(), str(join.kind or "").upper()


def _in_macro(select: Tree) -> bool:
    """A macro's parameters look like columns."""
    statement = select.find_ancestor(exp.Create)
    return statement is not None and str(statement.args.get("kind")).upper() in ("MACRO", "FUNCTION")
