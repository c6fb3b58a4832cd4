"""What a database allows to be opened, asked in the middle of the query that calls a kernel.

DuckDB tells its settings to SQL, so a cursor of the same database is asked, once for each call of a kernel
that is about to open something. It keeps ``disabled_filesystems`` to itself: asked to enable all of them, it
names one that is disabled. Of a locked configuration only the file system of local files is found out.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import duckdb

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.duck.register.allowed import access
from rasteret_sql.errors import RefusedError
from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.store.access import Access

ASK_EXTERNAL = "SELECT current_setting('enable_external_access')"
ASK_ALLOWED = "SELECT current_setting('allowed_directories'), current_setting('allowed_paths')"
LOCAL = "LocalFileSystem"
FORGOTTEN_AFTER = 1000
"""Databases without a registered connection whose functions are kept: a cursor that was never registered may
still call them."""
PATIENCE_S = 1.0
"""A connection is in use for microseconds."""
_DISABLED = re.compile(r'File system "(\w+)" has been disabled')


class Instance:
    """One DuckDB database of this process, by the connections that were registered."""

    def __init__(self, number: int) -> None:
        self.number = number
        """Among the databases of the process, from 1."""
        self._lock = threading.Lock()
        self._connections: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
        self._asking = threading.Lock()
        self._askers: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
        self._borrowed: duckdb.DuckDBPyConnection | None = None
        """A cursor on which the database is asked, where no connection was made by ``connect()``."""
        self._calls = 0
        """Of kernels, under way."""
        self._known = Access()
        self._functions: list[Callable[..., Any]] = []
        self.attached = False
        """Whether the macros are attached."""

    def keep(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, which lives as long as this: DuckDB's catalogue points to it, but only the cursor
        that registered it holds a reference, and may be gone when another cursor calls.
        """
        self._functions.append(function)
        return function

    def add(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._connections.add(connection)
            _of_connections[connection] = self

    def connections(self) -> list[duckdb.DuckDBPyConnection]:
        """Those that live."""
        with self._lock:
            return list(self._connections)

    def new_asker(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A cursor on which the database is asked; it lives as long as its owner, who closes it."""
        asker = connection.cursor()
        with self._lock:
            self._askers.add(asker)
        return asker

    def close_asker(self, asker: duckdb.DuckDBPyConnection) -> None:
        """Close it when it is not being asked."""
        with self._asking:
            asker.close()

    def ask(self) -> Access:
        """What the database says now; where no registered connection is open any more, what it said last.

        DuckDB 2 refuses a call on a connection that another thread is just calling: no connection of a user
        is asked where there is an asker, and askers are asked one at a time. Without one, a cursor is
        borrowed of a connection, once for all calls of kernels that are under way.
        """
        with self._asking:
            with self._lock:
                askers = list(self._askers)
            for asker in askers:
                with suppress(duckdb.ConnectionException):  # closed
                    self._known = _asked(asker, self._known.disabled)
                    return self._known
            return self._asked_of_borrowed()

    def _asked_of_borrowed(self) -> Access:
        """What a borrowed cursor says; DuckDB closes it with the connection that it is of, at any moment.

        DuckDB 2 refuses to make one while the connection's own thread begins or ends a call. RefusedError
        where it is not known what may be opened, and that does not pass.
        """
        until = monotonic() + PATIENCE_S
        while True:
            try:
                self._borrowed = self._borrowed or self._new_cursor()
                if self._borrowed is not None:
                    self._known = _asked(self._borrowed, self._known.disabled)
                return self._known
            except duckdb.Error:
                self._borrowed = None
                if monotonic() > until:
                    raise RefusedError("DuckDB does not say what may be opened") from None
                sleep(0.001)

    def _new_cursor(self) -> duckdb.DuckDBPyConnection | None:
        """Of a registered connection; None where all are closed. Raises where one is in
        use and no other open."""
        refusal: duckdb.Error | None = None
        for connection in self.connections():
            try:
                return connection.cursor()
            except duckdb.ConnectionException:
                continue  # closed
            except duckdb.Error as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return None

    def during(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call`` of a kernel: a cursor that is borrowed meanwhile is closed when no call is under way.

        It may not live longer: a database closes with its connections, and who closes a connection that was
        not made by ``connect()`` says nothing of it.
        """

        def counted(*columns: Any) -> Any:
            with self._lock:
                self._calls += 1
            try:
                return call(*columns)
            finally:
                with self._lock:
                    self._calls -= 1
                    done = self._borrowed if self._calls == 0 else None
                    self._borrowed = None if self._calls == 0 else self._borrowed
                if done is not None:
                    done.close()

        return counted


def _asked(cursor: duckdb.DuckDBPyConnection, disabled: frozenset[str]) -> Access:
    external = cursor.execute(ASK_EXTERNAL).fetchone()
    if external is not None and external[0]:  # what else is allowed matters where this is not
        return access(True, (), (), _disabled(cursor, disabled))
    directories, paths = cursor.execute(ASK_ALLOWED).fetchone() or ([], [])
    return access(False, directories, paths, _disabled(cursor, disabled))


def _disabled(cursor: duckdb.DuckDBPyConnection, known: frozenset[str]) -> frozenset[str]:
    """All that are disabled; DuckDB never enables one again."""
    while True:
        try:
            cursor.execute(f"SET disabled_filesystems = {quoted(','.join(sorted(known)))}")
        except duckdb.Error as error:
            match = _DISABLED.search(str(error))
            if match is None:  # the configuration is locked
                return known | _local(cursor)
            known |= {match[1]}
        else:
            return known


def _local(cursor: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The file system of local files, if that is disabled: looking for a file says so."""
    try:
        cursor.execute(f"FROM glob({quoted(os.devnull)})").fetchall()
    except duckdb.PermissionException as error:
        return frozenset({LOCAL} if LOCAL in str(error) else ())
    return frozenset()


_lock = fork_safe_lock()
_instances: OrderedDict[int, Instance] = OrderedDict()
_of_connections: WeakKeyDictionary[duckdb.DuckDBPyConnection, Instance] = WeakKeyDictionary()
_last = 0


def new_instance() -> tuple[int, Instance]:
    """One more database, and its number; databases that are gone are forgotten in time."""
    global _last
    with _lock:
        _last += 1
        _instances[_last] = Instance(_last)
        gone = [number for number, instance in _instances.items() if not instance.connections()]
        for number in gone[: max(0, len(gone) - FORGOTTEN_AFTER)]:
            if number != _last:
                del _instances[number]
        return _last, _instances[_last]


def instance_of(number: int) -> Instance:
    """The database of this number."""
    return _instances[number]


def instance_with(connection: duckdb.DuckDBPyConnection) -> Instance | None:
    """The database of a registered connection."""
    return _of_connections.get(connection)


def open_connections() -> list[duckdb.DuckDBPyConnection]:
    """Every registered connection that lives."""
    with _lock:
        instances = list(_instances.values())
    return [connection for instance in instances for connection in instance.connections()]


@in_forked_child
def _after_fork() -> None:
    """No inherited connection is ever closed: that waits for DuckDB's threads, which a fork does not have."""
    for instance in _instances.values():
        instance._lock, instance._asking = threading.Lock(), threading.Lock()
        for connection in (*instance.connections(), *instance._askers, instance._borrowed):
            _keep_for_ever(connection)
    _instances.clear()


def _keep_for_ever(value: object) -> None:
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
