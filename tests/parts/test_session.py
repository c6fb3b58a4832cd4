"""A session is a value that makes another process like this one, and shows no secret."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import rasteret_sql
from rasteret_sql.errors import ArgumentError, RasteretWarning
from rasteret_sql.parts import FromEnvironment, Session, function_pickles
from rasteret_sql.parts.share import Share
from rasteret_sql.settings import settings
from rasteret_sql.stac.catalogs.catalogs import resolve, unregister_catalog
from rasteret_sql.store.options import options_for
from rasteret_sql.store.signing.signers import signer_for

SECRET = "hunter2-of-the-tests"


def sign(href: str) -> str:
    return f"{href}?sig=signed"


@pytest.fixture
def ours() -> Iterator[str]:
    rasteret_sql.register_catalog("ours/parts", endpoint="http://127.0.0.1:1/stac")
    yield "ours/parts"
    unregister_catalog("ours/parts")


def spawned(call: Any, *arguments: Any) -> Any:
    """The answer of a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, arguments)


def told_there(session: Session) -> dict[str, Any]:
    """What a process has become after ``connect()``."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        con = session.connect()
    signer = signer_for("https://signed.example/a.tif")
    return {
        "pid": os.getpid(),
        "timeout": settings().request_timeout_s,
        "options": dict(options_for("s3://ours/a.tif")),
        "signed": None if signer is None else signer.sign("https://signed.example/a.tif").href,
        "endpoint": resolve("ours/parts").endpoint,
        "threads": con.execute("SELECT current_setting('threads')").fetchall()[0][0],
        "init": con.execute("SELECT * FROM made").fetchall(),
        "functions": con.execute("SELECT rasteret_bbox('POINT (1 2)'::GEOMETRY).xmin").fetchall(),
    }


def test_what_is_configured_here_is_configured_there(ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASTERET_MAX_RETRIES", "2")
    with rasteret_sql.connect(
        settings={"request_timeout_s": 7.5}, storage_options={"s3://ours/": {"profile": "field-team"}}
    ):
        rasteret_sql.register_signer("https://signed.example/", sign)
        session = Session.here(config={"threads": 1}, init=["CREATE TABLE made AS SELECT 42"])
    assert session.settings == {"request_timeout_s": 7.5, "max_retries": 2}
    told = spawned(told_there, session)
    assert told.pop("pid") != os.getpid()
    assert told == {
        "timeout": 7.5,
        "options": {"profile": "field-team"},
        "signed": "https://signed.example/a.tif?sig=signed",
        "endpoint": "http://127.0.0.1:1/stac",
        "threads": 1,
        "init": [(42,)],
        "functions": [(1.0,)],
    }


def test_a_session_is_equal_to_what_becomes_of_it_elsewhere() -> None:
    rasteret_sql.register_signer("https://signed.example/", sign)
    session = Session.here(cpus=0.5)
    there = pickle.loads(pickle.dumps(session))
    assert (there, there.key) == (session, session.key)


def test_no_secret_is_shown() -> None:
    with pytest.warns(RasteretWarning, match="key, secret among the storage options of s3://private/"):
        session = Session(
            storage_options={"s3://private/": {"key": SECRET, "secret": SECRET, "region": "eu-west-1"}},
            signers=(),
            config={"threads": 2, "custom_user_agent": SECRET},
            init=[f"CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET '{SECRET}')"],  # type: ignore[arg-type]
        )
    text = repr(session)
    assert SECRET not in text
    assert "eu-west-1" in text
    assert "'threads': 2" in text


def test_a_secret_of_the_environment_does_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EO_TOKEN_OF_TESTS", SECRET)
    session = Session(
        storage_options={"https://private.example/": {"bearer_token": FromEnvironment("EO_TOKEN_OF_TESTS")}}
    )
    assert SECRET.encode() not in pickle.dumps(session)
    session.connect()
    assert options_for("https://private.example/a.tif")["bearer_token"] == SECRET
    monkeypatch.delenv("EO_TOKEN_OF_TESTS")
    other = Session(storage_options={"s3://x/": {"key": FromEnvironment("EO_TOKEN_OF_TESTS")}})
    with pytest.raises(ArgumentError, match="'EO_TOKEN_OF_TESTS', which a storage option names, is not set"):
        other.connect()


def test_a_signer_that_cannot_be_sent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_pickles, "PICKLERS", ())
    lock = threading.Lock()

    def with_a_lock(href: str) -> str:
        with lock:
            return href

    rasteret_sql.register_signer("https://signed.example/tiles/", with_a_lock)
    with pytest.raises(ArgumentError, match=r"the signer of https://signed\.example/tiles/ .*with_a_lock"):
        pickle.dumps(Session.here())


def test_a_process_keeps_one_connection_and_a_thread_one_cursor() -> None:
    session = Session(init=("CREATE TABLE counted AS SELECT 1 AS n",))
    mine = session.connect()
    assert session.connect() is mine
    assert pickle.loads(pickle.dumps(session)).connect() is mine
    others: list[Any] = []
    thread = threading.Thread(target=lambda: others.append(session.connect()))
    thread.start()
    thread.join()
    assert others[0] is not mine
    assert others[0].execute("SELECT n FROM counted").fetchall() == [(1,)]


def counted_there(session: Session) -> list[Any]:
    return session.connect().execute("SELECT n FROM counted").fetchall()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_makes_a_connection_of_its_own() -> None:
    session = Session(init=("CREATE TABLE counted AS SELECT 1 AS n",))
    session.connect().execute("DROP TABLE counted").fetchall()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(counted_there, (session,)).get(timeout=60) == [(1,)]


def test_a_session_that_follows_another_undoes_its_settings() -> None:
    first, second = Session(settings={"max_retries": 1}), Session(settings={"request_timeout_s": 3})
    first.connect()
    assert settings().max_retries == 1
    second.connect()
    assert (settings().max_retries, settings().request_timeout_s) == (4, 3)
    first.connect()
    assert settings().max_retries == 1


def test_cpus_bound_threads_requests_caches_and_memory() -> None:
    share = Share(cpus=2, machine_cpus=8, machine_memory_bytes=32 << 30)
    assert share.config() == {"threads": 2, "memory_limit": "4915MiB"}
    assert share.settings() == {
        "decode_threads": 2,
        "max_concurrency": 64,
        "tile_cache_bytes": 32 << 20,
        "header_cache_bytes": 8 << 20,
        "bytes_in_flight": 16 << 20,
    }
    con = Session(cpus=1, settings={"tile_cache_bytes": 5}).connect()
    assert con.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
    assert (settings().decode_threads, settings().tile_cache_bytes) == (1, 5)


@pytest.mark.parametrize("cpus", [0, -1, float("inf"), float("nan")])
def test_cpus_that_no_machine_has_are_refused(cpus: float) -> None:
    with pytest.raises(ArgumentError, match="cpus must be a number of cores above 0"):
        Session(cpus=cpus)


def test_init_is_a_list() -> None:
    with pytest.raises(ArgumentError, match="init is a list of statements"):
        Session(init="LOAD httpfs")  # type: ignore[arg-type]


def test_parts_are_imported_when_they_are_asked_for() -> None:
    assert rasteret_sql.Session is Session
    with pytest.raises(AttributeError, match="no attribute 'Sessions'"):
        _ = rasteret_sql.Sessions  # type: ignore[attr-defined]
    code = "import sys, rasteret_sql; sys.exit('rasteret_sql.parts' in sys.modules)"
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0
