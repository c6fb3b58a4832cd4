"""Chips as files: what RS_AsGeoTiff, RS_AsNPY and RS_AsPNG give, each file there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from rasteret_sql.errors import ArgumentError
from rasteret_sql.pipeline.replace import local_path, replacing
from rasteret_sql.pipeline.write import columns_of, query_of
from rasteret_sql.store.redact import display_href

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 16
"""Files in memory between DuckDB and the disk."""


def write_files(connection: duckdb.DuckDBPyConnection, query: str, folder: str | os.PathLike[str]) -> int:
    """Write the rows of ``query``, a name and a BLOB each, as files of a folder; how many there were.

    A file is written beside, flushed to the disk and renamed, so that the old one or the new one is there
    whatever ends the run. Names may have folders before them, which are made. Rows without a BLOB are left
    out. Raises ``ArgumentError`` for other columns, and for a name that is not a file below the folder: names
    often come from a catalogue.
    """
    rows = query_of(query)
    types = list(columns_of(connection, rows).values())
    if types != ["VARCHAR", "BLOB"]:
        raise ArgumentError(
            f"write_files: the columns are {', '.join(types)}; expected a name (VARCHAR) and a file (BLOB), "
            "such as SELECT id || '.tif', RS_AsGeoTiff(c)"
        )
    into = Path(os.path.realpath(local_path(folder)))
    cursor = connection.execute(f"FROM {rows}")
    count = 0
    while found := cursor.fetchmany(AT_ONCE):
        for name, data in found:
            if data is not None:
                _write(_below(into, name), data)
                count += 1
    return count


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_bytes(data)


def _below(folder: Path, name: str | None) -> Path:
    """The file of that name; links and ``..`` lead out of no folder, on no system."""
    if name and _is_relative(name):
        path = folder / name
        if os.path.realpath(path).startswith(f"{folder}{os.sep}"):
            return path
    raise ArgumentError(f"write_files: {display_href(str(name))!r} is not the name of a file below {folder}")


def _is_relative(name: str) -> bool:
    windows = PureWindowsPath(name)  # takes / for \\, too
    return (
        "\0" not in name
        and not name.endswith(("/", "\\"))
        and ".." not in windows.parts
        and not (windows.anchor or PurePosixPath(name).is_absolute())
    )
