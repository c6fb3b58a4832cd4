"""Parts as Parquet files: each written whole, under a name that says what it holds, and never twice."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rasteret_sql.duck.quoting import file_pattern, quoted
from rasteret_sql.parts.connections import new_cursor
from rasteret_sql.parts.index_files import IS_URL, require_unchanged
from rasteret_sql.parts.part import ERROR

if TYPE_CHECKING:
    import duckdb

    from rasteret_sql.parts.part import Part

OPTIONS = "FORMAT parquet, COMPRESSION zstd, GEOPARQUET_VERSION 'NONE'"


class Written(NamedTuple):
    """What became of one part."""

    file: str
    row_count: int
    failed_count: int
    """Rows with ``error``."""
    was_there: bool
    """The file had been written by an earlier run."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of all parts; ``str`` is the text for people."""

    files: tuple[str, ...]
    row_count: int
    failed_count: int
    """Rows of assets that could not be read, with the reason in ``error``."""
    kept_count: int
    """Files of an earlier run."""

    @classmethod
    def of(cls, written: Iterable[Written]) -> Run:
        """The sums, in the order of the files' names."""
        done = sorted(written)
        return cls(
            files=tuple(one.file for one in done),
            row_count=sum(one.row_count for one in done),
            failed_count=sum(one.failed_count for one in done),
            kept_count=sum(one.was_there for one in done),
        )

    def __str__(self) -> str:
        return (
            f"{self.row_count:,} rows in {len(self.files):,} files ({self.kept_count:,} of an earlier run); "
            f"{self.failed_count:,} rows failed"
        )


def write_part(part: Part, folder: str) -> Written:
    """Write a part into a folder (local, shared or of an object store) unless its file is there already.

    A local file appears under its name when it is whole; an object does so by itself.
    """
    file = _joined(folder, f"part-{part.number:05}-{_digest(part)}.parquet")
    with closing(new_cursor(part.session)) as cursor:
        if _exists(cursor, file):
            return _written(cursor, part, file, was_there=True)
        require_unchanged(cursor, {rows.file for rows in part.rows})
        part.prepare(cursor)
        if IS_URL.match(file):
            cursor.execute(f"COPY ({part.sql}) TO {quoted(file)} ({OPTIONS})")
        else:
            _write_beside(cursor, part.sql, Path(file))
        return _written(cursor, part, file, was_there=False)


def _digest(part: Part) -> str:
    """Of what decides about the rows: another query or index writes other files."""
    tables = sorted((name, table if isinstance(table, str) else "") for name, table in part.tables.items())
    facts = (part.sql, part.rows, part.near, tables)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _joined(folder: str, name: str) -> str:
    if IS_URL.match(folder):
        return f"{folder.rstrip('/')}/{name}"
    Path(folder).mkdir(parents=True, exist_ok=True)
    return str(Path(folder).absolute() / name)


def _exists(cursor: duckdb.DuckDBPyConnection, file: str) -> bool:
    if not IS_URL.match(file):
        return os.path.exists(file)
    return bool(cursor.execute(f"FROM glob({file_pattern(file)})").fetchall())


def _write_beside(cursor: duckdb.DuckDBPyConnection, sql: str, file: Path) -> None:
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    try:
        cursor.execute(f"COPY ({sql}) TO {quoted(beside)} ({OPTIONS})").fetchall()
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _written(cursor: duckdb.DuckDBPyConnection, part: Part, file: str, *, was_there: bool) -> Written:
    source = f"read_parquet({file_pattern(file)})"
    names = {row[0].lower() for row in cursor.execute(f"DESCRIBE FROM {source}").fetchall()}
    failed = f"count({ERROR})" if ERROR in names else "0"
    ((rows, failures),) = cursor.execute(f"SELECT count(*), {failed} FROM {source}").fetchall()
    return Written(file, rows, failures, was_there)
