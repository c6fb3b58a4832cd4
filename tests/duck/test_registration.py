"""connect() and register(): any connection, again and again, quickly and quietly."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

import rasteret_sql

HEAVY = (
    "duckdb",
    "pyarrow",
    "numpy",
    "shapely",
    "pyproj",
    "obstore",
    "fsspec",
    "imagecodecs",
    "pystac_client",
    "sqlglot",
)

UNUSED = ("sqlglot", "obstore", "fsspec", "aiohttp", "requests", "pystac_client", "cql2", "tqdm")
"""What reading pixels of a local file does not need."""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_import_loads_nothing_heavy() -> None:
    found = run(f"import sys, rasteret_sql; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert found.stdout.strip() == "[]"


def test_connecting_loads_neither_arrow_nor_projections() -> None:
    late = {*HEAVY, *UNUSED, "pandas"} - {
        "duckdb",
        "numpy",
    }  # DuckDB imports NumPy when it is given a function
    found = run(
        f"import sys, rasteret_sql; rasteret_sql.connect(); print([m for m in {late!r} if m in sys.modules])"
    )
    assert found.stdout.strip() == "[]"


def test_the_first_chip_of_a_local_file_loads_neither_parsers_of_sql_nor_clients_of_servers(
    corpus: Path,
) -> None:
    code = f"""
import sys, rasteret_sql
con = rasteret_sql.connect()
file = "{corpus / "big.tif"}"
con.execute("SELECT data FROM read_cog($1)", [file]).fetchall()
con.execute("SELECT c.data FROM cog_header($1) AS h, read_cog(h, h.footprint) AS c", [file]).fetchall()
print([m for m in {UNUSED!r} if m in sys.modules])
"""
    assert run(code).stdout.splitlines()[-1].strip() == "[]"  # a progress bar may come before


def test_connections_are_closed_before_python_ends() -> None:
    code = """
import atexit
@atexit.register
def look():
    for one in (con, cursor):
        try:
            one.execute("SELECT 1")
        except Exception as error:
            print(error)
import rasteret_sql
con = rasteret_sql.connect()
cursor = rasteret_sql.register(con.cursor())
"""
    assert run(code).stdout.lower().count("already closed") == 2


def test_nothing_is_printed_at_exit(corpus: Path) -> None:
    code = f"""
import rasteret_sql
con = rasteret_sql.connect()
cursor = rasteret_sql.register(con.cursor())
rows = cursor.execute("SELECT data FROM read_cog('{corpus / "big.tif"}')").fetchall()
try:
    con.execute("SELECT data FROM read_cog('nowhere.tif')")
except Exception as problem:
    kept = problem
"""
    found = run(code)
    assert (found.stdout, found.stderr) == ("", "")


def test_registering_again_is_harmless_and_cursors_of_a_plain_connection_may_be_registered() -> None:
    con = duckdb.connect()
    assert rasteret_sql.register(rasteret_sql.register(con)) is con
    cursor = con.cursor()
    with pytest.raises(duckdb.CatalogException):
        cursor.execute("FROM rasteret_functions()")
    qualified = cursor.execute("SELECT count(*) FROM rasteret.rasteret_functions()").fetchone()
    rasteret_sql.register(cursor)
    for each in (cursor, con):
        assert each.execute("SELECT count(*) FROM rasteret_functions()").fetchone() == qualified


def test_a_plain_connection_and_a_read_only_file(tmp_path: Path) -> None:
    file = tmp_path / "a.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS one")
    for options in ({"read_only": True}, {"read_only": False}):
        with duckdb.connect(str(file), **options) as con:
            rasteret_sql.register(con)
            assert con.execute("SELECT count(*) > 5 FROM rasteret_functions()").fetchone() == (True,)
    with duckdb.connect(str(file)) as con:
        found = con.execute(
            "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE '%rasteret%'"
        ).fetchone()
        assert found == (0,), "nothing of ours is left in the user's file"


def test_many_cursors_register_at_once() -> None:
    con = duckdb.connect()
    problems: list[BaseException] = []

    def work() -> None:
        try:
            cursor = rasteret_sql.register(con.cursor())
            assert cursor.execute("SELECT count(*) FROM rasteret_settings()").fetchall()[0][0] > 5
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_catalogue_of_duckdb_knows_what_a_function_does() -> None:
    con = rasteret_sql.connect()
    comment = con.execute(
        "SELECT comment FROM duckdb_functions() WHERE function_name = 'read_cog'"
    ).fetchone()
    assert comment == ("Pixels of a raster inside an area, as one chip.",)


def test_settings_are_told_and_checked() -> None:
    from rasteret_sql.errors import ArgumentError

    con = rasteret_sql.connect(settings={"max_concurrency": 17})
    query = "SELECT value, \"default\", unit FROM rasteret_settings() WHERE name = 'max_concurrency'"
    assert con.execute(query).fetchone() == ("17", "0", "requests")
    rasteret_sql.register(con, settings={"max_concurrency": 0})
    with pytest.raises(ArgumentError, match="max_concurency"):
        rasteret_sql.register(con, settings={"max_concurency": 5})
