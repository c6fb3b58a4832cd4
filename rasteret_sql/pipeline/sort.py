"""A query to a file in an order, in a memory that does not grow with the rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rasteret_sql.duck.arrow.duck_types import DuckType, declared
from rasteret_sql.duck.quoting import name
from rasteret_sql.duck.register.threads import a_query
from rasteret_sql.pipeline.copy import copy, copy_to
from rasteret_sql.pipeline.replace import local_path, name_beside, remove, replacing

if TYPE_CHECKING:
    import duckdb

    from rasteret_sql.pipeline.runs import Sorted

MEMORY = 10**9
"""Bytes of DuckDB while it compares keys and compresses. A COPY keeps up to a quarter ready for the file."""
ROW_GROUPS = 8
"""So many row groups a thread are in memory while a file is written; wide rows get more than ``MEMORY``."""
MAX_THREADS = 4
"""Each takes memory, and more of them wait for the one that merges."""
BATCH_ROWS = 2048
RETURNING = frozenset(
    {"boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"}
    | {"float", "double", "decimal", "varchar", "blob", "date", "timestamp", "timestamp with time zone"}
)
"""Types that go through Arrow and come back as they were."""
NESTED = frozenset({"list", "array", "struct", "map"})
ROWS = "rasteret_rows"


def copy_sorted(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    types: Mapping[str, str],
    keys: Sequence[str],
    path: str | os.PathLike[str],
    options: Sequence[str],
    *,
    row_group_rows: int,
) -> int:
    """COPY the columns ``types`` of a query, in the order of its further columns ``keys``; the rows.

    The query runs once, on ``connection``. What sorts and writes is a database in memory of its own, so that
    its memory can be limited; an object store is written to by ``connection``, which has the secrets.
    On DuckDB 1.5, and where a column has a type that Arrow does not give back, ``connection`` does all of it,
    in memory.
    """
    columns = ", ".join(map(name, types))
    if loses_errors() or not all(map(_crosses, types.values())):
        ordered = f"SELECT {columns} FROM ({query}) ORDER BY {', '.join(map(name, keys))}"
        return copy_to(connection, ordered, path, options)
    there = ", ".join([*(_there(column, kind) for column, kind in types.items()), *map(name, keys)])
    back = ", ".join(_back(column, kind) for column, kind in types.items())
    with _place(path) as (target, folder, is_ours), _sorter(connection, folder) as sorter:
        if is_ours:  # whether this connection may write there
            copy(connection, "SELECT NULL AS allowed", target, ["FORMAT parquet"])
        rows, row_bytes = _sorted(connection, f"SELECT {there} FROM ({query})", keys, sorter, folder)
        _limit(sorter, row_bytes * row_group_rows)
        writer = sorter if is_ours else connection
        writer.register(ROWS, rows)
        try:
            return copy(writer, f"SELECT {back} FROM {ROWS}", target, options)
        finally:
            writer.unregister(ROWS)


def loses_errors() -> bool:
    """Whether this DuckDB may say "Interrupted!" in place of the error that ended a streamed query."""
    import duckdb

    return duckdb.__version__.startswith("1.")


def _crosses(kind: str) -> bool:
    """Whether a column of this type can be sorted outside of DuckDB."""
    if kind == "JSON" or _is_geometry(kind):
        return True
    try:
        return _returns(declared(kind))
    except SyntaxError:
        return False


def _returns(kind: DuckType) -> bool:
    if kind.id in NESTED:
        return all(map(_returns, kind.children.values()))
    return kind.id in RETURNING and kind.text != "JSON"


def _is_geometry(kind: str) -> bool:
    return kind.startswith("GEOMETRY") and not kind.endswith("]")


def _there(column: str, kind: str) -> str:
    if kind == "JSON":
        return f"{name(column)}::VARCHAR AS {name(column)}"
    return f"ST_AsWKB({name(column)}) AS {name(column)}" if _is_geometry(kind) else name(column)


def _back(column: str, kind: str) -> str:
    value = f"ST_GeomFromWKB({name(column)})" if _is_geometry(kind) else name(column)
    return f"{value}::{kind} AS {name(column)}"


@contextmanager
def _place(path: str | os.PathLike[str]) -> Iterator[tuple[str | Path, Path, bool]]:
    """Where to write, a folder's name for what lies in between, and whether this process writes the file."""
    if "://" in os.fspath(path):
        with tempfile.TemporaryDirectory(prefix="rasteret-") as folder:
            yield os.fspath(path), Path(folder, "runs"), False
        return
    with replacing(local_path(path)) as target:
        if target.exists():  # such as /dev/stdout
            with tempfile.TemporaryDirectory(prefix="rasteret-") as folder:
                yield target, Path(folder, "runs"), False
            return
        folder_beside = name_beside(Path(os.path.realpath(local_path(path))))
        try:
            yield target, folder_beside, True
        finally:
            remove(folder_beside)


@contextmanager
def _sorter(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with as many threads as that of ``connection``, up to ``MAX_THREADS``."""
    import duckdb

    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    config = {
        "memory_limit": f"{MEMORY}B",
        "threads": min(threads, MAX_THREADS),
        "temp_directory": str(folder / "keys"),
    }
    with duckdb.connect(config=config) as sorter:
        yield sorter


def _limit(sorter: duckdb.DuckDBPyConnection, row_group_bytes: int) -> None:
    """Memory for writing row groups of so many bytes."""
    ((threads,),) = sorter.execute("SELECT current_setting('threads')").fetchall()
    sorter.execute(f"SET memory_limit = '{max(MEMORY, ROW_GROUPS * threads * row_group_bytes)}B'")


def _sorted(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    keys: Sequence[str],
    sorter: duckdb.DuckDBPyConnection,
    folder: Path,
) -> Sorted:
    import pyarrow as pa

    from rasteret_sql.pipeline.runs import sorted_rows

    relation = connection.sql(query)
    try:
        with a_query(), relation.to_arrow_reader(BATCH_ROWS) as rows:
            return sorted_rows(rows, keys, by=sorter, folder=folder)
    except (pa.ArrowException, OSError) as error:
        raise _error_of(error) from None


def _error_of(error: Exception) -> Exception:
    """The error that DuckDB would have raised: an Arrow stream has nothing but its text."""
    import duckdb

    kind, name, _ = str(error).partition(" Error: ")
    names = {one.lower(): one for one in dir(duckdb) if one.endswith("Exception")}
    known = names.get(f"{kind.replace(' ', '')}exception".lower())
    if not name or known is None:
        return error
    raised: Exception = getattr(duckdb, known)(str(error))
    return raised
