"""Puts the declared functions on a DuckDB connection."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from time import monotonic, sleep

import duckdb

from rasteret_sql.duck import threads, untouched
from rasteret_sql.duck.declarations import macro_statements
from rasteret_sql.duck.hardening import Instance, instance_of, new_instance, open_connections
from rasteret_sql.duck.kernels import PREFIX, Kernel, kernels
from rasteret_sql.duck.notebook import register_display
from rasteret_sql.raster.algebra import duckdb_version

OURS = ("fsspecIO", "rasteret-", "asyncio_")
"""Threads that run no query."""
DUCKDBS = "Dummy-"
"""What Python calls a thread that it did not start."""
EXIT_PATIENCE_S, QUIET_S = 5.0, 0.2
"""At exit queries get this long to end; they have ended when no kernel was called for so long."""
INSTANCE = PREFIX + "instance"
"""The function that says which database of this process it belongs to; an extension's has none."""


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Bind the kernels once per database instance, and (re)create the macros of this connection.

    Kernels are seen by every cursor of an instance; TEMP macros by one connection only, and they work
    where the database file is read-only.
    """
    duckdb_version.follow(duckdb.__version__)
    query = (
        "SELECT current_connection_id(), list(DISTINCT function_name) FROM duckdb_functions() "
        f"WHERE starts_with(function_name, '{PREFIX}')"
    )
    ((number, names),) = connection.execute(query).fetchall()
    bound = set(names or ())
    instance = _instance(connection, bound)
    for kernel in kernels().values():
        name = PREFIX + kernel.name
        if name not in bound:
            _bind(connection, name, kernel, instance)
    for statement in macro_statements():
        connection.execute(statement)
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {PREFIX}database() AS {instance.number}")
    instance.add(connection)
    untouched.know(connection, f"{instance.number}/{number}")
    register_display()


def _instance(connection: duckdb.DuckDBPyConnection, bound: set[str]) -> Instance:
    """The database of a connection, known by its number from the first registration on."""
    if not bound:
        number, instance = new_instance()
        say = instance.keep(lambda: number)
        try:
            connection.create_function(INSTANCE, say, [], "BIGINT", side_effects=True)
            return instance
        except duckdb.CatalogException as error:  # another cursor was first
            if "already exists" not in str(error):
                raise
    elif INSTANCE not in bound:
        return new_instance()[1]
    ((known,),) = connection.execute(f"SELECT {INSTANCE}()").fetchall()
    return instance_of(known)


@atexit.register
def _close() -> None:
    """End DuckDB's threads while Python still runs.

    A query can be over before the last thread let go of its values. Those made by a kernel need Python to be
    let go, and a thread that asks for a Python that is ending is ended in the middle of C++: it aborts.
    """
    if not threads.active and not _daemons(but=(*OURS, DUCKDBS)):
        untouched.all_ended()
    _end_queries()
    for connection in open_connections():
        with suppress(duckdb.Error):
            connection.interrupt()
            connection.close()


def _daemons(*, but: tuple[str, ...]) -> bool:
    """Whether daemon threads live that may run queries."""
    return any(thread.daemon and not thread.name.startswith(but) for thread in threading.enumerate())


def _end_queries() -> None:
    """Interrupt what daemon threads still run, and wait until no kernel has been called for a moment."""
    if not _daemons(but=OURS):
        return
    until = monotonic() + EXIT_PATIENCE_S
    quiet_since = monotonic()
    while monotonic() < until and monotonic() < quiet_since + QUIET_S:
        for connection in open_connections():
            with suppress(duckdb.Error):
                connection.interrupt()
        sleep(0.01)
        if threads.active:
            quiet_since = monotonic()
        quiet_since = max(quiet_since, threads.last_active)


def _bind(connection: duckdb.DuckDBPyConnection, name: str, kernel: Kernel, instance: Instance) -> None:
    try:
        connection.create_function(  # type: ignore[call-overload]
            name,
            instance.keep(kernel.bind(instance.ask)),
            None,
            kernel.result_type,
            type="arrow",
            null_handling="special",
            side_effects=True,
        )
    except duckdb.CatalogException as error:
        if "already exists" not in str(error):
            raise
