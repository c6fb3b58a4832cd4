"""A DuckDB connection that gives conditions on STAC searches to the catalogue: what ``connect()`` returns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType
from typing import Any, TypeVar, cast

import duckdb

from rasteret_sql.duck.pushdown import pushdown
from rasteret_sql.redaction import redact_text

Result = TypeVar("Result")
_CALL = compile("__rasteret_call__()", "<with the caller's variables>", "eval")


class PushdownConnection:
    """Everything of a ``duckdb.DuckDBPyConnection``, whose SQL goes through ``pushdown`` first.

    It is one for ``isinstance``. ``duckdb_connection`` is the plain one, for code in C that takes no other
    (``duckdb.sql(…, connection=…)``), or to query without pushdown.
    """

    __slots__ = ("__weakref__", "duckdb_connection")

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.duckdb_connection = connection

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
        call = partial(getattr(self.duckdb_connection, method), text, **options)
        try:
            result = _in_frame_of(sys._getframe(2), call)
        except duckdb.Error as error:
            shown = redact_text(_without_excerpt(str(error), query))
            if shown == str(error):
                raise
            clean = type(error)(shown)
        else:
            return self if result is self.duckdb_connection else result
        raise clean  # out here, so that no context has the text

    def __enter__(self) -> PushdownConnection:
        self.duckdb_connection.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self.duckdb_connection.__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
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
    return cast(duckdb.DuckDBPyConnection, PushdownConnection(connection))


def plain(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection itself, without pushdown."""
    kind: type = type(connection)  # isinstance asks __class__, which says DuckDB's
    return cast(Any, connection).duckdb_connection if kind is PushdownConnection else connection


def _in_frame_of(frame: FrameType, call: Callable[[], Result]) -> Result:
    """Call as if from ``frame``: DuckDB looks for the tables that a query names in its caller's variables."""
    return cast(Result, eval(_CALL, frame.f_globals, {**frame.f_locals, "__rasteret_call__": call}))
