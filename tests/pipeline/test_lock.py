"""One run at a time writes an index; what was left behind by a process that is no more stops nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.errors import BusyError
from rasteret_sql.pipeline import build_index, index_info, lock, refresh_index
from rasteret_sql.pipeline.replace import name_beside
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

ITEMS = "FROM scenes WHERE true"


@pytest.fixture(autouse=True)
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    serve_items(con, server, SMALL, ("red",))


def left(path: Path, owner: lock.Owner, *, age_s: float = 0) -> Path:
    """The lock of an index as another process wrote it, last touched so long ago."""
    place = path.with_name(f"{path.name}.lock")
    place.write_text(json.dumps(asdict(owner)), "utf-8")
    os.utime(place, (time.time() - age_s,) * 2)
    return place


def ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_that_is_under_way_is_named(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    build_index(con, path, items=ITEMS)
    held = path.read_bytes()
    with lock.locked(path):
        for run in (build_index, refresh_index):
            with pytest.raises(
                BusyError, match=rf"idx\.parquet: another run .*: process {os.getpid()} on .*, since 20"
            ):
                run(con, path, items=ITEMS)
        start = time.monotonic()
        with pytest.raises(BusyError):
            build_index(con, path, items=ITEMS, wait=0.5)
        assert time.monotonic() - start >= 0.5
    assert path.read_bytes() == held
    assert build_index(con, path, items=ITEMS).added == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"idx.parquet"}


def test_a_run_waits_for_another(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    with lock.locked(path):
        cursor_ended = threading.Timer(0.6, lambda: None)
        cursor_ended.start()
        place = path.with_name("idx.parquet.lock")
        threading.Timer(0.6, place.unlink).start()
        start = time.monotonic()
        assert build_index(con, path, items=ITEMS, wait=30).added == 6
        assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize("how", ["ended", "reused", "other machine", "broken"])
def test_a_lock_that_was_left_behind_is_taken_over(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "idx.parquet"
    owner = lock.myself()
    if how == "ended":
        left(path, replace(owner, pid=ended()))
    elif how == "reused":  # the number belongs to another process by now
        left(path, replace(owner, started="1"))
    elif how == "other machine":
        left(path, replace(owner, machine="another", pid=1), age_s=lock.STALE_S + 60)
    else:
        left(path, owner, age_s=lock.STALE_S + 60).write_text("{")
        os.utime(path.with_name("idx.parquet.lock"), (time.time() - lock.STALE_S - 60,) * 2)
    assert build_index(con, path, items=ITEMS).added == 6
    assert [entry.name for entry in tmp_path.iterdir()] == ["idx.parquet"]


@pytest.mark.parametrize("machine", ["this", "another"])
def test_a_lock_of_a_living_process_holds(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, machine: str
) -> None:
    path = tmp_path / "idx.parquet"
    owner = replace(lock.myself(), pid=os.getppid(), started=lock.started(os.getppid()))
    # on this machine the process says that it lives, on another the time of the last touch
    age_s = 10 * lock.STALE_S if machine == "this" else lock.STALE_S / 2
    left(path, owner if machine == "this" else replace(owner, machine="another"), age_s=age_s)
    with pytest.raises(BusyError):
        build_index(con, path, items=ITEMS)
    assert not path.exists()


def test_a_lock_is_touched_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.05)
    place = tmp_path / "idx.parquet.lock"
    with lock.locked(tmp_path / "idx.parquet"):
        os.utime(place, (0, 0))
        end = time.monotonic() + 10
        while place.stat().st_mtime < 1 and time.monotonic() < end:
            time.sleep(0.01)
        assert time.time() - place.stat().st_mtime < 60
    assert not place.exists()


def test_many_that_see_a_dead_owner_hold_it_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    dead = ended()
    inside: list[int] = []
    most: list[int] = []

    def run(number: int) -> None:
        with lock.locked(path, wait=60):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    left(path, replace(lock.myself(), pid=dead))
    threads = [threading.Thread(target=run, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 12
    assert list(tmp_path.iterdir()) == []


CHILD = """
import sys, time
from pathlib import Path
from rasteret_sql.pipeline.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_stops_nobody(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=f"process {child.pid} "):
            build_index(con, path, items=ITEMS)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert build_index(con, path, items=ITEMS).added == 6


def test_tables_of_other_databases_are_others(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    import rasteret_sql
    from rasteret_sql.pipeline.target import target_of

    with rasteret_sql.connect() as other, target_of(con, "idx").locked(0), target_of(other, "idx").locked(0):
        pass
    with target_of(con, "idx").locked(0):
        with pytest.raises(BusyError, match="idx: another run is writing this index"):
            build_index(rasteret_sql.register(con.cursor()), "idx", items=ITEMS)
        with target_of(con, "other").locked(0):
            pass


def test_what_a_run_left_that_was_killed_while_it_took_the_lock(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "idx.parquet"
    mine = name_beside(tmp_path / "idx.parquet.lock")
    theirs = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{ended()}-"))
    theirs.write_text("{")
    mine.write_text("{")
    assert build_index(con, path, items=ITEMS).added == 6
    assert {entry.name for entry in tmp_path.iterdir()} == {"idx.parquet", mine.name}


@pytest.mark.parametrize("name", ["idx", "main.idx", "memory.main.IDX", "memory.idx"])
def test_a_table_has_one_lock_before_and_after_it_is_made(con: duckdb.DuckDBPyConnection, name: str) -> None:
    from rasteret_sql.pipeline.target import target_of

    cursor = con.cursor()
    with target_of(con, name).locked(0):
        con.execute(f"CREATE TABLE {name} (x INTEGER)")
        for other in ("idx", "main.idx", "memory.main.idx"):
            with pytest.raises(BusyError), target_of(cursor, other).locked(0):
                pass


def test_two_cursors_and_one_table(con: duckdb.DuckDBPyConnection) -> None:
    """Both are there with their searches; neither loses a row, and none is there twice."""
    import rasteret_sql

    halves = [f"FROM scenes WHERE id {sign} 'scene-3'" for sign in ("<", ">=")]
    failed: list[BaseException] = []

    def run(items: str) -> None:
        try:
            cursor = rasteret_sql.register(con.cursor())
            build_index(cursor, "idx", items=items, batch_rows=1, wait=60)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(items,)) for items in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    info = index_info(con, "idx")
    assert (info.rows, info.items) == (6, 6)
    assert sorted(search["items"] for search in info.searches) == sorted(halves)
    assert refresh_index(con, "idx", items=halves, prune=True).gone == 0
