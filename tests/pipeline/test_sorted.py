"""A large index is sorted in runs beside its file, and comes out as DuckDB would sort it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from rasteret_sql.pipeline import runs, sort, write_index

TYPES = """
SELECT n::VARCHAR AS id, 'b' || n % 3 AS band, CASE WHEN n % 7 > 0 THEN TIMESTAMPTZ '2024-01-31 23:00:00Z' END
           + INTERVAL (hash(n) % 90) DAY AS datetime,
       CASE WHEN n % 11 > 0 THEN ('POINT(' || hash(n + 1) % 360 || ' ' || n % 90 || ')')
           ::GEOMETRY('OGC:CRS84') END AS geometry,
       ('POINT(' || n || ' 1)')::GEOMETRY AS place, {{'n': n}}::JSON AS words,
       MAP {{'n': n::VARCHAR}} AS pairs,
       [{{'table': range(n % 5), 'name': n::VARCHAR, 'day': DATE '2024-01-01' + n::INTEGER}}] AS levels,
       [n, NULL]::DECIMAL(9, 2)[] AS two, n % 2 = 0 AS even, md5(n::VARCHAR)::BLOB AS bytes{more}
FROM range({rows}) AS r(n)
"""


@pytest.fixture
def made(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """How many rows each run in a file has; a run is 200 kB, and is read in pieces of 5 kB."""
    found: list[int] = []
    real = runs._InFile

    def in_file(rows: pa.Table, folder: Path, number: int) -> runs.Run:
        assert folder.parent == tmp_path
        found.append(len(rows))
        return real(rows, folder, number)

    monkeypatch.setattr(runs, "_InFile", in_file)
    monkeypatch.setattr(runs, "RUN_BYTES", 200_000)
    monkeypatch.setattr(runs, "PIECE_BYTES", 5_000)
    return found


@pytest.mark.parametrize("rows", [0, 1, 30_000])
def test_rows_come_in_order_with_their_types(
    con: duckdb.DuckDBPyConnection, made: list[int], tmp_path: Path, rows: int
) -> None:
    path = tmp_path / "idx.parquet"
    query = TYPES.format(rows=rows, more="")
    assert write_index(con, query, path, row_group_rows=2048) == rows
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert (len(made) > 5) == (rows > 10_000 and not sort.loses_errors())
    kinds = con.execute(f"DESCRIBE FROM ({query})").fetchall()
    written = con.execute(f"DESCRIBE FROM '{path}'").fetchall()
    assert [row[:2] for row in written[:-1]] == [row[:2] for row in kinds]
    places = (
        "(FROM ({}) ORDER BY date_trunc('month', datetime), rasteret_hilbert(geometry), datetime, id, band)"
    )
    expected = places.format(query)
    assert con.execute(
        "SELECT count(*), count(*) FILTER (a.x IS DISTINCT FROM b.y) "
        f"FROM (SELECT x FROM {expected} AS x) AS a "
        f"POSITIONAL JOIN (SELECT y FROM (SELECT * EXCLUDE (geometry_bbox) FROM '{path}') AS y) AS b"
    ).fetchone() == (rows, 0)


@pytest.mark.parametrize(
    "more", ["n::HUGEINT", "md5(n::VARCHAR)::UUID", "[('a')::ENUM('a', 'b')]", "[n::JSON]"]
)
def test_what_arrow_does_not_give_back_is_sorted_by_duckdb(
    con: duckdb.DuckDBPyConnection, made: list[int], tmp_path: Path, more: str
) -> None:
    query = TYPES.format(rows=9_000, more=f", {more} AS other")
    assert write_index(con, query, tmp_path / "idx.parquet") == 9_000
    assert made == []
    con.execute(f"COPY (SELECT other FROM ({query})) TO '{tmp_path / 'plain.parquet'}'")
    kinds = dict(
        con.execute(
            f"SELECT name, duckdb_type FROM parquet_schema('{tmp_path / 'plain.parquet'}')"
        ).fetchall()
    )
    written = dict(
        con.execute(f"SELECT name, duckdb_type FROM parquet_schema('{tmp_path / 'idx.parquet'}')").fetchall()
    )
    assert written["other"] == kinds["other"]


def test_wide_rows_get_the_memory_that_their_row_groups_take(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sort, "MEMORY", 60_000_000)
    query = (
        "SELECT n::VARCHAR AS id, TIMESTAMPTZ '2024-01-01' + INTERVAL (n) DAY AS datetime, "
        "list_transform(range(10000), lambda k: hash(n, k)) AS tile_byte_counts FROM range(1000) AS r(n)"
    )
    assert write_index(con, query, tmp_path / "idx.parquet") == 1000


def test_an_error_of_the_query_is_duckdbs_and_leaves_nothing(
    con: duckdb.DuckDBPyConnection, made: list[int], tmp_path: Path
) -> None:
    query = f"SELECT * FROM ({TYPES.format(rows=30_000, more='')}) WHERE id <> '29000' OR error('too late')"
    with pytest.raises(duckdb.InvalidInputException, match="too late"):
        write_index(con, query, tmp_path / "idx.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_may_not_write_there_does_not(made: list[int], tmp_path: Path) -> None:
    import rasteret_sql

    with rasteret_sql.connect() as con:
        con.execute("SET enable_external_access = false")
        with pytest.raises(duckdb.PermissionException):
            write_index(con, TYPES.format(rows=10, more=""), tmp_path / "idx.parquet")
    assert list(tmp_path.iterdir()) == []
