"""A call of a table function, given as keys and values (in YAML, say), and its rows at every scan."""

from __future__ import annotations

import ast
import datetime
import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from rasteret_sql.duck.declarations import Function, functions
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.duck.register.registration import register
from rasteret_sql.errors import ArgumentError

FUNCTION = "function"
"""The key that names the table function."""
LISTS = frozenset({"bbox", "ids", "collections", "assets"})
"""Arguments whose value may be a list in text, ``'[11.9, 47.8, 12.2, 48.1]'``: templates yield text."""


class Rows:
    """The rows of a query, run anew at every scan: DuckDB reads any object with an Arrow stream.

    connection: called for the connection of a scan, which makes a cursor of it, so several threads may read.
    """

    def __init__(self, connection: Callable[[], duckdb.DuckDBPyConnection], query: str) -> None:
        self.query = query
        self._connection = connection

    def __arrow_c_schema__(self) -> object:
        """Column names and types, without a search: no row is requested."""
        return self._read(f"{self.query} LIMIT 0").schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._read(self.query).__arrow_c_stream__(requested_schema)

    def _read(self, query: str) -> Any:
        with self._connection().cursor() as cursor:
            register(cursor)
            return cursor.sql(query).to_arrow_table()


def call_of(function: str, values: Mapping[str, Any], *, place: str) -> str:
    """``FROM stac_search('…', bbox := [...])`` of keys and values; ``place`` says where they stand.

    Raises ``ArgumentError``, which begins with ``place``, for a function, key or value that makes no sense.
    """
    declared = _declared(function, place)
    names = [parameter.name for parameter in declared.parameters]
    for key in values:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ArgumentError(
                f"{place}: {declared.name} has no argument {key!r}; it takes {', '.join(names)}.{hint}"
            )
    arguments = []
    for parameter in declared.parameters:
        value = values.get(parameter.name)
        if value is None and parameter.default is None:
            raise ArgumentError(f"{place}: {declared.name} needs {parameter.name!r}: {parameter.description}")
        if value is not None:
            prefix = "" if parameter.default is None else f"{parameter.name} := "
            arguments.append(prefix + _literal(parameter.name, value, place))
    return f"FROM {declared.name}({', '.join(arguments)})"


def _declared(name: str, place: str) -> Function:
    tables = {each.name: each for each in functions() if each.public and each.kind == "table"}
    if name not in tables:
        raise ArgumentError(
            f"{place}: {FUNCTION} is {name!r}; it must be a table function: {', '.join(tables)}."
        )
    return tables[name]


def _literal(key: str, value: Any, place: str) -> str:
    """A value of YAML as SQL; a mapping is GeoJSON or a filter, and stays JSON text."""
    if isinstance(value, str) and key in LISTS and value.lstrip().startswith("["):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError) as error:
            raise ArgumentError(
                f"{place}: {key} is {value!r}; a list was expected, such as [1, 2] or ['a', 'b']."
            ) from error
    match value:
        case bool() | int() | float():
            return json.dumps(value)
        case list():
            return f"[{', '.join(_literal('', each, place) for each in value)}]"
        case Mapping():
            return quoted(json.dumps(value, default=str))
        case datetime.date() | datetime.datetime():
            return quoted(value.isoformat())
        case str():
            return quoted(value)
    raise ArgumentError(
        f"{place}: {key} is a {type(value).__name__}; text, a number, a list or a mapping was expected."
    )
