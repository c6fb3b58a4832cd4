"""A query that is stopped in the middle of its requests: the connection goes on, and nothing else does."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.settings import configure
from rasteret_sql.store.scheduling import scheduler
from tests.contracts import scenes
from tests.store.server import Fault, FaultServer, wait_until

FILES = 40
AT_ONCE = 4
READ = "SELECT count(c.data) FROM idx AS i, read_cog(i) AS c"
DEADLINE_S = 30
"""Far more than anything here takes."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    data = scenes.file_of(scenes.scenes()[0], "red")
    with FaultServer({f"{n}.tif": data for n in range(FILES)}) as running:
        yield running


@pytest.fixture
def idx(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of files that take one request each, a few at a time."""
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(n) for n in server.files]])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    configure(max_concurrency=AT_ONCE, tile_cache_bytes=0)
    server.clear()
    return con


def at_rest(server: FaultServer) -> bool:
    """No request on its way, and no byte held for one."""
    return server.active == 0 and scheduler.budget.held == 0


def test_an_interrupted_query_ends_and_the_connection_reads_on(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    server.gate = threading.Event()
    ended: list[BaseException] = []

    def read() -> None:
        try:
            idx.execute(READ).fetchall()
        except BaseException as error:
            ended.append(error)

    query = threading.Thread(target=read)
    query.start()
    wait_until(lambda: server.active == AT_ONCE, DEADLINE_S)
    idx.interrupt()
    server.gate.set()
    query.join(DEADLINE_S)
    assert [type(error) for error in ended] == [duckdb.InterruptException]
    wait_until(lambda: at_rest(server), DEADLINE_S)
    # DuckDB tells Python functions nothing: what the batch had planned is the most that is asked for
    assert len(server.requests) <= FILES
    server.clear()
    assert idx.execute(READ).fetchall() == [(FILES,)]
    assert len(server.requests) == FILES


def test_an_interrupted_query_does_not_outlive_a_server_that_is_silent(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    """It ends with the first request that is given up, after the tries that the settings allow."""
    configure(request_timeout_s=0.3, max_retries=1)
    server.weather = lambda: Fault(stall=True)
    ended: list[BaseException] = []

    def read() -> None:
        try:
            idx.execute(READ).fetchall()
        except BaseException as error:
            ended.append(error)

    query = threading.Thread(target=read)
    query.start()
    wait_until(lambda: server.active == AT_ONCE, DEADLINE_S)
    idx.interrupt()
    query.join(DEADLINE_S)
    assert not query.is_alive()
    assert [type(error) for error in ended] == [duckdb.InterruptException]
    wait_until(lambda: scheduler.budget.held == 0, DEADLINE_S)
    assert len(server.requests) <= AT_ONCE * scheduler.AHEAD * 2
    server.weather = lambda: Fault()
    configure(request_timeout_s=None)
    assert idx.execute(READ).fetchall() == [(FILES,)]


def test_another_query_that_waits_for_the_same_tiles_is_not_interrupted(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    configure(tile_cache_bytes=None)
    server.gate = threading.Event()

    def read() -> None:
        with contextlib.suppress(duckdb.InterruptException):
            idx.execute(READ).fetchall()

    stopped = threading.Thread(target=read)
    stopped.start()
    wait_until(lambda: server.active == AT_ONCE, DEADLINE_S)
    found: list[object] = []
    other = rasteret_sql.register(idx.cursor())
    reading = threading.Thread(target=lambda: found.append(other.execute(READ).fetchall()))
    reading.start()
    idx.interrupt()
    server.gate.set()
    stopped.join(DEADLINE_S)
    reading.join(DEADLINE_S)
    assert found == [[(FILES,)]]
    assert len(server.requests) == FILES


PROCESS = """
import os, signal, threading, time
import duckdb
import rasteret_sql
from rasteret_sql.store.scheduling import scheduler
from tests.contracts import scenes
from tests.store.server import FaultServer

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
data = scenes.file_of(scenes.scenes()[0], "red")
server = FaultServer({f"{n}.tif": data for n in range(40)})
server.__enter__()
con = rasteret_sql.connect(settings={"max_concurrency": 4, "tile_cache_bytes": 0, "max_retries": 0})
con.execute("SET enable_progress_bar = false")
con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(name) for name in server.files]])
con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
READ = "SELECT count(c.data) FROM idx AS i, read_cog(i) AS c"

def interrupt():
    while server.active < 4:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
    server.gate.set()

server.clear()
server.gate = threading.Event()
threading.Thread(target=interrupt).start()
try:
    con.execute(READ).fetchall()
except RuntimeError as error:  # as DuckDB ends its own queries at Ctrl-C
    print(error)
until = time.monotonic() + 20
while (server.active or scheduler.budget.held) and time.monotonic() < until:
    time.sleep(0.01)
print(server.active, scheduler.budget.held)
asked = len(server.requests)
time.sleep(0.5)
print(len(server.requests) == asked)
print(con.execute(READ).fetchall())
"""


def test_ctrl_c_in_the_middle_of_a_read_leaves_the_connection_usable() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROCESS)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Query interrupted\n0 0\nTrue\n[(40,)]\n", "")


@pytest.mark.parametrize(
    "kind", ["plain", "requests", "headers", "search", "zones", "decoding", "warps", "build"]
)
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("ctrl-c", "RuntimeError: Query interrupted"),
        ("interrupt", "InterruptException: INTERRUPT Error: Interrupted!"),
    ],
)
def test_an_interruption_is_one_kind_of_error_and_duckdbs_own(kind: str, how: str, error: str) -> None:
    """``plain`` is a query without anything of ours: what it raises is what all others must."""
    thread_counts = ("1", "2") if kind == "requests" else ("1" if kind == "plain" else "2",)
    for threads in thread_counts:
        done = interrupted(kind, how, threads)
        assert (done.returncode, done.stdout) == (0, f"{error}\n[(40,)]\n"), done.stderr


def interrupted(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.contracts.interrupted", *words],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "speaker"), [("requests", "read_cog"), ("search", "stac_search")])
def test_ctrl_c_on_a_connection_that_was_registered(kind: str, speaker: str) -> None:
    """A kernel on the main thread takes the signal, and DuckDB tells of the error that the kernel gives."""
    of_duckdb = "RuntimeError: Query interrupted\n[(40,)]\n"
    of_kernel = f"InvalidInputException: Invalid Input Error: {speaker}: interrupted\n[(40,)]\n"
    for threads in ("1", "2"):
        assert interrupted(kind, "ctrl-c", threads, "register").stdout in (of_duckdb, of_kernel)
    found = interrupted(kind, "interrupt", "1", "register").stdout
    assert found == "InterruptException: INTERRUPT Error: Interrupted!\n[(40,)]\n"


def test_a_command_that_is_interrupted_says_so_in_one_line(server: FaultServer, tmp_path: Path) -> None:
    server.weather = lambda: Fault(stall=True)
    words = ("index", "build", str(tmp_path / "idx.parquet"), server.origin)
    child = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: bool(server.requests), DEADLINE_S)
    child.send_signal(signal.SIGINT)
    out, told = child.communicate(timeout=DEADLINE_S)
    assert (child.returncode, out, told) == (-signal.SIGINT, "", "rasteret-sql: interrupted\n")
    assert list(tmp_path.iterdir()) == []


COMMAND = """
import signal, sys
from rasteret_sql.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
sys.exit(main())
"""


def test_who_waits_no_more_makes_no_more_requests(server: FaultServer) -> None:
    """What Ctrl-C does where DuckDB runs the function in the thread that Python interrupts."""
    from rasteret_sql.errors import InterruptionError
    from rasteret_sql.interruption import watching
    from rasteret_sql.store.fetch import fetch
    from rasteret_sql.store.protocol import ByteRange

    configure(max_concurrency=AT_ONCE)
    server.gate, gone = threading.Event(), threading.Event()
    ranges = [ByteRange(href=server.url("0.tif"), start=n * 10, length=10) for n in range(1000)]
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with watching(gone.is_set):
                list(fetch(ranges, kind="tile"))
        except InterruptionError as error:
            raised.append(error)

    reading = threading.Thread(target=work)
    reading.start()
    wait_until(lambda: server.active == AT_ONCE, DEADLINE_S)
    gone.set()
    reading.join(DEADLINE_S)
    assert str(raised[0]) == "interrupted"
    server.gate.set()
    wait_until(lambda: at_rest(server), DEADLINE_S)
    assert len(server.requests) <= AT_ONCE
