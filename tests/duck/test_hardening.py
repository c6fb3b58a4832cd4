"""DuckDB's own hardening holds for what this package opens: with DuckDB as the oracle of what it allows."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import tifffile

import rasteret_sql
from rasteret_sql.duck.register import hardening
from rasteret_sql.errors import RefusedError
from tests.duck.corpus import texture, write
from tests.store.server import FaultServer

CALLS = {
    "cog_header": "SELECT error FROM cog_header($1)",
    "read_cog": "SELECT data FROM read_cog($1)",
    "read_cog_tiles": "SELECT data FROM read_cog_tiles($1)",
    "cog_windows": "SELECT x_off FROM cog_windows($1)",
    "cog_files": "SELECT href FROM cog_files($1)",
    "stac_read": "SELECT id FROM stac_read($1)",
    "RS_Width": "SELECT RS_Width($1)",
    "RS_Value": "SELECT RS_Value($1, [1.0, 1.0])",
    "RS_ZonalStats": "SELECT RS_ZonalStats($1, {'x_off': 0, 'y_off': 0, 'width': 2, 'height': 2}, 1, 'sum')",
    "RS_AsPNG": "SELECT RS_AsPNG($1)",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``secret.tif``, ``open/free.tif``, and links that lead in and out."""
    (tmp_path / "open" / "sub").mkdir(parents=True)
    for name in ("secret.tif", "open/free.tif", "open/sub/deep.tif"):
        tifffile.imwrite(tmp_path / name, np.ones((16, 16), np.uint8))
    (tmp_path / "open" / "out.tif").symlink_to(tmp_path / "secret.tif")
    (tmp_path / "in").symlink_to(tmp_path / "open")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def connect_with() -> dict[str, Any]:
    return {"settings": {"max_retries": 0}}


def refusal(con: duckdb.DuckDBPyConnection, query: str, *values: object) -> str:
    """What is refused, be it said as an error or in a row."""
    try:
        return str(con.execute(query, list(values)).fetchall())
    except duckdb.Error as error:
        return str(error)


def is_refused(con: duckdb.DuckDBPyConnection, query: str, *values: object) -> bool:
    return "Permission Error" in refusal(con, query, *values)


@pytest.mark.parametrize("query", CALLS.values(), ids=CALLS.keys())
def test_without_external_access_nothing_is_opened(
    con: duckdb.DuckDBPyConnection, folder: Path, query: str
) -> None:
    assert not is_refused(con, query, "secret.tif")
    con.execute("SET enable_external_access = false")
    for href in (
        "secret.tif",
        str(folder / "secret.tif"),
        "http://127.0.0.1:9/a.tif",
        "s3://b/a.tif",
        "memory://a",
    ):
        assert is_refused(con, query, href)


@pytest.mark.parametrize("query", ["SELECT id FROM stac_search($1)", "FROM stac_collections($1)",
                                   "SELECT id FROM cog_index($1, assets := ['red'])"])  # fmt: skip
def test_no_server_is_asked(con: duckdb.DuckDBPyConnection, query: str) -> None:
    con.execute("SET enable_external_access = false")
    with FaultServer() as server:
        assert is_refused(con, query, server.origin)
        assert server.requests == []


def test_from_the_start_it_is_the_same(folder: Path) -> None:
    with rasteret_sql.connect(config={"enable_external_access": "false"}) as con:
        assert is_refused(con, "SELECT RS_Width('secret.tif')")


PATHS = [
    "open/free.tif", "./open/free.tif", "open/sub/deep.tif", "open/sub/../free.tif", "open/../open/free.tif",
    "open//free.tif", "open/out.tif", "in/free.tif", "open/../secret.tif", "secret.tif", "other.tif",
    "openx/a.tif", "OPEN/free.tif",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("form", ["relative", "absolute", "URL"])
def test_allowed_directories_and_paths_are_duckdbs(
    con: duckdb.DuckDBPyConnection, folder: Path, path: str, form: str
) -> None:
    (folder / "openx").mkdir()
    for name in ("other.tif", "openx/a.tif"):
        tifffile.imwrite(folder / name, np.ones((16, 16), np.uint8))
    con.execute("SET allowed_directories = [$1]", [f"{folder}/open"])
    con.execute("SET allowed_paths = [$1]", [f"{folder}/other.tif"])
    con.execute("SET enable_external_access = false")
    href = {"relative": path, "absolute": f"{folder}/{path}", "URL": f"file://{folder}/{path}"}[form]
    duckdb_refuses = is_refused(con, "SELECT size FROM read_blob($1)", href)
    assert is_refused(con, "SELECT RS_Width($1)", href) == duckdb_refuses
    if not duckdb_refuses and path != "OPEN/free.tif":
        assert con.execute("SELECT RS_Width($1)", [href]).fetchall() == [(16,)]


PATTERNS = ["open/*.tif", "open/**", "open/sub/../*.tif", "*.tif", "**", "open/../*.tif",
            "open/**/../../*.tif", "o*/free.tif", "in/*.tif"]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_listing_is_held_alike(con: duckdb.DuckDBPyConnection, folder: Path, pattern: str) -> None:
    con.execute("SET allowed_directories = [$1]", [f"{folder}/open"])
    con.execute("SET enable_external_access = false")
    for form in (pattern, f"{folder}/{pattern}"):
        refused = is_refused(con, "FROM glob($1)", form)
        assert is_refused(con, "SELECT href FROM cog_files($1)", form) == refused


def test_urls_are_allowed_by_prefix(con: duckdb.DuckDBPyConnection) -> None:
    data = json.dumps({"type": "Feature", "id": "a", "geometry": None, "properties": {}, "assets": {}})
    with FaultServer(
        {"safe/a.json": data.encode(), "b.json": data.encode(), "c.json": data.encode()}
    ) as server:
        con.execute("SET allowed_directories = [$1]", [server.url("safe/")])
        con.execute("SET allowed_paths = [$1]", [server.url("c.json")])
        con.execute("SET enable_external_access = false")
        query = "SELECT id FROM stac_read($1)"
        for path in ("safe/a.json", "c.json"):
            assert con.execute(query, [server.url(path)]).fetchall() == [("a",)]
        asked = len(server.requests)
        for path in ("b.json", "safe/../b.json", "safe/%2e%2e/b.json", "safe/..%2fb.json", "c.json/x"):
            assert is_refused(con, query, server.url(path))
        assert len(server.requests) == asked


def test_what_is_kept_in_memory_is_held_back_too(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    data = (folder / "secret.tif").read_bytes()
    with FaultServer({"a.tif": data}) as server:
        query = "SELECT octet_length(data) FROM read_cog($1)"
        con.execute("CREATE TABLE idx AS FROM cog_header($1)", [server.url("a.tif")])
        assert con.execute(query, [server.url("a.tif")]).fetchall() == [(256,)]
        con.execute("SET enable_external_access = false")
        assert is_refused(con, query, server.url("a.tif"))
        assert is_refused(con, "SELECT c.data FROM idx AS i, read_cog(i) AS c")
        assert con.execute("SELECT RS_Width(idx) FROM idx").fetchall() == [(16,)]  # its row says so


FILE_SYSTEMS = {
    "LocalFileSystem": {"local": True, "http": False, "s3": False, "memory": False},
    "HTTPFileSystem": {"local": False, "http": True, "s3": False, "memory": False},
    "S3FileSystem": {"local": False, "http": False, "s3": True, "memory": False},
    "LocalFileSystem,HTTPFileSystem,S3FileSystem": {"local": True, "http": True, "s3": True, "memory": False},
}
HREFS = {
    "local": "secret.tif",
    "http": "http://127.0.0.1:9/a.tif",
    "s3": "gs://b/a.tif",
    "memory": "memory://a",
}


@pytest.mark.parametrize("names", FILE_SYSTEMS)
def test_disabled_file_systems(con: duckdb.DuckDBPyConnection, folder: Path, names: str) -> None:
    con.execute("SELECT RS_Width('secret.tif')")
    con.execute(f"SET disabled_filesystems = '{names}'")
    for _ in range(2):
        refused = {kind: is_refused(con, "SELECT RS_Width($1)", href) for kind, href in HREFS.items()}
        assert refused == FILE_SYSTEMS[names]
    for name in names.split(","):  # asking has changed nothing
        with pytest.raises(duckdb.InvalidInputException, match="cannot be re-enabled"):
            con.execute(f"SET disabled_filesystems = '{','.join(set(names.split(',')) - {name})}'")


def test_local_files_of_a_locked_configuration(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    con.execute("SET lock_configuration = true")
    assert con.execute("SELECT RS_Width('secret.tif')").fetchall() == [(16,)]
    with rasteret_sql.connect() as other:
        other.execute("SET disabled_filesystems = 'LocalFileSystem'; SET lock_configuration = true")
        assert is_refused(other, "SELECT RS_Width('secret.tif')")


def test_each_database_is_asked_for_itself(folder: Path) -> None:
    trusted, confined = rasteret_sql.connect(), rasteret_sql.connect()
    confined.execute("SET enable_external_access = false")
    assert is_refused(confined, "SELECT RS_Width('secret.tif')")
    assert trusted.execute("SELECT RS_Width('secret.tif')").fetchall() == [(16,)]
    cursor = confined.cursor()
    rasteret_sql.register(cursor)
    del confined
    gc.collect()
    assert is_refused(cursor, "SELECT RS_Width('secret.tif')")
    trusted.close()
    cursor.close()


def test_a_cursor_that_outlives_its_connection_still_works(folder: Path) -> None:
    con = rasteret_sql.connect()
    cursor = con.cursor()
    del con
    gc.collect()
    query = "SELECT (_rasteret_file_states('secret.tif')).value.missing"
    assert cursor.execute(query).fetchall() == [(False,)]
    rasteret_sql.register(cursor)
    assert cursor.execute("SELECT RS_Width('secret.tif')").fetchall() == [(16,)]
    cursor.close()


def test_a_database_closes_with_its_connection(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with rasteret_sql.connect(path) as con:
        con.execute("CREATE TABLE t AS SELECT error FROM cog_header('no.tif')")
    os.rename(path, tmp_path / "b.duckdb")
    assert not (tmp_path / "a.duckdb.wal").exists()
    with rasteret_sql.connect(tmp_path / "b.duckdb", config={"threads": 1}) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(1,)]


def test_databases_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardening, "FORGOTTEN_AFTER", 3)
    for _ in range(8):
        with rasteret_sql.connect() as con:
            con.execute("SELECT 1")
        del con
        gc.collect()
    gone = [each for each in hardening._instances.values() if not each.connections()]
    assert len(gone) <= 4


def test_many_threads_are_held_at_once(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    con.execute("SET enable_external_access = false")
    refused = []

    def ask() -> None:
        cursor = con.cursor()
        rasteret_sql.register(cursor)
        refused.extend(is_refused(cursor, "SELECT RS_Width('secret.tif')") for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [True] * 20


def test_asking_never_calls_a_connection_that_its_own_thread_uses(tmp_path: Path) -> None:
    """DuckDB 2 refuses a call on a connection that another thread is just calling."""
    write(tmp_path / "a.tif", texture(1, "uint8"))
    con = rasteret_sql.connect()

    def reads(_: int) -> int:
        found = 0
        for _ in range(25):
            with con.cursor() as own:
                found += len(own.execute("FROM cog_header($1)", [str(tmp_path / "a.tif")]).fetchall())
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reads, range(4))) == [25] * 4
    con.close()


@pytest.fixture
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that was not made by ``connect()``."""
    with duckdb.connect() as con:
        yield rasteret_sql.register(con)


def test_a_plain_connection_is_held_too(plain: duckdb.DuckDBPyConnection, folder: Path) -> None:
    assert plain.execute("SELECT RS_Width('secret.tif')").fetchall() == [(16,)]
    plain.execute("SET enable_external_access = false")
    assert is_refused(plain, "SELECT RS_Width('secret.tif')")


def test_a_plain_connection_is_borrowed_from_once_for_calls_at_one_time(
    plain: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    """A call of the user that comes just then is refused by DuckDB 2: it is rare, and says what to do."""
    instance = hardening.instance_with(plain)
    assert instance is not None
    inner = instance.during(lambda: instance.ask() and instance._borrowed)
    outer = instance.during(lambda: (inner(), inner()))
    first, second = outer()
    assert first is second
    assert first is not inner()
    with pytest.raises(duckdb.ConnectionException):  # closed with the last call
        first.execute("SELECT 1")


class Busy:
    """A connection whose own thread is always calling it."""

    def cursor(self) -> None:
        raise duckdb.OperationalError("connection is busy with another call")


def test_what_may_be_opened_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardening, "PATIENCE_S", 0.05)
    instance = hardening.Instance(0)
    monkeypatch.setattr(instance, "connections", lambda: [Busy()])
    with pytest.raises(RefusedError, match="DuckDB does not say what may be opened"):
        instance.ask()


def test_a_connection_that_is_closed_takes_the_borrowed_cursor_along(
    plain: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    instance = hardening.instance_with(plain)
    assert instance is not None

    def closed_in_between() -> None:
        instance.ask()
        assert instance._borrowed is not None
        instance._borrowed.close()
        plain.execute("SET enable_external_access = false")
        assert not instance.ask().external

    instance.during(closed_in_between)()


def test_threads_with_cursors_of_a_plain_connection(plain: duckdb.DuckDBPyConnection, folder: Path) -> None:
    owned = [rasteret_sql.register(plain.cursor()) for _ in range(4)]

    def read(own: duckdb.DuckDBPyConnection) -> int:
        return sum(len(own.execute("FROM cog_header('secret.tif')").fetchall()) for _ in range(25))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, owned)) == [25] * 4
