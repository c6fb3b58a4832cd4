"""Refuses a query whose plan is over a limit, before anything is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from rasteret_sql.settings import settings

MARKED = "query(_rasteret_planned_text('SELECT 1', false, _rasteret_query(), false).value)"
"""A table of one row that makes the query around it a plan, while it is bound."""


def is_on() -> bool:
    """Whether any query is limited."""
    limits = settings()
    return bool(limits.max_query_bytes or limits.max_query_requests or limits.max_query_cost)


def require_within_limits(connection: str | None, query: str, run: Callable[[str], Any]) -> None:
    """Raises ``duckdb.InvalidInputException`` with the plan's numbers where a query would exceed a limit.

    ``run`` executes a text in place of the query, with its parameters. What cannot be planned is not refused
    here: while it runs, nothing over the limits is asked for.
    """
    from rasteret_sql.blocks.budget import advice, excess
    from rasteret_sql.duck.pushdown.planned import NOTHING, planned_text, reads
    from rasteret_sql.metering import Traffic, plan_by

    select = planned_text(query) if reads(query) else NOTHING
    if connection is None or select == NOTHING:
        return
    try:
        run(f"SELECT bit_xor(hash(q)) FROM (\n{select}\n) AS q, {MARKED}")
    except duckdb.Error:  # the query itself will say it
        return
    meter = plan_by(connection)
    if meter is None:
        return
    planned: dict[str, Traffic] = {}
    with meter.lock:
        for tally in meter.tallies.values():
            for root, one in tally.tile_traffic.items():
                whole = planned.setdefault(root, Traffic())
                whole.requests += one.requests
                whole.byte_count += one.byte_count
    reason = excess(planned, settings())
    if reason is not None:
        raise duckdb.InvalidInputException(
            f"Invalid Input Error: this query would ask for {reason}; nothing was asked for. {advice(meter)}"
        )
