"""Every cursor finds every function: after USE, in views, in threads, whatever the database allows."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.duck.declarations import catalog_statements, functions, macro_statements
from rasteret_sql.duck.register import macro_file

COUNT = "SELECT count(*) FROM rasteret_functions()"
QUALIFIED = "SELECT count(*) FROM rasteret.rasteret_functions()"
ALL = [(sum(function.public for function in functions()),)]
BOX = "SELECT rasteret_bbox('POINT (1 2)'::GEOMETRY).xmax"


@pytest.fixture
def no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package was installed without the file, into a folder that cannot be written."""
    monkeypatch.setattr(macro_file, "ready", lambda: None)


def finds_all(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute(COUNT).fetchall() == ALL and connection.execute(BOX).fetchall() == [(1.0,)]


def test_cursors_and_duplicates(con: duckdb.DuckDBPyConnection) -> None:
    for each in (con.cursor(), con.duplicate(), con.cursor().cursor()):
        assert finds_all(each)
        assert isinstance(each, duckdb.DuckDBPyConnection)


def test_without_pushdown_it_is_the_same() -> None:
    with rasteret_sql.connect(pushdown=False) as con:
        assert finds_all(con.cursor())


def test_any_connection_of_the_database_finds_them_by_their_full_name(con: duckdb.DuckDBPyConnection) -> None:
    plain = con.duckdb_connection.cursor()  # type: ignore[attr-defined]
    assert plain.execute(QUALIFIED).fetchall() == ALL
    plain.execute("CREATE SCHEMA rasteret")  # so that rasteret.x might mean two things
    query = "SELECT rasteret.main.RS_TileEnvelope(0, 0, 0), len(rasteret.main.RS_NDVI(NULL).bands)"
    assert plain.execute(query).fetchall()[0][1] is None
    assert finds_all(con)


@pytest.mark.parametrize(
    "statement",
    [
        "USE other",
        "use other.main;",
        "USE other.s; SELECT 1",
        "SET schema = 's'",
        "SET search_path = 'other.s,memory.main'",
        "RESET search_path",
        """USE "o'd""d, name".main""",
    ],
)
@pytest.mark.parametrize("method", ["execute", "sql", "query", "statements"])
def test_use_keeps_them(con: duckdb.DuckDBPyConnection, statement: str, method: str) -> None:
    con.execute("ATTACH ':memory:' AS other; CREATE SCHEMA s; CREATE SCHEMA other.s")
    con.execute("""ATTACH ':memory:' AS "o'd""d, name" """)
    plain = con.duckdb_connection.cursor()  # type: ignore[attr-defined]
    plain.execute(statement)
    if method == "statements":
        for each in con.extract_statements(statement):
            con.execute(each)
    else:
        getattr(con, method)(statement)
    assert finds_all(con)
    where = "SELECT current_database(), current_schema()"
    assert con.execute(where).fetchall() == plain.execute(where).fetchall()
    con.execute("CREATE TABLE t AS SELECT 7 AS seven")
    assert con.execute("SELECT seven FROM t").fetchall() == [(7,)]


def test_the_result_of_a_text_is_that_of_its_last_statement(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("ATTACH ':memory:' AS other")
    assert con.execute("USE other; SELECT current_database(), $1", [5]).fetchall() == [("other", 5)]
    assert con.execute("USE memory").fetchall() == []
    assert con.sql("USE other; SELECT 3 AS three").filter("three = 3").fetchall() == [(3,)]
    con.sql("USE memory")
    assert con.execute("SELECT current_database()").fetchall() == [("memory",)]
    mine = con.sql("SELECT 1 AS one")
    assert con.execute("SET threads = 2; SELECT one FROM mine").fetchall() == [(1,)]
    con.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert con.execute("UPDATE t SET a = 2; FROM t").fetchall() == [(2,)]
    with pytest.raises(duckdb.ParserException):
        con.execute("USE; SELECT")
    del mine


def test_views_and_macros_of_a_file_have_bare_names(tmp_path: Path) -> None:
    file = tmp_path / "a.duckdb"
    with rasteret_sql.connect(file) as con:
        con.execute(f"CREATE VIEW v AS {COUNT}")
        con.execute(f"CREATE MACRO m() AS ({BOX})")
    for options in ({"read_only": True}, {}):
        with rasteret_sql.connect(file, **options) as con:
            for each in (con, con.cursor()):
                assert each.execute("FROM v").fetchall() == ALL
                assert each.execute("SELECT m()").fetchall() == [(1.0,)]
    with rasteret_sql.connect() as con:
        con.execute(f"ATTACH '{file}' AS theirs")
        assert con.execute("FROM theirs.v").fetchall() == ALL
        con.execute("USE theirs")
        assert con.execute("FROM v").fetchall() == ALL


def test_two_databases_of_a_process_share_the_file(tmp_path: Path) -> None:
    with rasteret_sql.connect() as one, rasteret_sql.connect(tmp_path / "two.duckdb") as two:
        attached = "SELECT path, readonly FROM duckdb_databases() WHERE database_name = 'rasteret'"
        assert one.execute(attached).fetchall() == two.execute(attached).fetchall()
        assert one.execute(attached).fetchall()[0] == (str(macro_file.file_of()), True)


def test_connections_of_one_file_share_what_is_bound(tmp_path: Path) -> None:
    connections = [rasteret_sql.connect(tmp_path / "a.duckdb") for _ in range(3)]
    for con in connections:
        assert finds_all(con)
        assert finds_all(con.cursor())
        con.close()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_that_is_called_rasteret_itself(tmp_path: Path, read_only: bool) -> None:
    file = tmp_path / "rasteret.duckdb"
    duckdb.connect(str(file)).close()
    with rasteret_sql.connect(file, read_only=read_only) as con:
        for each in (con, con.cursor()):
            assert finds_all(each)
        con.execute("USE rasteret.main")
        assert finds_all(con)


def test_no_file_can_be_made(no_file: None, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        assert finds_all(con)
        assert finds_all(con.cursor())
        assert con.duckdb_connection.cursor().execute(QUALIFIED).fetchall() == ALL  # type: ignore[attr-defined]
    duckdb.connect(str(tmp_path / "a.duckdb")).close()
    with rasteret_sql.connect(tmp_path / "a.duckdb", read_only=True) as con:
        assert finds_all(con.cursor())


def test_without_external_access_nothing_is_attached_from_a_file() -> None:
    with rasteret_sql.connect(config={"enable_external_access": "false"}) as con:
        assert finds_all(con.cursor())


@pytest.mark.parametrize(
    "hardening",
    [
        "enable_external_access = false",
        "lock_configuration = true",
        "disabled_filesystems = 'LocalFileSystem'",
    ],
)
def test_a_database_that_is_hardened_later(con: duckdb.DuckDBPyConnection, hardening: str) -> None:
    con.execute(f"SET {hardening}")
    for each in (con, con.cursor()):
        assert finds_all(each)
        each.execute("USE memory")
        assert finds_all(each)


@pytest.mark.parametrize("lock", [False, True])
def test_a_database_that_is_hardened_before(lock: bool) -> None:
    con = duckdb.connect()
    con.execute("SET enable_external_access = false")
    con.execute(f"SET lock_configuration = {lock}")
    assert finds_all(rasteret_sql.register(con))
    assert finds_all(rasteret_sql.register(con.cursor()))
    con.close()


def test_a_damaged_file_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "macros.duckdb"
    damaged.write_bytes(macro_file.ready().read_bytes()[:10_000])  # type: ignore[union-attr]
    monkeypatch.setattr(macro_file, "ready", lambda: damaged)
    with rasteret_sql.connect() as con:
        assert finds_all(con.cursor())


def test_what_was_detached_is_attached_again(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("RESET search_path")
    plain = con.duckdb_connection  # type: ignore[attr-defined]
    plain.execute("RESET search_path; DETACH rasteret")
    assert finds_all(con.cursor())
    assert finds_all(rasteret_sql.register(con))


def test_within_a_transaction(con: duckdb.DuckDBPyConnection) -> None:
    plain = duckdb.connect()
    plain.begin()
    plain.execute("CREATE TABLE t AS SELECT abs(-1) AS one")
    for _ in range(2):
        assert finds_all(rasteret_sql.register(plain))
    plain.commit()
    assert finds_all(rasteret_sql.register(plain.cursor()))
    con.begin()
    con.execute("CREATE TABLE t AS SELECT 1 AS one; USE memory")
    assert finds_all(con)
    con.rollback()
    plain.close()


def test_threads_make_cursors_at_once(con: duckdb.DuckDBPyConnection) -> None:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(finds_all(con.cursor()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


# --- the file ------------------------------------------------------------------------------------------


def test_the_file_is_made_once_and_replaces_older_ones(tmp_path: Path) -> None:
    (tmp_path / "macros-0123456789abcdef.duckdb").touch()
    made = macro_file.make(tmp_path)
    assert list(tmp_path.iterdir()) == [made]
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"ATTACH '{made}' AS rasteret (READ_ONLY)")
        assert con.execute("SELECT rasteret.main._rasteret_digest()").fetchall() == [(macro_file.digest(),)]
        found = con.execute(
            "SELECT function_name, comment FROM duckdb_functions() WHERE database_name = 'rasteret' "
            "AND NOT starts_with(function_name, '_')"
        ).fetchall()
        assert dict(found) == {f.name: f.summary for f in functions() if f.public}


def test_processes_make_the_file_at_once(tmp_path: Path) -> None:
    code = f"from rasteret_sql.duck.register.macro_file import *; make(Path({str(tmp_path)!r}))"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == [macro_file.file_of().name]


def test_functions_that_are_declared_anew_get_another_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = macro_file.digest()
    other = tmp_path / "x.sql"
    other.write_text("-- Another.\nCREATE MACRO x() AS 1")
    monkeypatch.setattr(macro_file, "declaration_files", lambda: [other])
    macro_file.digest.cache_clear()
    try:
        assert macro_file.digest() != before
    finally:
        macro_file.digest.cache_clear()


def test_macros_of_the_file_say_the_same_as_temporary_ones() -> None:
    """Only names of macros are qualified, and no text within quotes is changed."""
    both = zip(catalog_statements(), macro_statements(), strict=True)
    for attached, temporary in both:
        assert attached.replace("rasteret.main.", "") == temporary.replace("OR REPLACE TEMP ", "")
        for literal in re.findall(r"'(?:[^']|'')*'", attached):
            assert "rasteret.main." not in literal


# --- processes -----------------------------------------------------------------------------------------

IN_A_FORK = """
import os, sys, rasteret_sql
con = rasteret_sql.connect()
con.execute("FROM rasteret_functions()").fetchall()
with con.cursor() as cursor:
    if os.fork() == 0:
        try:
            cursor.execute("SELECT 1")
        except Exception as error:
            print(error)
        con.close()
        with rasteret_sql.connect() as own:
            print(own.execute("SELECT count(*) > 5 FROM rasteret_settings()").fetchone())
        sys.exit(3)
print(os.waitstatus_to_exitcode(os.wait()[1]), con.execute("SELECT 1").fetchall())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_is_told_to_connect_itself() -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_A_FORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    sentence, own, parent = (line for line in found.stdout.splitlines() if "elapsed" not in line)
    assert sentence.startswith("this connection was made by process ")
    assert "Call rasteret_sql.connect() in the new process" in sentence
    assert (own, parent, found.stderr) == ("(True,)", "3 [(1,)]", "")


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_connection_cannot_be_sent(
    con: duckdb.DuckDBPyConnection, send: Callable[[object], object]
) -> None:
    with pytest.raises(
        TypeError, match=r"send the path of the database and call rasteret_sql.connect\(path\)"
    ):
        send(con)


# --- kernels without files and servers -------------------------------------------------------------------


def test_a_place_on_the_curve_orders_a_window(con: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT x, row_number() OVER (ORDER BY rasteret_hilbert(('POINT (' || x || ' 0)')::GEOMETRY)) AS place
        FROM range(3) AS r(x) ORDER BY ALL
    """
    places = con.execute(query).fetchall()
    assert [x for x, _ in places] == [0, 1, 2]
    assert sorted(place for _, place in places) == [1, 2, 3]


def test_the_error_of_a_place_on_the_curve_says_what_it_got(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="rasteret_hilbert: "):
        con.execute("SELECT rasteret_hilbert('no geometry'::BLOB)").fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT RS_Width('nowhere.tif')",
        "SELECT * FROM cog_header('nowhere.tif')",
        "SELECT * FROM read_cog('nowhere.tif')",
        "SELECT * FROM stac_read('nowhere.json')",
        "FROM cog_files('nowhere.tif')",
        "SELECT RS_AsPNG('nowhere.tif')",
        "SELECT RS_ZonalStats('nowhere.tif', [0, 0, 1, 1], 1, 'sum')",
        "SELECT RS_MapAlgebra('x + 1', {'x': 'nowhere.tif'})",
    ],
)
def test_explain_and_prepare_open_nothing(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    from rasteret_sql.duck.register.kernel_table import Kernel

    called: list[str] = []
    run = Kernel.run

    def watched(self: Kernel, *arguments: object) -> object:
        called.append(self.name)
        return run(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Kernel, "run", watched)
    con.execute(f"EXPLAIN {query}")
    con.execute(f"PREPARE p AS {query}")
    con.execute(f"CREATE TEMP VIEW v AS {query}")
    assert called == []
    with suppress(duckdb.Error):
        con.execute(query).fetchall()
    assert called
