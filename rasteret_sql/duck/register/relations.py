"""Relations with parameters on DuckDB 1.5, which would fetch them with Python's lock held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final

import duckdb

METHODS: Final = frozenset({"sql", "query", "from_query"})
"""Those of a connection that give a relation."""
HOLDS_LOCK: Final = duckdb.__version__.startswith("1.")
"""Whether this DuckDB holds Python's lock while it fetches the rows of a relation with parameters. A thread
that calls a function, or releases a function's Arrow buffers, waits for that lock; DuckDB waits for the
thread: the query hangs."""
NOT_BEGUN: Final = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
"""Errors that come before any row, whose text quotes the query."""
UNNAMED: Final = "unnamed struct"
"""In DuckDB's refusal of a table that has one."""

_numbers = count(1)


def relation(
    connection: duckdb.DuckDBPyConnection,
    query: Any,
    options: Mapping[str, Any],
    run: Callable[[Callable[[], Any]], Any],
) -> Any:
    """What ``connection.sql(query, **options)`` gives, by way of a temporary table.

    ``CREATE TABLE … AS`` runs to its end without Python's lock, and what reads that table calls no function.
    What no table can hold, and statements that are not a SELECT, go to DuckDB as they are.

    run: makes a call with the variables of the caller in sight.
    """
    statements = connection.extract_statements(query)
    if not statements:
        return None
    *before, last = statements
    for statement in before:
        run(partial(connection.execute, statement))
    as_it_is = partial(connection.sql, last, **options)
    if last.type != duckdb.StatementType.SELECT:
        return run(as_it_is)
    table = f"rasteret_relation_{next(_numbers)}"
    try:
        create, *_ = connection.extract_statements(f"CREATE TEMP TABLE {table} AS {last.query}")
        run(partial(connection.execute, create, options["params"]))
    except NOT_BEGUN:
        return run(as_it_is)
    except duckdb.InvalidInputException as error:
        if UNNAMED not in str(error):
            raise
        try:
            return run(as_it_is)
        except duckdb.TransactionException:  # the refusal has ended the user's own
            raise error from None
    try:
        return connection.sql(f"FROM temp.main.{table} WHERE $1", **{**options, "params": [True]})
    finally:
        connection.execute(f"DROP TABLE temp.main.{table}")
