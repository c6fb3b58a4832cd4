"""connect() returns a connection that is DuckDB's in every way but one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import rasteret_sql
from rasteret_sql.stac.catalogs.catalogs import register_catalog
from tests.duck.catalogue import Catalogue, served

A_TABLE = pa.table({"wanted": ["i21"]})


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    with served() as running:
        register_catalog("awkward", endpoint=f"{running.server.url}/")
        yield running


def test_it_is_a_duckdb_connection(con: duckdb.DuckDBPyConnection) -> None:
    assert isinstance(con, duckdb.DuckDBPyConnection)
    assert rasteret_sql.register(con) is con
    assert con.execute("SELECT 1 AS one") is con
    assert (con.description[0][0], con.fetchone(), con.fetchall()) == ("one", (1,), [])
    assert con.sql("SELECT 1 AS one").filter("one = 1").fetchall() == [(1,)]
    assert con.query("SELECT $1", params=[7]).fetchall() == [(7,)]
    con.register("registered", A_TABLE)
    assert con.table("registered").fetchall() == [("i21",)]
    assert [
        con.execute(statement).fetchall() for statement in con.extract_statements("SELECT 1; SELECT 2")
    ] == [
        [(1,)],
        [(2,)],
    ]
    with con as same:
        assert same is con
    with pytest.raises(duckdb.ConnectionException):
        con.execute("SELECT 1")


def test_queries_see_the_variables_of_their_caller(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue
) -> None:
    mine = pa.table({"wanted": ["i16"]})
    relation = con.sql("FROM mine")
    query = "SELECT s.id FROM {} AS t JOIN stac_search('awkward') AS s ON s.id = t.wanted WHERE gsd = 10"
    for name, found in (("mine", []), ("A_TABLE", [("i21",)]), ("relation", [])):
        assert con.execute(query.format(name)).fetchall() == found, name
        assert con.sql(query.format(name)).fetchall() == found, name
    del mine
    assert relation.fetchall() == [("i16",)]


def test_cursors_push_down_too(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    query = "SELECT id FROM stac_search('awkward') WHERE cloud_cover = 0 AND platform = 'it''s'"
    for each, handed_out in (
        (con, 1),
        (rasteret_sql.register(con.cursor()), 1),
        (rasteret_sql.connect(pushdown=False), 42),
        (rasteret_sql.register(duckdb.connect()), 42),
        (con.duckdb_connection, 42),  # type: ignore[attr-defined]
    ):
        catalogue.since()
        assert each.execute(query).fetchall() == [("i21",)]
        assert catalogue.since() == handed_out
    assert con.duckdb_connection.execute(rasteret_sql.pushdown(query)).fetchall() == [("i21",)]  # type: ignore[attr-defined]
    assert catalogue.since() == 1


def test_a_read_only_file_and_a_view(tmp_path: Path, catalogue: Catalogue) -> None:
    file = tmp_path / "a.duckdb"
    with rasteret_sql.connect(file) as con:
        con.execute("CREATE TABLE found AS SELECT id FROM stac_search('awkward') WHERE gsd = 10")
        con.execute("CREATE TEMP VIEW clear AS SELECT id FROM stac_search('awkward') WHERE cloud_cover = 0")
        catalogue.since()
        assert len(con.execute("FROM clear").fetchall()) == catalogue.since() == 6
    with rasteret_sql.connect(file, read_only=True) as con:
        joined = "SELECT count(*) FROM found JOIN stac_search('awkward') USING (id) WHERE cloud_cover = 0"
        catalogue.since()
        assert con.execute(joined).fetchone() == (2,)
        assert catalogue.since() == 6


def test_a_query_without_a_search_is_not_parsed() -> None:
    code = (
        "import sys, rasteret_sql; con = rasteret_sql.connect(); con.execute('FROM rasteret_settings()'); "
        "con.sql('SELECT 1'); print('sqlglot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
