"""Relations with parameters, which hang in DuckDB 1.5 by themselves: ``connect()`` goes round that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio

from rasteret_sql.duck.register.relations import HOLDS_LOCK

QUERIES: dict[str, tuple[str, Any]] = {
    "one column": ("SELECT $1 AS a", [7]),
    "names that come twice": ("SELECT 1 AS a, 2 AS a, $1 AS b", [7]),
    "a name in two cases": ("SELECT $1 AS a, $1 AS A", [7]),
    "NULL": ("SELECT NULL AS n, $1 AS b", [None]),
    "values": ("VALUES ($1), (2)", [7]),
    "a comment at the end": ("WITH a AS (SELECT $1 AS x) FROM a ORDER BY x -- the end", [7]),
    "parentheses": ("(SELECT $1 AS z)", [7]),
    "by name": ("SELECT $x AS a, $y AS b", {"x": 5, "y": "é"}),
    "question marks": ("SELECT ? + ? AS a", [1, 2]),
    "an unnamed STRUCT": ("SELECT row(1, $1) AS r", [7]),
    "many types": (
        "SELECT 'a'::ENUM('a', 'b'), 1::UHUGEINT, '101'::BIT, sum($1), {'a': [1]}, MAP {'k': 1}, '{}'::JSON, "
        "'POINT (1 2)'::GEOMETRY, TIMESTAMPTZ '2026-01-01 00:00:00Z', INTERVAL 1 DAY",
        [3],
    ),
    "a summary": ("SUMMARIZE SELECT $1::INTEGER AS v", [7]),
    "statements before": ("CREATE OR REPLACE TEMP TABLE t AS SELECT 3 AS i; SELECT i + $1 AS j FROM t", [7]),
    "rows of an insert": ("INSERT INTO kept VALUES ($1) RETURNING i", [7]),
}


on_duckdb_1 = pytest.mark.skipif(not HOLDS_LOCK, reason="of DuckDB 1.5: .ci/run runs it there")


@pytest.fixture
def con(con: Any) -> Any:
    con.execute("CREATE TABLE kept (i INTEGER)")
    return con


def shown(relation: Any) -> Any:
    return relation and (relation.columns, list(map(str, relation.types)), relation.fetchall())


@pytest.mark.parametrize("name", QUERIES)
def test_a_relation_is_as_duckdbs_own(con: duckdb.DuckDBPyConnection, name: str) -> None:
    query, params = QUERIES[name]
    with duckdb.connect() as other:
        other.execute("CREATE TABLE kept (i INTEGER)")
        assert shown(con.sql(query, params=params)) == shown(other.sql(query, params=params))
    tables = con.sql("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'rasteret_relation%'")
    assert tables.fetchall() == []


def test_it_is_read_twice_joined_and_named(con: duckdb.DuckDBPyConnection) -> None:
    for method in (con.sql, con.query, con.from_query):
        relation = method("SELECT i FROM range($1) AS t(i)", params=[3], alias="mine")
        assert relation.alias == "mine"
        assert relation.fetchall() == relation.fetchall() == [(0,), (1,), (2,)]
        assert relation.aggregate("sum(i)").fetchall() == [(3,)]
        assert con.sql("SELECT count(*) FROM relation").fetchall() == [(3,)]


def test_it_sees_the_variables_of_its_caller(con: duckdb.DuckDBPyConnection) -> None:
    numbers = con.sql("SELECT 5 AS i").to_arrow_table()
    assert con.sql("SELECT i + $1 FROM numbers", params=[2]).fetchall() == [(7,)]
    assert numbers.num_rows == 1


def test_errors_are_as_duckdbs_own(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.BinderException, match='column "nothing"'):
        con.sql("SELECT nothing + $1", params=[1])
    with pytest.raises(duckdb.ConversionException, match="Could not convert string 'x'"):
        con.sql("SELECT $1::VARCHAR::INTEGER", params=["x"]).fetchall()
    with pytest.raises(duckdb.ParserException, match="SELEC"):
        con.sql("SELEC $1", params=[1])
    assert con.sql("SELECT $1", params=[1]).fetchall() == [(1,)]


def test_a_transaction_goes_on(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    con.execute("INSERT INTO kept VALUES (1)")
    assert con.sql("SELECT i + $1 FROM kept", params=[2]).fetchall() == [(3,)]
    con.execute("COMMIT")
    assert con.sql("SELECT i FROM kept").fetchall() == [(1,)]


@on_duckdb_1
def test_in_a_transaction_an_unnamed_struct_is_refused_for_what_it_is(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    with pytest.raises(duckdb.InvalidInputException, match="unnamed struct"):
        con.sql("SELECT row(1, $1)", params=[2])
    con.execute("ROLLBACK")


@on_duckdb_1
def test_no_statement_is_no_relation(con: duckdb.DuckDBPyConnection) -> None:
    assert con.sql("", params=[7]) is None


HANGS = """
import sys, rasteret_sql
con = rasteret_sql.connect()
con.execute("SET threads = 4; CREATE TABLE rows AS SELECT i FROM range(300_000) AS t(i)")
point = "('POINT (' || i % 90 || ' 1)')::GEOMETRY"
query = f"SELECT i, rasteret_hilbert({point}) AS h, repeat('x', 20) FROM rows WHERE i >= $1"
assert len(con.sql(query, params=[0]).fetchall()) == 300_000
for _ in range(20):
    assert len(con.sql("SELECT data FROM read_cog_tiles($1)", params=[sys.argv[1]]).fetchall()) == 16
"""


def test_it_ends_with_several_threads_and_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "tiles.tif"
    options: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256, "dtype": "uint8"}
    options["transform"] = rasterio.transform.from_origin(500_000, 5_000_000, 10, 10)
    with rasterio.open(path, "w", driver="GTiff", width=1024, height=1024, count=1, **options) as file:
        file.write(np.random.default_rng(1).integers(0, 255, (1, 1024, 1024), np.uint8))
    subprocess.run([sys.executable, "-c", HANGS, str(path)], check=True, timeout=120)
