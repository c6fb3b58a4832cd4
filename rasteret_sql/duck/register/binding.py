"""Gives DuckDB the kernels: once for each database of this process, for all of its connections."""

from __future__ import annotations

import duckdb

from rasteret_sql.duck.register.hardening import Instance, instance_of, new_instance
from rasteret_sql.duck.register.kernel_table import KNOWN, NUMBER, PREFIX, SHELLS, Kernel, kernels, told


def bind(connection: duckdb.DuckDBPyConnection) -> Instance:
    """Bind every kernel and then the number of a database; nothing that is bound already is bound again.

    The first kernel tells: DuckDB 1.5 adds a function of another type, such as the number, to what is there.
    """
    number, instance = new_instance()
    for position, kernel in enumerate(kernels().values()):
        if not bind_kernel(connection, kernel, instance) and position == 0:
            ((known,),) = connection.execute(f"SELECT {KNOWN}").fetchall()
            return known_instance(known)
    _created(connection, NUMBER, instance.keep(_uncalled), told(number))
    return instance


def known_instance(known: str) -> Instance:
    """The database whose ``KNOWN`` this is."""
    number = int(known.split('"')[1])
    return new_instance()[1] if number == SHELLS else instance_of(number)


def bind_kernel(connection: duckdb.DuckDBPyConnection, kernel: Kernel, instance: Instance) -> bool:
    """Bind one kernel, which asks ``instance`` what may be opened; False where it is bound already."""
    call = instance.keep(instance.during(kernel.bind(instance.ask)))
    return _created(connection, PREFIX + kernel.name, call, kernel.result_type, volatile=kernel.volatile)


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
