"""Whether a query is one call of one function with one area, of which one vector of one row is all."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from rasteret_sql.duck.declarations import callees_first
from rasteret_sql.sql_conditions import NamedFunctions, Tree

BEGINNING = re.compile(r"\s*(select|from|with)\b", re.IGNORECASE)
SINGLE = frozenset(
    {"count", "sum", "min", "max", "avg", "mean", "any_value", "first", "list", "array_agg", "round", "abs"}
    | {"coalesce", "len", "length", "list_value", "struct_pack", "st_point", "st_geomfromtext", "st_setcrs"}
    | {"st_geomfromgeojson", "st_geomfromwkb", "st_makeenvelope", "st_area", "st_buffer"}
)
"""Functions of DuckDB that make no further rows."""
ROWS = (exp.SetOperation, exp.Values, exp.Unnest, exp.Join, exp.Lateral)
"""What brings further rows, or calls in a vector of their own."""


def is_lone_call(text: str) -> bool:
    """Whether nothing but one call of ours could touch a raster; False as well where that is not known.

    Rows come from nowhere else: no table, no view, no set operation, no macro, no function that is unknown.
    """
    if not BEGINNING.match(text):
        return False
    try:
        trees: list[Tree] = [tree for tree in NamedFunctions().parse(text) if tree is not None]
    except (SqlglotError, RecursionError, ValueError):
        return False
    return len(trees) == 1 and _is_lone(trees[0])


def _is_lone(tree: Tree) -> bool:
    asking, single = _ours()
    calls, named = 0, Counter[str]()
    for node in tree.walk():
        if isinstance(node, ROWS) or (isinstance(node, exp.With) and node.recursive):
            return False
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            named[node.name] += 1
        if isinstance(node, exp.Anonymous):
            calls += node.name.lower() in asking
            if node.name.lower() not in asking | single | SINGLE:
                return False
    tables = {common.alias for common in tree.find_all(exp.CTE)}
    return calls == 1 and set(named) <= tables and all(count == 1 for count in named.values())


@lru_cache(maxsize=1)
def _ours() -> tuple[frozenset[str], frozenset[str]]:
    """Functions that ask for an area or points, and those of one value that do not."""
    asking = {"_rasteret_asked"}
    for function in callees_first():
        if any(f"{name}(" in function.macro for name in asking):
            asking.add(function.name)
    others = {f.name for f in callees_first() if f.public and f.kind == "scalar"} - asking
    return frozenset(name.lower() for name in asking), frozenset(name.lower() for name in others)
