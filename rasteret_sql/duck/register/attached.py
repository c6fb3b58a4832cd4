"""The macros of a database: attached as ``rasteret``, and on the search path of its connections.

A name without a database in front is looked for on a connection's search path, which begins anew with each
cursor and with ``USE``.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.duck.register import macro_file
from rasteret_sql.duck.sql_files import CATALOG

SCHEMA = f"{CATALOG}.main"
PLACE = "SELECT current_connection_id(), current_setting('search_path'), current_database(), current_schema()"


class Place(NamedTuple):
    """Where a connection looks for names."""

    connection: int
    """Its number within the database."""
    path: str
    """Its search path; empty where nothing but ``database`` is on it."""
    database: str
    schema: str


def attach(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the macros are in the database ``rasteret``: attached now or before, else made there in memory.

    False where another database has this name, or where a database in memory cannot be attached.
    """
    file = macro_file.ready()
    if file is not None and _done(connection, macro_file.attachment(file)):
        return True
    return _is_ours(connection) or _made_in_memory(connection)


def _is_ours(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        row = connection.execute(f"SELECT {SCHEMA}.{macro_file.DIGEST}()").fetchone()
    except duckdb.Error:
        return False
    return row == (macro_file.digest(),)


def _made_in_memory(connection: duckdb.DuckDBPyConnection) -> bool:
    """Where no file can be made, or DuckDB may open none (``enable_external_access = false``)."""
    if not _done(connection, f"ATTACH ':memory:' AS {CATALOG} (READ_WRITE)"):
        return False
    if all(_done(connection, statement) for statement in macro_file.statements()):
        return True
    _done(connection, f"DETACH {CATALOG}")
    return False


def _done(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except duckdb.Error:
        return False
    return True


def place_of(connection: duckdb.DuckDBPyConnection) -> Place:
    """Where a connection looks for names now."""
    (row,) = connection.execute(PLACE).fetchall()
    return Place(*row)


def put_on_path(connection: duckdb.DuckDBPyConnection, place: Place) -> None:
    """Look for names in the macros too, after ``place``.

    Raises ``duckdb.CatalogException`` where the macros are not attached.
    """
    places = place.path or f"{name(place.database)}.{name(place.schema)}"
    if SCHEMA not in places.split(","):
        places = f"{places},{SCHEMA}"
    connection.execute(f"SET search_path = {quoted(places)}")
