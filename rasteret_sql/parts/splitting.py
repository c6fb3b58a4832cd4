"""Cuts a query along the rows of its index into parts that read about as many bytes each."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.connections import new_cursor
from rasteret_sql.parts.cutting import (
    Range,
    cut_ranges,
    find_groups,
    use_index,
    use_planned_rows,
    weigh_groups,
)
from rasteret_sql.parts.failures import with_failures_as_rows
from rasteret_sql.parts.index_files import IS_URL, IndexFile, index_files
from rasteret_sql.parts.near import near_of
from rasteret_sql.parts.part import ERROR, INDEX, Near, Part, Rows, Table, use_tables
from rasteret_sql.parts.parts import Parts
from rasteret_sql.parts.separable import require_separable
from rasteret_sql.parts.session import Session
from rasteret_sql.parts.syntax import parsed
from rasteret_sql.parts.weigh import weigh
from rasteret_sql.settings import byte_count_of

if TYPE_CHECKING:
    import duckdb

DEFAULT_BYTES = 512 << 20
"""Of tiles in one part."""
MAX_RANGES = 8
"""Of one part, so that it stays small."""
NO_ROWS = Range(part=0, file=0, first=0, last=-1, row_count=0, byte_count=0, tile_count=0, box=(None,) * 4)
"""The only part of a query that has no rows to read; it tells the columns."""
ON_ERROR = ("null", "fail")


def split(
    sql: str,
    *,
    index: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    by: str | None = "id",
    parts: int | None = None,
    bytes: int | str | None = None,
    tables: Mapping[str, Table | os.PathLike[str]] | None = None,
    near: str | None = None,
    session: Session | None = None,
    reduce: str | None = None,
    on_error: str | None = None,
) -> Parts:
    """Cut ``sql`` along the rows of its index, which it calls ``idx``, into independent parts.

    The parts together give the rows of the query, in no order; what cannot be put together like that (ORDER
    BY, LIMIT, aggregates over rows of several parts) is refused with the reason. No pixel is read.

    index: Parquet files that ``write_index`` wrote: a path, a glob, or a list, local or at a URL that DuckDB
    reads (``Session(init=["LOAD httpfs"])``). A part is a range of their rows.
    by: the column whose equal values stay in one part, such as all bands of a scene; None for none. Such rows
    have to lie together in the file.
    parts, bytes: how many parts, or how many bytes of tiles one of them reads (``'256 MB'``); 512 MiB by
    default. Parts are alike by bytes, which the plan of the query tells.
    tables: what else the SQL names: a Parquet file each, which every worker reads, or an Arrow table, which
    is sent.
    near: one of ``tables`` with areas. Rows of the index without an area are left out, and each part has the
    areas in its own box only: for queries that give rows for pairs of both.
    session: how workers are configured; by default as this process is (``Session.here()``).
    reduce: SQL over ``partial``, the partial answers, that merges them; see ``Parts.reduce``.
    on_error: 'null' makes failed assets rows with ``error``, 'fail' ends the part. By default it is 'null'
    where the answer has a column ``error``, so that no failure is silent.
    """
    wanted = _wanted(parts, bytes)
    session = Session.here() if session is None else session
    pickle.dumps(session)  # says now what no worker could be sent
    given = {table: _absolute(one) for table, one in (tables or {}).items()}
    _require_names(given, near, on_error)
    with closing(new_cursor(session.with_cpus(None))) as cursor:
        files = index_files(cursor, index)
        aggregates = _aggregates(cursor)
        node = parsed(cursor, sql)
        require_separable(node, by=by, aggregates=aggregates, is_reduced=reduce is not None)
        use_tables(cursor, given)
        columns = use_index(cursor, files, by)
        answer = [row[0] for row in cursor.execute(f"DESCRIBE {sql}").fetchall()]
        area = None if near is None else near_of(cursor, near)
        find_groups(cursor, by, area)
        step = use_planned_rows(cursor)
        weighed = weigh(cursor, node, near=near, columns=columns)
        total = weigh_groups(cursor, step)
        ranges = cut_ranges(cursor, wanted.count(total))
    fails_as_rows = on_error == "null" or (on_error is None and ERROR in answer)
    text = with_failures_as_rows(sql) if fails_as_rows else sql
    return Parts(
        parts=_parts(ranges, text, files, given, area, session), weighed=weighed, reduce_sql=reduce,
        planned_share=1 / step,
    )  # fmt: skip


@dataclass(frozen=True)
class _Wanted:
    """How many parts, or how many bytes in one."""

    parts: int | None
    byte_count: int

    def count(self, total: int) -> int:
        """How many parts ``total`` bytes make."""
        return self.parts or max(1, -(-total // self.byte_count))


def _wanted(parts: int | None, byte_count: int | str | None) -> _Wanted:
    if parts is not None and byte_count is not None:
        raise ArgumentError("split: parts and bytes were given; give one of them")
    if parts is not None and (isinstance(parts, bool) or not isinstance(parts, int) or parts < 1):
        raise ArgumentError(f"split: parts must be a whole number from 1 on, found {parts!r}")
    number = DEFAULT_BYTES if byte_count is None else byte_count
    size = byte_count_of(number) if isinstance(number, str) else number
    if size is None or not size >= 1:
        raise ArgumentError(f"split: bytes must be a number of bytes, such as '256 MB', found {byte_count!r}")
    return _Wanted(parts, int(size))


def _absolute(table: Table | os.PathLike[str]) -> Table:
    """A path that holds in every process of this machine."""
    if isinstance(table, str | os.PathLike):
        path = os.fspath(table)
        return path if IS_URL.match(path) else str(Path(path).absolute())
    if callable(table) or isinstance(table, pa.Table):
        return table
    raise ArgumentError(
        f"split: tables are paths of Parquet files or Arrow tables, found a {type(table).__name__}; "
        "con.sql(…).to_arrow_table() makes one"
    )


def _require_names(tables: Mapping[str, Table], near: str | None, on_error: str | None) -> None:
    if near is not None and near not in tables:
        raise ArgumentError(
            f"split: near names {near!r}, which is not among tables ({', '.join(tables) or 'none'})"
        )
    if INDEX in (table.lower() for table in tables):
        raise ArgumentError(f"split: {INDEX} is the name of the index; give the table another")
    if on_error not in (None, *ON_ERROR):
        raise ArgumentError(f"split: on_error is {' or '.join(map(repr, ON_ERROR))}, found {on_error!r}")


def _aggregates(cursor: duckdb.DuckDBPyConnection) -> frozenset[str]:
    found = cursor.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'"
    )
    return frozenset(row[0].lower() for row in found.fetchall())


def _parts(
    ranges: Sequence[Range],
    sql: str,
    files: Sequence[IndexFile],
    tables: Mapping[str, Table],
    near: Near | None,
    session: Session,
) -> list[Part]:
    of_part: dict[int, list[Range]] = {}
    for one in ranges or [NO_ROWS]:
        of_part.setdefault(one.part, []).append(one)
    return [
        Part(
            number=at,
            sql=sql,
            rows=_rows(found, files),
            tables=tables,
            near=None if near is None else near.around([one.box for one in found]),
            session=session,
            row_count=sum(one.row_count for one in found),
            byte_count=sum(one.byte_count for one in found),
            tile_count=sum(one.tile_count for one in found),
        )
        for at, found in enumerate(of_part.values())
    ]


def _rows(ranges: Sequence[Range], files: Sequence[IndexFile]) -> tuple[Rows, ...]:
    """Where there are too many ranges, those with the fewest rows between them become one."""
    found = [Rows(file=files[one.file], first=one.first, last=one.last) for one in ranges]
    while len(found) > MAX_RANGES:
        gaps = [
            (after.first - before.last, place)
            for place, (before, after) in enumerate(pairwise(found))
            if before.file == after.file
        ]
        if not gaps:
            break
        _, place = min(gaps)
        last = found.pop(place + 1).last
        found[place] = found[place]._replace(last=last)
    return tuple(found)
