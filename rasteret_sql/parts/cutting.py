"""The rows of an index in groups, and the groups in ranges that weigh alike. All in tables of one cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rasteret_sql.duck.quoting import name
from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.index_files import IndexFile
from rasteret_sql.parts.near import MET, find_met
from rasteret_sql.parts.part import INDEX, Near
from rasteret_sql.parts.weigh import WEIGHTS

if TYPE_CHECKING:
    import duckdb

ROW_BYTES = 8192
"""What the planning of a row weighs beside its tiles: as long as so many bytes take to be read."""
PLANNED_ROWS = 2000
"""Of a larger index so many rows are planned, evenly spread, each for its neighbours."""
GAP_ROWS = 8192
"""Rows without an area that are not worth a range of their own: a row group."""
ALL, ROWS, GROUPS, WEIGHED = "rasteret_all", "rasteret_rows", "rasteret_groups", "rasteret_weighed"


class Range(NamedTuple):
    """Rows of one file that go into one part."""

    part: int
    file: int
    first: int
    last: int
    row_count: int
    byte_count: int
    tile_count: int
    box: tuple[float | None, ...]
    """Around their areas; of None without areas."""


def use_index(cursor: duckdb.DuckDBPyConnection, files: Sequence[IndexFile], by: str | None) -> list[str]:
    """Make views of all rows of the index; the names of its columns."""
    listed = " UNION ALL BY NAME ".join(
        f"SELECT *, {at} AS rasteret_file FROM {file.rows(', file_row_number := true')}"
        for at, file in enumerate(files)
    )
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {ALL} AS {listed}")
    cursor.execute(
        f"CREATE OR REPLACE TEMP VIEW {INDEX} AS SELECT * EXCLUDE (rasteret_file, file_row_number) FROM {ALL}"
    )
    columns = [row[0] for row in cursor.execute(f"DESCRIBE FROM {INDEX}").fetchall()]
    known = {column.lower() for column in columns}
    missing = [column for column in ("href", by) if column is not None and column.lower() not in known]
    if missing:
        advice = "" if "href" in missing else "; give another column as by, or by=None"
        raise ArgumentError(
            f"split: the index has no column {' and '.join(missing)}{advice}. It has {', '.join(columns)}"
        )
    return columns


def find_groups(cursor: duckdb.DuckDBPyConnection, by: str | None, near: Near | None) -> None:
    """Make tables of the rows that count and of their groups, numbered in the order of the files."""
    key = name(by) if by else "file_row_number"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {ROWS} AS SELECT rasteret_file AS file, file_row_number AS n, "
        f"{key} AS k, hash(href) AS h FROM {ALL}"
    )
    if by:
        _require_together(cursor, by)
    met = f"(SELECT file, n, {', '.join(f'NULL::DOUBLE AS {side}' for side in SIDES)} FROM {ROWS})"
    if near is not None:
        find_met(cursor, near)
        met = MET
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {GROUPS} AS SELECT file, k, min(n) AS lo, max(n) AS hi, "
        "count(*) AS c, min(xmin) AS xmin, min(ymin) AS ymin, max(xmax) AS xmax, max(ymax) AS ymax, "
        f"row_number() OVER (ORDER BY file, min(n)) - 1 AS g FROM {ROWS} JOIN {met} AS m USING (file, n) "
        "GROUP BY file, k"
    )


def _require_together(cursor: duckdb.DuckDBPyConnection, by: str) -> None:
    apart = cursor.execute(
        f"SELECT k FROM {ROWS} GROUP BY k "
        "HAVING count(DISTINCT file) > 1 OR max(n) - min(n) + 1 <> count(*) ORDER BY k LIMIT 1"
    ).fetchall()
    if apart:
        raise ArgumentError(
            f"split: rows of one {by} are apart in the index (such as {apart[0][0]!r}): write it with "
            f"rasteret_sql.pipeline.write_index, or sorted by {by}; or give another column as by"
        )


def use_planned_rows(cursor: duckdb.DuckDBPyConnection) -> int:
    """Make ``idx`` the rows that are planned: every so many-th group of them."""
    ((rows,),) = cursor.execute(f"SELECT coalesce(sum(c), 0)::BIGINT FROM {GROUPS}").fetchall()
    step = max(1, -(-int(rows) // PLANNED_ROWS))
    if rows:
        cursor.execute(
            f"CREATE OR REPLACE TEMP VIEW {INDEX} AS SELECT a.* EXCLUDE (rasteret_file, file_row_number) "
            f"FROM {ALL} AS a SEMI JOIN (SELECT file, unnest(range(lo, hi + 1)) AS n FROM {GROUPS} "
            f"WHERE g % {step} = 0) AS s ON (a.rasteret_file = s.file AND a.file_row_number = s.n)"
        )
    return step


def weigh_groups(cursor: duckdb.DuckDBPyConnection, step: int) -> int:
    """Give every group the bytes of the planned one before it; the bytes of all."""
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {WEIGHED} AS "
        f"WITH planned AS (SELECT g, file, k FROM {GROUPS} WHERE g % {step} = 0), "
        "sums AS (SELECT g, sum(w.bytes) AS bytes, sum(w.tiles) AS tiles FROM planned AS p "
        f"JOIN {ROWS} AS r ON (r.file = p.file AND r.k IS NOT DISTINCT FROM p.k) "
        f"JOIN {WEIGHTS} AS w USING (h) GROUP BY g) "
        "SELECT q.*, coalesce(s.bytes, 0)::BIGINT AS bytes, coalesce(s.tiles, 0)::BIGINT AS tiles "
        f"FROM {GROUPS} AS q LEFT JOIN sums AS s ON s.g = q.g - q.g % {step}"
    )
    ((total,),) = cursor.execute(f"SELECT coalesce(sum(bytes), 0)::BIGINT FROM {WEIGHED}").fetchall()
    return int(total)


def cut_ranges(cursor: duckdb.DuckDBPyConnection, count: int) -> list[Range]:
    """Ranges of rows in the order of the index, each with the number of its part."""
    rows = cursor.execute(CUT.format(count=count, rows=ROW_BYTES, gap=GAP_ROWS, groups=WEIGHED)).fetchall()
    return [Range._make((*row[:7], tuple(row[7:]))) for row in rows]


SIDES = ("xmin", "ymin", "xmax", "ymax")
CUT = """
    WITH weights AS (
        SELECT *, (bytes + c * {rows})::DOUBLE AS w
        FROM {groups}
    ),
    placed AS (
        SELECT *, sum(w) OVER (ORDER BY g ROWS UNBOUNDED PRECEDING) - w / 2 AS middle, sum(w) OVER () AS total
        FROM weights
    ),
    numbered AS (
        SELECT *, least({count} - 1, floor(middle * {count} / total))::BIGINT AS part
        FROM placed
    ),
    apart AS (
        SELECT *, coalesce(lo - lag(hi) OVER (PARTITION BY part, file ORDER BY g) - 1 > {gap}, true) AS begins
        FROM numbered
    ),
    islands AS (
        SELECT *, count_if(begins) OVER (ORDER BY g ROWS UNBOUNDED PRECEDING) AS island
        FROM apart
    )
    SELECT
        part, any_value(file), min(lo), max(hi), sum(c)::BIGINT, sum(bytes)::BIGINT, sum(tiles)::BIGINT,
        min(xmin), min(ymin), max(xmax), max(ymax)
    FROM islands
    GROUP BY part, island
    ORDER BY part, island
"""
