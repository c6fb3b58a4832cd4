"""Where an index lives: a table of the connection, or a Parquet file. Both keep what each batch gave."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rasteret_sql.duck.quoting import name, quoted, table_name
from rasteret_sql.errors import ArgumentError, MalformedError
from rasteret_sql.pipeline.search import KEY, Search, searches_in, searches_text
from rasteret_sql.pipeline.write import write_index

if TYPE_CHECKING:
    import duckdb

SAME = "t.id = s.id AND t.band = s.band AND t.collection IS NOT DISTINCT FROM s.collection"
"""One asset of one item."""
KEYS = ("collection", "id", "band")
KNOWN = "collection, id, band, href, updated, etag, file_size, error"


class Target(Protocol):
    """An index that grows. A batch that was added stays, whatever happens afterwards."""

    def known(self) -> str:
        """A query that gives the columns ``KNOWN``, one row an asset; none where there is no index yet."""

    def rows(self) -> str:
        """What stands behind FROM to read the whole index."""

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
    return ParquetTarget(connection, Path(given))


def _require(columns: set[str], where: str) -> None:
    missing = {"id", "collection", "band", "href", "updated", "error"} - columns
    if missing:
        raise ArgumentError(
            f"{where} is no index that can be kept up to date: "
            f"it has no column {', '.join(sorted(missing))}; cog_index and build_index write them"
        )


class TableTarget:
    """A table; columns that the user added stay as they are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, target: str) -> None:
        self._connection, self._name = connection, table_name(target)

    def rows(self) -> str:
        return self._name

    def _exists(self) -> bool:
        import duckdb

        try:
            columns = {row[0] for row in self._connection.execute(f"DESCRIBE {self._name}").fetchall()}
        except duckdb.CatalogException:
            return False
        _require(columns, f"the table {self._name}")
        return True

    def known(self) -> str:
        return f"SELECT {KNOWN} FROM {self._name}" if self._exists() else ""

    def searches(self) -> tuple[Search, ...]:
        return searches_in(self._comment()) if self._exists() else ()

    def _comment(self) -> str | None:
        *schema, table = self._name.replace('"', "").split(".")
        where = f"AND schema_name = {quoted(schema[-1])}" if schema else ""
        row = self._connection.execute(
            f"SELECT comment FROM duckdb_tables() WHERE table_name = {quoted(table)} {where}"
        ).fetchone()
        return None if row is None else row[0]

    def add(self, query: str) -> None:
        if not self._exists():
            self._connection.execute(f"CREATE TABLE {self._name} AS {query} WITH NO DATA")
        self._complete(query)
        self._connection.execute(
            f"MERGE INTO {self._name} AS t USING ({query}) AS s ON ({SAME}) "
            "WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME"
        )

    def _complete(self, query: str) -> None:
        """Columns that an index has had since, in a table from before."""
        there = {row[0] for row in self._connection.execute(f"DESCRIBE {self._name}").fetchall()}
        for column, kind, *_ in self._connection.execute(f"DESCRIBE {query}").fetchall():
            if column not in there:
                self._connection.execute(f"ALTER TABLE {self._name} ADD COLUMN {name(column)} {kind}")

    def drop(self, keys: str) -> None:
        self._connection.execute(
            f"DELETE FROM {self._name} AS t WHERE EXISTS (FROM ({keys}) AS s WHERE {SAME})"
        )

    def finish(self, searches: tuple[Search, ...]) -> None:
        comment = self._comment()
        if comment is None or KEY in comment:  # a user's own words stay
            self._connection.execute(f"COMMENT ON TABLE {self._name} IS {quoted(searches_text(searches))}")


class ParquetTarget:
    """A Parquet file, and beside it the parts of a build that is under way."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._parts = path.with_name(f"{path.name}.building")

    def _files(self) -> list[str]:
        """The file and its parts; of two rows with one key the later file's counts."""
        parts = sorted(map(str, self._parts.glob("part-*.parquet")))
        return ([str(self._path)] if self._path.exists() else []) + parts

    def rows(self) -> str:
        return f"read_parquet({quoted(self._path)})"

    def _latest(self, columns: str) -> str:
        files = f"[{', '.join(map(quoted, self._files()))}]"
        rank = f"list_position({files}, filename)"
        return (
            f"SELECT {columns} FROM read_parquet({files}, filename := true, union_by_name := true) "
            f"QUALIFY {rank} = max({rank}) OVER (PARTITION BY {', '.join(KEYS)})"
        )

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
            f"SELECT value::BLOB FROM parquet_kv_metadata({quoted(self._path)}) "
            f"WHERE key::BLOB = {quoted(KEY)}::BLOB"
        ).fetchone()
        return searches_in(None if row is None else row[0].decode())

    def add(self, query: str) -> None:
        self._parts.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(p.stem.split("-")[1]) for p in self._parts.glob("part-*.parquet")), default=0)
        part = self._parts / f"part-{number:06}.parquet"
        write_index(self._connection, query, part.with_suffix(".tmp"), ordered=False)
        os.replace(part.with_suffix(".tmp"), part)

    def drop(self, keys: str) -> None:
        gone = self._path.with_suffix(".kept.tmp")
        self._join(f"WHERE NOT EXISTS (FROM ({keys}) AS s WHERE {SAME})", gone)

    def _join(self, condition: str, path: Path, searches: tuple[Search, ...] | None = None) -> None:
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE rasteret_latest AS {self._latest(', '.join((*KEYS, 'filename')))}"
        )
        files = f"[{', '.join(map(quoted, self._files()))}]"
        kept = searches_text(self.searches() if searches is None else searches)
        write_index(
            self._connection,
            "SELECT t.* EXCLUDE (filename) "
            f"FROM read_parquet({files}, filename := true, union_by_name := true) AS t "
            f"SEMI JOIN rasteret_latest AS s ON ({SAME} AND t.filename = s.filename) {condition}",
            path,
            metadata={KEY: kept},
        )
        os.replace(path, self._path)
        shutil.rmtree(self._parts, ignore_errors=True)

    def finish(self, searches: tuple[Search, ...]) -> None:
        if not self._files():
            raise MalformedError(f"{self._path}: nothing was found, so there is no index to write")
        if self._parts.exists() or self.searches() != searches:
            self._join("", self._path.with_suffix(".new.tmp"), searches)
