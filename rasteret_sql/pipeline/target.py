"""Where an index lives: a table of the connection, or a Parquet file. Both keep what each batch gave."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rasteret_sql.duck.quoting import file_pattern, name, name_parts, quoted
from rasteret_sql.errors import ArgumentError, MalformedError
from rasteret_sql.pipeline.lock import locked, table_locked
from rasteret_sql.pipeline.replace import local_path
from rasteret_sql.pipeline.search import KEY, Search, searches_in, searches_text
from rasteret_sql.pipeline.write import write_index

if TYPE_CHECKING:
    import duckdb

SAME = "t.id = s.id AND t.band = s.band AND t.collection IS NOT DISTINCT FROM s.collection"
"""One asset of one item."""
KEYS = ("collection", "id", "band")
OWN_COLUMNS = "hive_partitioning := false"
"""An index below a folder such as ``band=red`` holds what its file holds."""
KNOWN = "collection, id, band, href, updated, etag, file_size, error"


class Target(Protocol):
    """An index that grows. A batch that was added stays, whatever happens afterwards."""

    def known(self) -> str:
        """A query that gives the columns ``KNOWN``, one row per asset; none where there is no index yet."""

    def rows(self) -> str:
        """What stands behind FROM to read the whole index."""

    def locked(self, wait: float) -> AbstractContextManager[None]:
        """Nobody else writes the index as long as this lasts; ``BusyError`` after ``wait`` seconds."""

    def searches(self) -> tuple[Search, ...]:
        """The searches that it was built from."""

    def add(self, query: str) -> None:
        """The rows of an index that a query gives, in place of those with the same keys."""

    def drop(self, keys: str) -> None:
        """Take the rows away whose collection, id and band a query gives."""

    def finish(self, searches: tuple[Search, ...]) -> None:
        """All is there; ``searches`` say from where."""


def target_of(connection: duckdb.DuckDBPyConnection, target: str | os.PathLike[str]) -> Target:
    """A path that ends in ``.parquet``, else the name of a table."""
    given = os.fspath(target)
    if not given.lower().endswith(".parquet"):
        return TableTarget(connection, given)
    if "://" in given:
        raise ArgumentError(
            f"{given}: an index is kept up to date in a table or a local file; "
            "keep it there, and copy the file to the object store when it is done"
        )
    return ParquetTarget(connection, local_path(given))


def _require(columns: set[str], where: str) -> None:
    missing = {"id", "collection", "band", "href", "updated", "error"} - columns
    if missing:
        raise ArgumentError(
            f"{where} is not an index that can be kept up to date: "
            f"it has no column {', '.join(sorted(missing))}; cog_index and build_index write them"
        )


class TableTarget:
    """A table; columns that the user added stay as they are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, target: str) -> None:
        self._connection, self._given = connection, target
        self._parts = name_parts(target)

    def rows(self) -> str:
        return ".".join(map(name, self._place() or self._parts))

    def _place(self) -> tuple[str, str, str] | None:
        """Database, schema and name of the table or view, as the catalogue has it; None without one."""
        *where, table = self._parts
        condition = {
            0: "true",
            1: "lower({0}) IN (lower(schema_name), lower(database_name))",
            2: "lower({0}) = lower(database_name) AND lower({1}) = lower(schema_name)",
        }[len(where)].format(*map(quoted, where))
        row: tuple[str, str, str] | None = self._connection.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_columns() "
            f"WHERE lower(table_name) = lower({quoted(table)}) AND {condition} "
            "ORDER BY database_name = 'temp' DESC, database_name = current_database() DESC, "
            "schema_name = current_schema() DESC LIMIT 1"
        ).fetchone()
        return row

    def _exists(self) -> bool:
        place = self._place()
        if place is None:
            return False
        columns = self._connection.execute(
            "SELECT column_name FROM duckdb_columns() "
            f"WHERE (database_name, schema_name, table_name) = ({', '.join(map(quoted, place))})"
        )
        _require({row[0] for row in columns.fetchall()}, f"the table {self.rows()}")
        return True

    def known(self) -> str:
        return f"SELECT {KNOWN} FROM {self.rows()}" if self._exists() else ""

    def searches(self) -> tuple[Search, ...]:
        return searches_in(self._comment()) if self._exists() else ()

    def _comment(self) -> str | None:
        row = self._connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = "
            f"({', '.join(map(quoted, self._place() or self._parts))})"
        ).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def locked(self, wait: float) -> Iterator[None]:
        with table_locked(self._key(), self._given, wait=wait):
            yield

    def _key(self) -> str:
        """The same for every connection of this process that names this table, also before it is made."""
        database, schema, table = self._place() or self._future_place()
        row = self._connection.execute(
            f"SELECT path FROM duckdb_databases() WHERE database_name = {quoted(database)}"
        ).fetchone()
        path = row[0] if row else None
        return "\0".join([path or self._in_memory(database), schema, table]).lower()

    def _future_place(self) -> tuple[str, str, str]:
        """Where ``CREATE TABLE`` will put a table that is not there."""
        *where, table = self._parts
        database, schema, is_database = self._connection.execute(
            "SELECT current_database(), current_schema(), EXISTS (FROM duckdb_databases() "
            f"WHERE lower(database_name) = lower({quoted(where[0] if where else '')}))"
        ).fetchone() or ("", "", False)
        if len(where) == 2:
            return where[0], where[1], table
        if where:
            return (where[0], "main", table) if is_database else (database, where[0], table)
        return database, schema, table

    def _in_memory(self, database: str) -> str:
        """What tells a database in memory from others of its name: a word that it keeps."""
        import duckdb

        if database == "temp":  # of this connection alone
            return uuid.uuid4().hex
        word = f"{name(database)}.main.rasteret_database()"
        with suppress(duckdb.Error):  # another thread was faster
            self._connection.execute(f"CREATE MACRO IF NOT EXISTS {word} AS '{uuid.uuid4().hex}'")
        (kept,) = self._connection.execute(f"SELECT {word}").fetchone() or ("",)
        return str(kept)

    def add(self, query: str) -> None:
        if not self._exists():
            self._connection.execute(
                f"CREATE TABLE {'.'.join(map(name, self._parts))} AS {query} WITH NO DATA"
            )
        self._complete(query)
        self._connection.execute(
            f"MERGE INTO {self.rows()} AS t USING ({query}) AS s ON ({SAME}) "
            "WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME"
        )

    def _complete(self, query: str) -> None:
        """Columns that an index has had since, in a table from before."""
        there = {row[0] for row in self._connection.execute(f"DESCRIBE FROM {self.rows()}").fetchall()}
        for column, kind, *_ in self._connection.execute(f"DESCRIBE {query}").fetchall():
            if column not in there:
                self._connection.execute(f"ALTER TABLE {self.rows()} ADD COLUMN {name(column)} {kind}")

    def drop(self, keys: str) -> None:
        self._connection.execute(
            f"DELETE FROM {self.rows()} AS t WHERE EXISTS (FROM ({keys}) AS s WHERE {SAME})"
        )

    def finish(self, searches: tuple[Search, ...]) -> None:
        comment, text = self._comment(), searches_text(searches)
        # a user's own words stay, and a lake makes no snapshot of what was there
        if comment != text and (comment is None or KEY in comment):
            self._connection.execute(f"COMMENT ON TABLE {self.rows()} IS {quoted(text)}")


class ParquetTarget:
    """A Parquet file, and beside it the parts of a build that is under way."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._parts = path.with_name(f"{path.name}.building")

    def locked(self, wait: float) -> AbstractContextManager[None]:
        return locked(self._path, wait=wait)

    def _files(self) -> list[str]:
        """The file and its parts; of two rows with one key the later file's counts."""
        parts = sorted(map(str, self._parts.glob("part-*.parquet")))
        return ([str(self._path)] if self._path.exists() else []) + parts

    def rows(self) -> str:
        return f"read_parquet({file_pattern(self._path)}, {OWN_COLUMNS})"

    def _latest(self, columns: str) -> str:
        rank = f"list_position([{', '.join(map(quoted, self._files()))}], filename)"
        return (
            f"SELECT {columns} FROM {self._all()} "
            f"QUALIFY {rank} = max({rank}) OVER (PARTITION BY {', '.join(KEYS)})"
        )

    def _all(self) -> str:
        files = f"[{', '.join(map(file_pattern, self._files()))}]"
        return f"read_parquet({files}, filename := true, union_by_name := true, {OWN_COLUMNS})"

    def known(self) -> str:
        if not self._files():
            return ""
        if self._path.exists():
            described = self._connection.execute(f"DESCRIBE FROM {self.rows()}").fetchall()
            _require({row[0] for row in described}, str(self._path))
        return self._latest(KNOWN)

    def searches(self) -> tuple[Search, ...]:
        if not self._path.exists():
            return ()
        row = self._connection.execute(
            f"SELECT value::BLOB FROM parquet_kv_metadata({file_pattern(self._path)}) "
            f"WHERE key::BLOB = {quoted(KEY)}::BLOB"
        ).fetchone()
        return searches_in(None if row is None else row[0].decode("utf-8", "replace"))

    def add(self, query: str) -> None:
        self._parts.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(p.stem.split("-")[1]) for p in self._parts.glob("part-*.parquet")), default=0)
        part = self._parts / f"part-{number:06}.parquet"
        write_index(self._connection, query, part, ordered=False)

    def drop(self, keys: str) -> None:
        self._join(f"WHERE NOT EXISTS (FROM ({keys}) AS s WHERE {SAME})")

    def _join(self, condition: str, searches: tuple[Search, ...] | None = None) -> None:
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE rasteret_latest AS {self._latest(', '.join((*KEYS, 'filename')))}"
        )
        kept = searches_text(self.searches() if searches is None else searches)
        write_index(
            self._connection,
            "SELECT t.* EXCLUDE (filename) "
            f"FROM {self._all()} AS t "
            f"SEMI JOIN rasteret_latest AS s ON ({SAME} AND t.filename = s.filename) {condition}",
            self._path,
            metadata={KEY: kept},
        )
        shutil.rmtree(self._parts, ignore_errors=True)

    def finish(self, searches: tuple[Search, ...]) -> None:
        if not self._files():
            raise MalformedError(f"{self._path}: nothing was found, so there is no index to write")
        if self._parts.exists() or self.searches() != searches:
            self._join("", searches)
