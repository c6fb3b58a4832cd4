"""Conditions given to what they are about: ``pushdown(sql)``.

DuckDB evaluates a table macro before it filters, and has no hook for Python to see the filter. So the text
of a query is rewritten before DuckDB sees it: arguments are added to its calls of STAC searches, so that the
catalogue is asked for less, and conditions on a table whose rows a lateral read takes are repeated
where the table stands (``laterals``). Every condition stays where it is, so that what is added may leave too
much, and must never leave too little.
"""

from __future__ import annotations

import re
from typing import Any

from rasteret_sql.duck.pushdown.laterals import below_laterals

__all__ = ["mentions_search", "pushdown"]

_MENTION = re.compile(r"stac_search|cog_index", re.IGNORECASE)


def mentions_search(sql: str) -> bool:
    """Whether a text can hold a STAC search at all: what cannot is passed through without being parsed."""
    return _MENTION.search(sql) is not None


def pushdown(sql: str, parameters: Any = None) -> str:
    """``sql`` with arguments added to its searches and conditions below its lateral reads; else untouched.

    ``parameters`` are the values of a prepared statement, a sequence or a mapping, as ``execute`` takes them.
    A text that cannot be parsed is given back as it is: DuckDB will say what is wrong with it.
    """
    if mentions_search(sql):
        from rasteret_sql.duck.pushdown.rewrite import rewritten

        sql = rewritten(sql, parameters)
    return below_laterals(sql, parameters)
