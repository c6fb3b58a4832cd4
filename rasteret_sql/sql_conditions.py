"""DuckDB's dialect of sqlglot as expressions over pixels and filters over items read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

Tree = Any
"""A node of sqlglot, whose classes changed their base between versions."""
COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


class NamedFunctions(DuckDB):
    """DuckDB's dialect with every function as a name and its arguments, of which sqlglot drops some."""

    class Parser(DuckDB.Parser):  # type: ignore[valid-type,misc]
        """Only CAST and TRY_CAST have a syntax of their own."""

        FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012 - as sqlglot's own parsers declare it
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parser
            for name, parser in DuckDB.Parser.FUNCTION_PARSERS.items()
            if name in ("CAST", "TRY_CAST")
        }
        NO_PAREN_FUNCTIONS: dict[Any, Any] = {}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS: dict[str, Any] = {}  # noqa: RUF012


def refuse_chained_comparisons(tree: Tree, fail: Callable[[Tree, str], NoReturn]) -> None:
    """``fail`` at ``a < b < c``, which Python and SQL read differently."""
    for node in tree.walk():
        sides = (node.this, node.expression) if isinstance(node, COMPARED) else ()
        if any(isinstance(side, COMPARED) for side in sides):
            fail(node, "comparisons do not chain; combine them by AND")


def position(node: Tree) -> int | None:
    """Where a part begins: the first of its words whose place is known, from 0."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts, default=None)
