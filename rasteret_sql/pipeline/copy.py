"""A query to a file, which is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.pipeline.replace import local_path, replacing

if TYPE_CHECKING:
    import duckdb


def copy_to(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: str | os.PathLike[str],
    options: Sequence[str],
) -> int:
    """COPY a query to a file (or a folder of partitions), which is there whole or not at all; the rows."""
    if "://" in os.fspath(path):  # an object is there when it is whole
        return copy(connection, query, os.fspath(path), options)
    with replacing(local_path(path)) as beside:
        return copy(connection, query, beside, options)


def copy(
    connection: duckdb.DuckDBPyConnection, query: str, path: str | os.PathLike[str], options: Sequence[str]
) -> int:
    """COPY a query to what has this name; the rows."""
    row = connection.execute(f"COPY ({query}) TO {quoted(os.fspath(path))} ({', '.join(options)})").fetchone()
    return int(row[0]) if row else 0
