"""Puts the declared functions on a DuckDB connection."""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import suppress
from time import monotonic, sleep

import duckdb

from rasteret_sql.duck.arguments import untouched
from rasteret_sql.duck.register import threads
from rasteret_sql.duck.register.attached import Place, attach, place_of, put_on_path
from rasteret_sql.duck.register.binding import bind, known_instance
from rasteret_sql.duck.register.hardening import Instance, open_connections
from rasteret_sql.duck.register.kernel_table import KNOWN, told
from rasteret_sql.forks import fork_safe_lock
from rasteret_sql.raster.algebra.sql import duckdb_version

OURS = ("fsspecIO", "rasteret-", "asyncio_")
"""Threads that run no query."""
DUCKDBS = "Dummy-"
"""What Python calls a thread that it did not start."""
EXIT_PATIENCE_S, QUIET_S = 5.0, 0.2
"""At exit queries get this long to end; they have ended when no kernel was called for so long."""


_registering = fork_safe_lock()
"""The first registration of a database is made by one thread."""


def register(connection: duckdb.DuckDBPyConnection, *, new: bool = False) -> None:
    """Bind the kernels and attach the macros once per database, and let this connection find them.

    Kernels and macros are seen by every connection of a database, macros without ``rasteret.`` before their
    names by those that were registered. Where the macros cannot be attached, TEMP macros are made, which
    belong to one connection.

    new: whether it is probably the first connection of its database, which is not asked then, but told.
    """
    duckdb_version.follow(duckdb.__version__)
    instance = None if new else _known(connection)
    if instance is None:
        with _registering:
            instance = bind(connection)
    place = place_of(connection)
    if not _finds_macros(connection, instance, place):
        from rasteret_sql.duck.declarations import macro_statements

        for statement in macro_statements():
            connection.execute(statement)
    instance.add(connection)
    untouched.know(connection, f"{told(instance.number)}/{place.connection}")
    if "IPython" in sys.modules:
        from rasteret_sql.duck.register.notebook import register_display

        register_display()


def find_again(connection: duckdb.DuckDBPyConnection) -> None:
    """After a statement that may have changed where a connection looks for names, such as ``USE``."""
    instance = _known(connection)
    if instance is None or instance.attached:
        register(connection)


def _known(connection: duckdb.DuckDBPyConnection) -> Instance | None:
    """The database of a connection, from its first registration on."""
    with connection.cursor() as cursor:  # an error would end a transaction of the connection
        try:
            ((known,),) = cursor.execute(f"SELECT {KNOWN}").fetchall()
        except duckdb.CatalogException:
            return None
    return known_instance(known)


def _finds_macros(connection: duckdb.DuckDBPyConnection, instance: Instance, place: Place) -> bool:
    """Whether this connection finds attached macros from now on."""
    if instance.attached:
        try:
            put_on_path(connection, place)
        except duckdb.CatalogException:  # detached since
            instance.attached = False
        else:
            return True
    with _registering, connection.cursor() as cursor:
        instance.attached = instance.attached or attach(cursor)
    if instance.attached:
        put_on_path(connection, place)
    return instance.attached


@atexit.register
def _close() -> None:
    """End DuckDB's threads while Python still runs.

    A query can be over before the last thread has released its values. Releasing those made by a kernel needs
    Python, and a thread that asks for a Python that is ending is ended in the middle of C++: it aborts.
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
