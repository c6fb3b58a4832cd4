"""A DuckDB connection that gives conditions on STAC searches to the catalogue: what ``connect()`` returns."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from types import FrameType, TracebackType
from typing import Any, TypeVar, cast
from weakref import WeakSet

import duckdb

from rasteret_sql.duck import threads, untouched
from rasteret_sql.duck.pushdown import pushdown
from rasteret_sql.redaction import redact_text

Result = TypeVar("Result")
TO_THE_END = frozenset(
    {"close", "complete", "df", "fetch_arrow_table", "fetch_df", "fetchall", "fetchdf", "fetchnumpy", "pl"}
    | {"tf", "to_arrow_table", "torch"}
)
"""Methods after which the query has ended."""
ROWS = frozenset({"fetchone", "fetchmany"})
"""Methods after which it has ended when there was nothing left."""
WRITING = re.compile(r"\s*(create|insert|copy|update|delete|merge)\b", re.IGNORECASE)
"""Statements that have ended when they give their answer."""
_open: WeakSet[PushdownConnection] = WeakSet()
_CALL = compile("__rasteret_call__()", "<with the caller's variables>", "eval")


class PushdownConnection:
    """Everything of a ``duckdb.DuckDBPyConnection``, whose SQL goes through ``pushdown`` first.

    It is one for ``isinstance``. ``duckdb_connection`` is the plain one, for code in C that takes no other
    (``duckdb.sql(…, connection=…)``), or to query without pushdown.
    """

    __slots__ = ("__weakref__", "_is_read", "duckdb_connection")

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.duckdb_connection = connection
        self._is_read = False
        _open.add(self)

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

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return with_pushdown(self.duckdb_connection.cursor())

    def duplicate(self) -> duckdb.DuckDBPyConnection:
        return with_pushdown(self.duckdb_connection.duplicate())

    def _run(self, method: str, query: Any, parameters: Any, options: dict[str, Any]) -> Any:
        """Call a method with the rewritten query; a statement that is parsed already stays as it is."""
        text = pushdown(query, parameters) if isinstance(query, str) else query
        self._has_ended()
        call = partial(getattr(self.duckdb_connection, method), text, **options)
        try:
            result = _in_frame_of(sys._getframe(2), call)
        except duckdb.Error as error:
            untouched.failed(self._key)
            shown = redact_text(_without_excerpt(str(error), query))
            if shown == str(error):
                raise
            clean = type(error)(shown)
        else:
            self._is_read = method == "execute"
            if method != "execute" or (isinstance(query, str) and WRITING.match(query)):
                self._has_ended()
            return self if result is self.duckdb_connection else result
        raise clean  # out here, so that no context has the text

    def __enter__(self) -> PushdownConnection:
        self.duckdb_connection.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self.duckdb_connection.__exit__(kind, error, trace)

    @property
    def _key(self) -> str | None:
        return untouched.key_of(self.duckdb_connection)

    def _fetch(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method that reads from the open result."""
        try:
            found = getattr(self.duckdb_connection, method)(*arguments, **options)
        except duckdb.Error:
            untouched.failed(self._key)
            raise
        if method in TO_THE_END or not found:
            self._has_ended()
        return found

    def _has_ended(self) -> None:
        """Nothing is left of the latest query."""
        self._is_read = False
        untouched.ended(self._key)

    def __getattr__(self, name: str) -> Any:
        if name in TO_THE_END or name in ROWS:
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


def _without_excerpt(message: str, query: Any) -> str:
    """DuckDB repeats a piece of the query, which may begin or end in the middle of a secret."""
    is_secret = isinstance(query, str) and redact_text(query) != query
    return message.partition("\nLINE ")[0].rstrip() if is_secret else message


def with_pushdown(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection whose SQL goes through ``pushdown``."""
    if "IPython" in sys.modules:
        _follow_cells()
    return cast(duckdb.DuckDBPyConnection, PushdownConnection(connection))


def plain(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection itself, without pushdown."""
    kind: type = type(connection)  # isinstance asks __class__, which says DuckDB's
    return cast(Any, connection).duckdb_connection if kind is PushdownConnection else connection


def _in_frame_of(frame: FrameType, call: Callable[[], Result]) -> Result:
    """Call as if from ``frame``: DuckDB looks for the tables that a query names in its caller's variables."""
    return cast(Result, eval(_CALL, frame.f_globals, {**frame.f_locals, "__rasteret_call__": call}))


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
