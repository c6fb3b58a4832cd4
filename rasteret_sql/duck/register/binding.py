"""Gives DuckDB the kernels: once for each database of this process, for all of its connections."""

from __future__ import annotations

import duckdb

from rasteret_sql.duck.register.hardening import Instance, instance_of, new_instance
from rasteret_sql.duck.register.kernel_table import KNOWN, NUMBER, PREFIX, SHELLS, Kernel, kernels, told


def bind(connection: duckdb.DuckDBPyConnection) -> Instance:
    """Bind the number of a database, and every kernel; nothing that is bound already is bound again."""
    number, instance = new_instance()
    if not _created(connection, NUMBER, instance.keep(_uncalled), told(number)):
        ((known,),) = connection.execute(f"SELECT {KNOWN}").fetchall()
        return known_instance(known)
    for kernel in kernels().values():
        bind_kernel(connection, kernel, instance)
    return instance


def known_instance(known: str) -> Instance:
    """The database whose ``KNOWN`` this is."""
    number = int(known.split('"')[1])
    return new_instance()[1] if number == SHELLS else instance_of(number)


def bind_kernel(connection: duckdb.DuckDBPyConnection, kernel: Kernel, instance: Instance) -> None:
    """Bind one kernel, which asks ``instance`` what may be opened."""
    call = instance.keep(kernel.bind(instance.ask))
    _created(connection, PREFIX + kernel.name, call, kernel.result_type, volatile=kernel.volatile)


def _uncalled(*_: object) -> None:
    raise AssertionError("typeof does not call its argument")


def _created(
    connection: duckdb.DuckDBPyConnection, name: str, call: object, returns: str, *, volatile: bool = True
) -> bool:
    """Whether DuckDB took the function; False where it has one of this name."""
    try:
        connection.create_function(  # type: ignore[call-overload]
            name, call, None, returns, type="arrow", null_handling="special", side_effects=volatile
        )
    except (duckdb.CatalogException, duckdb.NotImplementedException) as error:
        if "already exists" not in str(error) and "already created" not in str(error):
            raise
        return False
    return True
