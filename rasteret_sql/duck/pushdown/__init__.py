"""Conditions on the result of a STAC search, given to the search: ``pushdown(sql)``.

DuckDB evaluates a table macro before it filters, and has no hook for Python to see the filter. So the text
of a query is rewritten before DuckDB sees it, and only by adding arguments to its calls: every condition
stays where it is, so that the catalogue may answer too much, and must never answer too little.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["mentions_search", "pushdown"]

_MENTION = re.compile(r"stac_search|cog_index", re.IGNORECASE)


def mentions_search(sql: str) -> bool:
    """Whether a text can hold a STAC search at all: what cannot is passed through without being parsed."""
    return _MENTION.search(sql) is not None


def pushdown(sql: str, parameters: Any = None) -> str:
    """``sql`` with arguments added to its calls of ``stac_search`` and ``cog_index``; else untouched.

    ``parameters`` are the values of a prepared statement, a sequence or a mapping, as ``execute`` takes them.
    A text that cannot be parsed is given back as it is: DuckDB will say what is wrong with it.
    """
    if not mentions_search(sql):
        return sql
    from rasteret_sql.duck.pushdown.rewrite import rewritten

    return rewritten(sql, parameters)
