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
UNUSED_CODECS = tuple(f"rasteret_sql.codec.images.{name}" for name in ("table", "jpeg", "jpegxl", "lerc"))
"""Nor what decodes other blocks than its own."""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_import_loads_nothing_heavy() -> None:
    found = run(f"import sys, rasteret_sql; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("use", "numpy"), [("", []), ("; con.execute('SELECT 1')", ["numpy"])], ids=["connected", "used"]
)
def test_connecting_loads_neither_arrow_nor_projections(use: str, numpy: list[str]) -> None:
    """DuckDB imports NumPy when it is given a function: at the first use of a database in memory."""
    late = sorted({*HEAVY, *UNUSED, "pandas"} - {"duckdb"})
    found = run(
        f"import sys, rasteret_sql; con = rasteret_sql.connect(){use}; "
        f"print([m for m in {late!r} if m in sys.modules])"
    )
    assert found.stdout.strip() == str(numpy)


def test_a_file_has_the_functions_for_other_connections_at_once(tmp_path: Path) -> None:
    file = tmp_path / "file.duckdb"
    with rasteret_sql.connect(file), duckdb.connect(str(file)) as other:
        assert other.execute("SELECT count(*) > 0 FROM rasteret.rasteret_functions()").fetchall()[0] == (
            True,
        )


@pytest.mark.parametrize("use", ["cursor", "sql", "duckdb_connection", "table_function", "begin"])
def test_a_database_in_memory_has_them_at_its_first_use(use: str) -> None:
    count = "SELECT count(*) > 0 FROM rasteret_functions()"
    with rasteret_sql.connect() as con:
        if use == "begin":
            con.begin()
        match use:
            case "cursor":
                found = con.cursor().execute(count).fetchall()
            case "sql":
                found = con.sql(count).fetchall()
            case "duckdb_connection":
                found = con.duckdb_connection.execute(count).fetchall()  # type: ignore[attr-defined]
            case "table_function":
                found = con.table_function("rasteret_functions").aggregate("count(*) > 0").fetchall()
            case _:
                found = con.execute(count).fetchall()
        assert found == [(True,)]


def test_threads_that_use_it_first_at_once_register_it_once() -> None:
    with rasteret_sql.connect() as con:
        found: list[object] = []
        start = threading.Barrier(4)

        def work() -> None:
            start.wait()
            # all results here are read to their ends: DuckDB 1.5 may hang when a cursor goes before
            found.append(con.cursor().execute("SELECT count(*) > 0 FROM rasteret_functions()").fetchall())

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert found == [[(True,)]] * 4


def test_the_first_chip_of_a_local_file_loads_neither_parsers_of_sql_nor_clients_of_servers(
    corpus: Path,
) -> None:
    code = f"""
import sys, rasteret_sql
con = rasteret_sql.connect()
file = "{corpus / "big.tif"}"
con.execute("SELECT data FROM read_cog($1)", [file]).fetchall()
con.execute("SELECT c.data FROM cog_header($1) AS h, read_cog(h, h.footprint) AS c", [file]).fetchall()
print([m for m in {(*UNUSED, *UNUSED_CODECS)!r} if m in sys.modules])
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
    qualified = cursor.execute("SELECT count(*) FROM rasteret.rasteret_functions()").fetchall()[0]
    rasteret_sql.register(cursor)
    for each in (cursor, con):
        assert each.execute("SELECT count(*) FROM rasteret_functions()").fetchall()[0] == qualified


def test_a_plain_connection_and_a_read_only_file(tmp_path: Path) -> None:
    file = tmp_path / "a.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS one")
    for options in ({"read_only": True}, {"read_only": False}):
        with duckdb.connect(str(file), **options) as con:
            rasteret_sql.register(con)
            assert con.execute("SELECT count(*) > 5 FROM rasteret_functions()").fetchall()[0] == (True,)
    with duckdb.connect(str(file)) as con:
        found = con.execute(
            "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE '%rasteret%'"
        ).fetchall()[0]
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
    ).fetchall()[0]
    assert comment == ("Pixels of a raster inside an area, as one chip.",)


def test_settings_are_told_and_checked() -> None:
    from rasteret_sql.errors import ArgumentError

    con = rasteret_sql.connect(settings={"max_concurrency": 17})
    query = "SELECT value, \"default\", unit FROM rasteret_settings() WHERE name = 'max_concurrency'"
    assert con.execute(query).fetchall()[0] == ("17", "0", "requests")
    rasteret_sql.register(con, settings={"max_concurrency": 0})
    with pytest.raises(ArgumentError, match="max_concurency"):
        rasteret_sql.register(con, settings={"max_concurency": 5})
