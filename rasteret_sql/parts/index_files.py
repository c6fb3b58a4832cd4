"""The Parquet files of an index, and whether they are still those that a query was cut over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rasteret_sql.duck.quoting import file_pattern, quoted
from rasteret_sql.errors import ArgumentError, NotFoundError, StaleError, TransportError
from rasteret_sql.redaction import RedactedRepr, redact

if TYPE_CHECKING:
    import duckdb

IS_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
OWN_COLUMNS = "hive_partitioning := false"
"""A file below a folder such as ``band=red`` holds what it holds."""


@dataclass(frozen=True, kw_only=True, repr=False)
class IndexFile(RedactedRepr):
    """One file as it was."""

    path: str
    state: str
    """ETag and size of an object; time of the last change and size of a local file."""

    def rows(self, extra: str = "") -> str:
        """What stands behind FROM to read it."""
        return f"read_parquet({file_pattern(self.path)}, {OWN_COLUMNS}{extra})"


def index_files(connection: duckdb.DuckDBPyConnection, index: object) -> tuple[IndexFile, ...]:
    """The files that a path, a glob or a list of them names, in the order of their names."""
    given = [index] if isinstance(index, str | os.PathLike) else index
    if (
        not isinstance(given, Sequence)
        or not given
        or not all(isinstance(one, str | os.PathLike) for one in given)
    ):
        raise ArgumentError(
            f"split: index must be the path of a Parquet file, a glob or a list of them, found {index!r}"
        )
    paths = list(dict.fromkeys(path for one in given for path in _paths(connection, os.fspath(one))))
    states = states_of(connection, paths)
    return tuple(IndexFile(path=path, state=states[path]) for path in paths)


def _paths(connection: duckdb.DuckDBPyConnection, given: str) -> list[str]:
    absolute = given if IS_URL.match(given) else str(Path(given).absolute())
    if os.path.exists(absolute) or not re.search(r"[*?\[]", given):
        return [absolute]
    found = connection.execute(f"SELECT file FROM glob({quoted(absolute)}) ORDER BY file").fetchall()
    if not found:
        raise NotFoundError(f"split: no file of an index matches {redact(given)}")
    return [row[0] for row in found]


def states_of(connection: duckdb.DuckDBPyConnection, paths: Iterable[str]) -> dict[str, str]:
    """What tells whether a file has changed, by path; one request of one byte for each object."""
    local = {path: _local_state(path) for path in paths if not IS_URL.match(path)}
    remote = [path for path in paths if IS_URL.match(path)]
    if not remote:
        return local
    listed = ", ".join(map(quoted, remote))
    rows = connection.execute(
        "SELECT p, state.etag, state.size, state.error FROM (SELECT p, "
        f"_rasteret_ok(_rasteret_file_states(p)) AS state FROM (SELECT unnest([{listed}]) AS p))"
    ).fetchall()
    for path, _, _, error in rows:
        if error is not None:
            raise TransportError(f"split: the index {redact(path)} cannot be read: {error}")
    return {**local, **{path: f"{etag} {size}" for path, etag, size, _ in rows}}


def _local_state(path: str) -> str:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise NotFoundError(f"split: there is no index {path}") from None
    return f"{found.st_mtime_ns} {found.st_size}"


def require_unchanged(connection: duckdb.DuckDBPyConnection, files: Iterable[IndexFile]) -> None:
    """``StaleError`` where a file is not the one that the query was cut over."""
    known = {file.path: file.state for file in files}
    for path, state in states_of(connection, known).items():
        if state != known[path]:
            raise StaleError(
                f"Part: the index {redact(path)} changed since the query was cut into parts "
                f"(was {known[path]}, is {state}): rows may be missing or be read twice, so call split again"
            )
