"""docs/large_indexes.md: its queries run, and DuckDB numbers rows where it says so."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.demo import Demo
from rasteret_sql.duck.pushdown import pushdown
from tests.sql.plans import nodes

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/large_indexes.md").read_text("utf-8")
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_its_queries_run(con: duckdb.DuckDBPyConnection, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.folder)
    con.execute((ROOT / "sql/examples/01_build_index.sql").read_text("utf-8"))
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        assert con.execute(block).fetchall(), block


def test_rows_are_numbered_where_a_column_holds_a_list(con: duckdb.DuckDBPyConnection) -> None:
    query = BLOCKS[2].replace("EXPLAIN", "EXPLAIN (FORMAT json)")
    for sql, numbered in ((query, True), (query.replace("[n] AS list", "'a' AS list"), False)):
        ((_, plan),) = con.execute(sql).fetchall()
        assert any("WINDOW" in node["name"] for node in nodes(plan)) == numbered


def test_what_it_says_of_pushdown() -> None:
    written = "FROM 'idx.parquet' AS i, read_cog(i, [12.0, 47.98, 12.01, 47.99]) AS c WHERE i.band = 'red'"
    assert pushdown(written) == BLOCKS[3].strip().replace("\n", " ")
