"""What ``connect()`` returns: a DuckDB connection whose every cursor has the functions.

It also gives conditions on STAC searches to the catalogue.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import FrameType, TracebackType
from typing import Any, NoReturn, TypeVar, cast
from weakref import WeakSet

import duckdb

from rasteret_sql.duck.arguments import untouched
from rasteret_sql.duck.pushdown import pushdown
from rasteret_sql.duck.register import geo_frames, guard, relations, threads
from rasteret_sql.duck.register.hardening import Instance, instance_with
from rasteret_sql.duck.register.registration import find_again, register
from rasteret_sql.redaction import redact_text

Result = TypeVar("Result")
Scope = tuple[dict[str, Any], dict[str, Any]]
"""The global variables of a frame, and its own."""
TO_THE_END = frozenset(
    {"complete", "df", "fetch_arrow_table", "fetch_df", "fetchall", "fetchdf", "fetchnumpy", "pl", "tf"}
    | {"to_arrow_table", "torch"}
)
"""Methods after which the query has ended."""
ROWS = frozenset({"fetchone", "fetchmany"})
"""Methods after which it has ended when there was nothing left."""
WRITING = re.compile(r"\s*(create|insert|copy|update|delete|merge)\b", re.IGNORECASE)
"""Statements that have ended when they give their answer."""
STREAMS = frozenset({"arrow", "fetch_df_chunk", "fetch_record_batch", "to_arrow_reader"})
"""Methods that carry it on, and may leave some."""
CTRL_C = re.compile(r"(?:^|: )KeyboardInterrupt\b", re.MULTILINE)
"""In DuckDB's error where Ctrl-C came just when it began to call Python."""
_open: WeakSet[Connection] = WeakSet()
_CALL = compile("__rasteret_call__()", "<with the caller's variables>", "eval")
_MAY_MOVE = re.compile(r"\b(?:use|set|reset)\b", re.IGNORECASE)
"""Words of statements after which a connection looks for names elsewhere."""


class Connection:
    """Everything of a ``duckdb.DuckDBPyConnection``, with the functions on its cursors and after ``USE``.

    It is one for ``isinstance``. ``duckdb_connection`` is the plain one, for code in C that takes no other
    (``duckdb.sql(…, connection=…)``), or to query without pushdown.

    A query that is interrupted ends with DuckDB's own errors for that, whatever it was doing.
    """

    __slots__ = (
        "__weakref__", "_asker", "_connection", "_instance", "_interrupts", "_is_read", "_is_registered",
        "_process", "_pushes_down", "_registering",
    )  # fmt: skip

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, pushes_down: bool, is_registered: bool = True
    ) -> None:
        self._connection = connection
        self._process = os.getpid()
        self._pushes_down = pushes_down
        self._interrupts = 0
        self._is_read = False
        self._instance: Instance | None = None
        self._asker: duckdb.DuckDBPyConnection | None = None
        self._registering = threading.Lock()
        self._is_registered = is_registered
        if is_registered:
            self._find_asker()
        _open.add(self)

    def _find_asker(self) -> None:
        self._instance = instance_with(self._connection)
        self._asker = None if self._instance is None else self._instance.new_asker(self._connection)

    def _register(self) -> None:
        """Put the functions on a new connection, when it is used for the first time."""
        with self._registering:
            if not self._is_registered:
                register(self._connection, new=True)
                self._find_asker()
                self._is_registered = True

    @property
    def duckdb_connection(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's own connection; ``duckdb.ConnectionException`` in a process that was forked since."""
        connection = self._not_inherited()
        if not self._is_registered:
            self._register()
        return connection

    def _not_inherited(self) -> duckdb.DuckDBPyConnection:
        if self._is_inherited():
            raise duckdb.ConnectionException(
                f"this connection was made by process {self._process} and is used by process {os.getpid()}, "
                "which was forked from it: DuckDB's threads are not there. Call rasteret_sql.connect() in "
                "the new process, or start processes with multiprocessing.get_context('spawn')"
            )
        return self._connection

    def _is_inherited(self) -> bool:
        return self._process != os.getpid()

    def interrupt(self) -> None:
        self._interrupts += 1
        self._not_inherited().interrupt()

    def execute(self, query: Any, parameters: Any = None, **options: Any) -> Any:
        return self._run("execute", query, parameters, {"parameters": parameters, **options})

    def executemany(self, query: Any, parameters: Any = None, **options: Any) -> Any:
        return self._run("executemany", query, None, {"parameters": parameters, **options})

    def sql(self, query: Any, **options: Any) -> Any:
        return self._run("sql", query, options.get("params"), options)

    def query(self, query: Any, **options: Any) -> Any:
        return self._run("query", query, options.get("params"), options)

    def from_query(self, query: Any, **options: Any) -> Any:
        return self._run("from_query", query, options.get("params"), options)

    def extract_statements(self, query: Any) -> Any:
        return self._run("extract_statements", query, None, {})

    def register(self, view_name: str, python_object: object) -> duckdb.DuckDBPyConnection:
        """A view of a frame or table in memory, GeoDataFrames among them."""
        is_geo = geo_frames.is_geo_frame(python_object)
        table = geo_frames.arrow_of(python_object) if is_geo else python_object
        self.duckdb_connection.register(view_name, table)
        return cast(duckdb.DuckDBPyConnection, self)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self._another(self.duckdb_connection.cursor())

    def duplicate(self) -> duckdb.DuckDBPyConnection:
        return self._another(self.duckdb_connection.duplicate())

    def _another(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        register(connection)
        return wrapped(connection, pushes_down=self._pushes_down)

    def _run(self, method: str, query: Any, parameters: Any, options: dict[str, Any]) -> Any:
        """Call a method with the rewritten query; a statement that is parsed already stays as it is."""
        connection = self.duckdb_connection
        is_text = isinstance(query, str)
        text = pushdown(query, parameters) if is_text and self._pushes_down else query
        scope = _scope(sys._getframe(2), text)
        self._has_ended()
        asked = self._ends_asked_for()
        try:
            with threads.a_query():
                *before, last = self._statements(text) if method != "extract_statements" else [text]
                for statement in before:
                    self._call(scope, partial(connection.execute, statement), statement)
                if is_text and guard.is_on():
                    run = partial(self._planned, scope, parameters)
                    guard.require_within_limits(self._key, query, run)
                if relations.HOLDS_LOCK and method in relations.METHODS and parameters:
                    result = relations.relation(connection, last, options, partial(_within, scope))
                else:
                    result = self._call(scope, partial(getattr(connection, method), last, **options), last)
        except RuntimeError:  # DuckDB's at Ctrl-C
            untouched.failed(self._key)
            raise
        except duckdb.Error as error:
            untouched.failed(self._key)
            clean = self._interruption(asked, error)
            shown = redact_text(_advised(error, query) or _without_excerpt(str(error), query))
            same = clean is None and shown == str(error)
            clean = error.with_traceback(None) if same else clean or type(error)(shown)
        else:
            self._is_read = method == "execute"
            if method != "execute" or (is_text and WRITING.match(query)):
                self._has_ended()
            return self if result is connection else result
        raise clean  # out here, so that no context has the text, and no traceback frames of DuckDB's

    def _statements(self, text: Any) -> Sequence[Any]:
        """The statements of a text that may change where names are looked for; else the text as it is."""
        if isinstance(text, str) and _MAY_MOVE.search(text):
            statements = self._connection.extract_statements(text)
            if any(map(_moves, statements)):
                return statements
        return [text]

    def _call(self, scope: Scope, call: Callable[[], Any], statement: Any) -> Any:
        result = _within(scope, call)
        if _moves(statement):
            find_again(self._connection)
        return result

    def _planned(self, scope: Scope, parameters: Any, query: str) -> None:
        """Run a plan to its end."""
        self._call(scope, lambda: self._connection.execute(query, parameters).fetchall(), query)

    def _ends_asked_for(self) -> tuple[int, int]:
        return self._interrupts, threads.presses

    def _interruption(self, before: tuple[int, int], error: duckdb.Error) -> Exception | None:
        """DuckDB's error in place of one that came of an interruption since ``before``."""
        pressed = before[1] != threads.presses or CTRL_C.search(str(error))
        if pressed and threading.current_thread() is threading.main_thread():
            return RuntimeError(threads.BY_CTRL_C)
        if before[0] != self._interrupts:
            return duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        return None

    def __enter__(self) -> Connection:
        self._not_inherited().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        if self._is_inherited():
            return None
        self._close_asker()
        return self._connection.__exit__(kind, error, trace)

    def close(self) -> None:
        """Close it; what a forked process inherited is not its own to close."""
        if not self._is_inherited():
            self._close_asker()
            self._connection.close()
            self._has_ended()

    def _close_asker(self) -> None:
        if self._instance is not None and self._asker is not None:
            self._instance.close_asker(self._asker)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a DuckDB connection belongs to its process and cannot be pickled or copied: send the path of "
            "the database and call rasteret_sql.connect(path) there, or send a result, such as "
            "con.sql(query).to_arrow_table()"
        )

    @property
    def _key(self) -> str | None:
        return untouched.key_of(self._connection)

    def _fetch(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method that reads from the open result."""
        before = self._ends_asked_for()
        try:
            with threads.a_query():
                rows = getattr(self.duckdb_connection, method)(*arguments, **options)
        except RuntimeError:  # DuckDB's at Ctrl-C
            untouched.failed(self._key)
            raise
        except duckdb.Error as error:
            untouched.failed(self._key)
            end = self._interruption(before, error)
            if end is None:
                raise
        else:
            if method in TO_THE_END or (method in ROWS and not rows):
                self._has_ended()
            return rows
        raise end

    def _has_ended(self) -> None:
        """Nothing is left of the latest query."""
        self._is_read = False
        untouched.ended(self._key)

    def __getattr__(self, name: str) -> Any:
        if name in TO_THE_END or name in ROWS or name in STREAMS:
            return partial(self._fetch, name)
        return getattr(self.duckdb_connection, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.duckdb_connection)})

    @property
    def __class__(self) -> type:  # what isinstance asks
        return duckdb.DuckDBPyConnection

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a connection cannot be changed")


def _moves(statement: Any) -> bool:
    """Whether a statement is one of those that change settings, as ``USE`` does."""
    return isinstance(statement, duckdb.Statement) and statement.type == duckdb.StatementType.SET


def _advised(error: duckdb.Error, query: Any) -> str | None:
    """One line in place of DuckDB's error where a call of one of our functions is wrong."""
    if not isinstance(error, duckdb.BinderException | duckdb.CatalogException) or not isinstance(query, str):
        return None
    from rasteret_sql.duck.pushdown.mistakes import one_line  # with the first mistake

    return one_line(str(error), query)


def _without_excerpt(message: str, query: Any) -> str:
    """DuckDB repeats a piece of the query, which may begin or end in the middle of a secret."""
    is_secret = isinstance(query, str) and redact_text(query) != query
    return message.partition("\nLINE ")[0].rstrip() if is_secret else message


def wrapped(
    connection: duckdb.DuckDBPyConnection, *, pushes_down: bool, is_registered: bool = True
) -> duckdb.DuckDBPyConnection:
    """A connection as ``Connection``; ``pushes_down``: its SQL goes through ``pushdown`` first.

    One that is not registered yet will be by its first use, and by no other connection before that: it has to
    be the only one of its database.
    """
    if "IPython" in sys.modules:
        _follow_cells()
    made = Connection(connection, pushes_down=pushes_down, is_registered=is_registered)
    return cast(duckdb.DuckDBPyConnection, made)


def plain(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """DuckDB's own connection."""
    kind: type = type(connection)  # isinstance asks __class__, which says DuckDB's
    return cast(Any, connection).duckdb_connection if kind is Connection else connection


def _scope(frame: FrameType, statement: Any) -> Scope:
    """The variables of a frame, with GeoDataFrames that the statement names as Arrow tables."""
    text = statement.query if isinstance(statement, duckdb.Statement) else statement
    given = frame.f_locals
    return frame.f_globals, {**given, **geo_frames.named_in(text, frame.f_globals, given)}


def _within(scope: Scope, call: Callable[[], Result]) -> Result:
    """Call as if from there: DuckDB looks for the tables that a query names in its caller's variables."""
    variables, own = scope
    return cast(Result, eval(_CALL, variables, {**own, "__rasteret_call__": call}))


@lru_cache(maxsize=1)
def _follow_cells() -> None:
    """In a notebook the query of a relation has ended at the end of the cell that shows it."""
    from IPython.core.getipython import get_ipython

    if (shell := get_ipython()) is not None:
        shell.events.register("post_run_cell", _cell_has_ended)


def _cell_has_ended(result: Any = None) -> None:
    for connection in list(_open):
        if not connection._is_read and not threads.active:
            connection._has_ended()
