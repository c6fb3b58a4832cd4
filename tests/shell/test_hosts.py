"""Both hosts give the same rows: a Python connection, and the official DuckDB shell."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo import Demo, start
from rasteret_sql.duck.declarations import functions
from rasteret_sql.shell.library import library
from tests.shell.shells import environment, rows, run
from tests.sql.plans import columns_read, require_filters_in_scans

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "sql/examples").glob("[02]*.sql"))
"""Those of the tens are long work over the same functions, and run in one host (tests/sql)."""
OWN_REQUESTS = "08_what_it_cost"
"""What went over the wire is each process's own."""

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start() as running:
        yield running


def statements(demo: Demo, path: Path) -> list[str]:
    """Those of an example; the rows of the last are kept.

    The name ``demo`` is known in the demo's own process only.
    """
    text = path.read_text("utf-8").replace("'demo'", f"'{demo.url}'")
    *first, last = [statement.query.strip().rstrip(";") for statement in duckdb.extract_statements(text)]
    if path.stem == OWN_REQUESTS:
        first = [f"SELECT count(width) FROM cog_header('{demo.url}/data/S2_32632_20240514/nir.tif')"]
    return ["CREATE VIEW fields AS FROM 'fields.parquet'", *first, f"COPY ({last}) TO 'last.parquet'"]


def in_python(work: list[str]) -> None:
    with rasteret_sql.connect() as con:
        for statement in work:
            con.execute(statement)


def in_shell(work: list[str]) -> None:
    found = run(";\n".join(work) + ";\n")
    assert (found.returncode, found.stderr) == (0, "")


HOSTS = {"python": in_python, "shell": in_shell}


@pytest.fixture(scope="module")
def answers(demo: Demo) -> dict[str, dict[str, Rows]]:
    """The rows of every example, by host; each host works on the index that it built itself."""
    found: dict[str, dict[str, Rows]] = {}
    with contextlib.chdir(demo.folder):
        for host, do in HOSTS.items():
            found[host] = {}
            for path in FILES:
                do(statements(demo, path))
                found[host][path.stem] = duckdb.sql("FROM 'last.parquet'").fetchall()
            os.remove("idx.parquet")
    return found


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_an_example_gives_the_same_rows(answers: dict[str, dict[str, Rows]], path: Path, host: str) -> None:
    found = answers[host][path.stem]
    assert found, "the last statement shows something"
    if path.stem != OWN_REQUESTS:
        assert found == answers["python"][path.stem]


def test_every_function_is_there_by_its_bare_name() -> None:
    listed = rows("SELECT name, kind, signature, summary FROM rasteret_functions()")
    assert listed == [
        {"name": f.name, "kind": f.kind, "signature": f.signature, "summary": f.summary}
        for f in functions()
        if f.public
    ]


def test_the_catalogue_of_duckdb_has_their_comments() -> None:
    found = rows(
        "SELECT database_name, comment FROM duckdb_functions() WHERE function_name = 'read_cog' ORDER BY ALL"
    )
    comment = "Pixels of a raster inside an area, as one chip."
    assert found == [{"database_name": name, "comment": comment} for name in ("rasteret", "temp")]


def test_load_alone_attaches_the_functions() -> None:
    """By their full name, and by the bare one where they are on the search path."""
    code = f"""
import duckdb
con = duckdb.connect(config={{"allow_unsigned_extensions": "true"}})
con.execute("LOAD '{library()}'")
print(con.execute("SELECT count(*) FROM rasteret.rasteret_functions()").fetchall())
print(con.cursor().execute("SELECT rasteret.rasteret_bbox('POINT (1 2)'::GEOMETRY).xmax").fetchall())
con.execute("USE rasteret")
print(con.execute("SELECT rasteret_hilbert('POINT (1 2)'::GEOMETRY) > 0").fetchall())
import rasteret_sql
rasteret_sql.register(con)
print(con.execute("SELECT count(*) FROM rasteret_functions()").fetchall())
"""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    count = str([(sum(f.public for f in functions()),)])
    assert found.stdout.splitlines() == [count, "[(1.0,)]", "[(True,)]", count]


def test_use_keeps_the_functions() -> None:
    sql = "ATTACH ':memory:' AS other; USE other; SELECT count(*) > 5 AS many FROM rasteret_settings();"
    assert rows(sql) == [{"many": True}]


def test_explain_calls_no_kernel_that_reads() -> None:
    """And one that does not read orders a window."""
    found = run("EXPLAIN SELECT RS_Width('nowhere.tif'); EXPLAIN FROM read_cog('nowhere.tif');")
    assert (found.returncode, found.stderr) == (0, "")
    query = "SELECT row_number() OVER (ORDER BY rasteret_hilbert('POINT (1 2)'::GEOMETRY)) AS place"
    assert rows(query) == [{"place": 1}]


def test_a_file_by_its_name_is_its_tiles(demo: Demo) -> None:
    """``FROM 'scene.tif'`` is ``read_cog_tiles('scene.tif')``."""
    href = demo.path("S2_32632_20240514/nir.tif")
    count = "count(*) AS tiles, sum(byte_count)::BIGINT AS bytes"
    (row,) = rows(f"SELECT {count} FROM '{href}'")
    assert tuple(row.values()) == demo.con.execute(f"SELECT {count} FROM read_cog_tiles('{href}')").fetchone()
    assert row["tiles"] > 1


def test_a_query_in_which_nothing_touches_says_so_when_it_ends(demo: Demo) -> None:
    """Once, though it has several calls; and not where a later row touches."""
    href = demo.path("S2_32632_20240514/nir.tif")
    far, whole = "[3.0, 3.0, 3.1, 3.1]", "{'x_off': 0, 'y_off': 0, 'width': 8, 'height': 8}"
    value = f"RS_ZonalStats('{href}', {far}, 'mean')"
    found = run(
        f"""
        CREATE TABLE zones AS SELECT i, {far} AS zone FROM range(5000) AS t(i);
        SELECT count(RS_ZonalStats('{href}', zone, 'mean')) FROM zones;
        SELECT {value} UNION ALL SELECT {value};
        SELECT {value} UNION ALL SELECT RS_ZonalStats('{href}', {whole}, 'mean');
        EXPLAIN SELECT {value};
        """
    )
    said = [line for line in found.stderr.splitlines() if "no area touches any raster" in line]
    assert len(said) == 2


def test_settings_are_duckdbs() -> None:
    now = "FROM rasteret_settings() SELECT value WHERE name = 'max_concurrency'"
    script = f"""
        CREATE TABLE said AS SELECT 1 AS n, value FROM ({now});
        SET rasteret_max_concurrency = 128;
        INSERT INTO said SELECT 2, value FROM ({now});
        RESET rasteret_max_concurrency;
        INSERT INTO said SELECT 3, value FROM ({now});
        FROM said ORDER BY n;
    """
    assert [row["value"] for row in rows(script)] == ["0", "128", "0"]
    (row,) = rows("SELECT description FROM duckdb_settings() WHERE name = 'rasteret_max_retries'")
    assert "How often a request is sent again" in row["description"]


def test_a_mosaic_of_subqueries_is_the_same(demo: Demo) -> None:
    path = f"{demo.url}/data/S2_32632_20240514/nir.tif"
    chips = ", ".join(
        f"(SELECT c FROM read_cog('{path}', {{'x_off': {x}, 'y_off': 0, 'width': 8, 'height': 6}}) AS c)"
        for x in (0, 8)
    )
    query = "SELECT md5(data) AS pixels, shape FROM (SELECT unnest(m) FROM (SELECT RS_Mosaic([{}]) AS m))"
    whole = (
        "SELECT md5(data), shape FROM read_cog('{}', {{'x_off': 0, 'y_off': 0, 'width': 16, 'height': 6}})"
    )
    with rasteret_sql.connect() as con:
        (expected,) = con.execute(whole.format(path)).fetchall()
        assert con.execute(query.format(chips)).fetchall() == [expected]
    assert [tuple(row.values()) for row in rows(query.format(chips) + ";\n")] == [(expected[0], [1, 6, 16])]


def test_nothing_is_left_in_the_users_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.duckdb"
    assert run("CREATE TABLE t AS SELECT 1 AS one;\n", str(file)).returncode == 0
    for options in ((), ("-readonly",)):
        found = run("SELECT count(*) > 5 AS there FROM rasteret_functions();", str(file), "-csv", *options)
        assert found.stdout == "there\ntrue\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.duckdb"]
    with duckdb.connect(str(file)) as con:
        query = "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE '%rasteret%'"
        assert con.execute(query).fetchone() == (0,)


def test_the_library_loads_in_the_process_of_a_python_too(tmp_path: Path) -> None:
    """It finds the interpreter that runs already, and starts none."""
    from rasteret_sql.shell.library import library

    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as con:
        con.execute(f"LOAD '{library()}'")
        found = con.execute("SELECT len(_rasteret_functions(0).value)").fetchone()
        assert found == (sum(f.public for f in functions()),)
        rasteret_sql.register(con)
        assert con.execute("SELECT count(*) FROM rasteret_settings()").fetchall()[0][0] > 5
        con.execute("SET rasteret_max_retries = 7")
        query = "SELECT value FROM rasteret_settings() WHERE name = 'max_retries'"
        assert con.execute(query).fetchone() == ("7",)
        con.execute("RESET rasteret_max_retries")
        assert con.execute(query).fetchone() != ("7",)


def test_conditions_reach_both_files_in_the_shell(demo: Demo) -> None:
    """Under the shell's own DuckDB, over names of files, and EXPLAIN calls no kernel that reads."""
    with contextlib.chdir(demo.folder):
        header = f"cog_header('{demo.url}/data/S2_32632_20240514/nir.tif')"
        build = f"COPY (SELECT 'nir' AS band, h.* FROM {header} AS h) TO 'one.parquet'"
        query = "FROM read_chips('one.parquet', 'fields.parquet') WHERE band = 'nir' AND field_id = 1"
        found = run(
            f"{build}; EXPLAIN (FORMAT json) SELECT label, data {query}; "
            f"PREPARE p AS SELECT label, data {query};"
            "SELECT kind || ' ' || count(*) AS asked FROM rasteret_requests() GROUP BY kind;"
        )
        chips = rows(f"SELECT label, shape, octet_length(data) > 0 AS there {query}")
    assert (found.returncode, found.stderr) == (0, "")
    require_filters_in_scans(found.stdout, ("band", "field_id"))
    assert "overviews" not in columns_read(found.stdout)
    assert re.findall(r"(\w+ \d+)\b(?=.*$)", found.stdout.splitlines()[-2]) == ["header 1"]
    assert [row["there"] for row in chips] == [True]
