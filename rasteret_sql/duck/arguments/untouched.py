"""Queries in which no area has touched a raster so far: when one ends so, it says so, once.

DuckDB hands a query over in vectors and does not say which is the last. A connection runs one query at a
time, so its query has ended when another calls a kernel. Who knows earlier calls ``ended``: a connection of
``connect()``, the extension for the shell, and the end of the process.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rasteret_sql.cache import Lru
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.forks import in_forked_child
from rasteret_sql.notices import Notices

if TYPE_CHECKING:
    import duckdb

REMEMBERED = 1000
"""Connections whose latest query is known; the oldest are forgotten first."""


@dataclass(kw_only=True)
class Query:
    """A query that asks for areas."""

    number: int
    """Among those of its database, in their order."""
    touched: bool = False
    """Whether an area has touched a raster, or nothing is to be said any more."""
    apart: tuple[str, str] | None = None
    """The function's name and the notice, for a query that ends without having touched anything."""


_latest = Lru[str, Query](REMEMBERED)
"""By connection."""
_lock = _latest.lock
_connections: WeakKeyDictionary[duckdb.DuckDBPyConnection, str] = WeakKeyDictionary()


def know(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Remember the key by which kernels know a connection."""
    with _lock:
        _connections[connection] = key


def key_of(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The key by which kernels know a connection; None if it was not registered."""
    with _lock:
        return _connections.get(connection)


def query_of(connection: str, number: int) -> Query:
    """A query of a connection, whose earlier queries have ended."""
    with _lock:
        before = _latest.get(connection)
        if before is not None and before.number == number:
            return before
        now = Query(number=number)
        if before is not None and before.number > number:  # an abandoned query, a thread of which still runs
            return now
        _latest.put(connection, now)
    if before is not None:
        with suppress(RasteretWarning):  # taken for an error, it would be that of another query
            say(before)
    return now


def ended(connection: str | None) -> None:
    """The query of a connection has ended: say so if it has not touched anything."""
    query = None if connection is None else _latest.get(connection)
    if query is not None:
        say(query)


def failed(connection: str | None) -> None:
    """The query of a connection has ended early: what it would have touched is not known."""
    query = None if connection is None else _latest.get(connection)
    if query is not None:
        query.touched = True


def all_ended() -> None:
    """Every query has ended."""
    for connection in _connections_known():
        with suppress(RasteretWarning):
            ended(connection)


def all_failed() -> None:
    """One of the queries under way has failed, and it is not known which."""
    for connection in _connections_known():
        failed(connection)


def _connections_known() -> list[str]:
    return [connection for connection, _ in _latest.items()]


def say(query: Query) -> None:
    """Say that a query has not touched anything, unless it has or this was said."""
    with _lock:
        if query.touched or query.apart is None:
            return
        query.touched = True
    speaker, message = query.apart
    Notices(speaker).say(message)


in_forked_child(_latest.clear)
