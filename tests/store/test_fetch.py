"""Many ranges at once: complete, bounded, shared between threads, and easy to leave."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest

from rasteret_sql.errors import ArgumentError, NotFoundError, RasteretError, TransportError
from rasteret_sql.settings import configure
from rasteret_sql.store import fetch as fetch_module
from rasteret_sql.store import request_log
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.scheduling import retry, scheduler
from tests.store.conftest import DATA
from tests.store.server import Fault, FaultServer, wait_until


def ranges_of(href: str, count: int, length: int = 10) -> list[ByteRange]:
    return [ByteRange(href=href, start=i * length, length=length) for i in range(count)]


def fetch_all(ranges: list[ByteRange]) -> list[bytes]:
    got: dict[int, bytes] = {}
    for index, outcome in fetch(ranges, kind="tile"):
        assert isinstance(outcome, Block), outcome
        assert index not in got
        got[index] = bytes(outcome.data)
    return [got[i] for i in range(len(ranges))]


def test_every_range_comes_once_with_its_bytes(server: FaultServer) -> None:
    ranges = ranges_of(server.url("a.tif"), 300)
    assert fetch_all(ranges) == [DATA[r.start : r.end] for r in ranges]
    assert sorted(q.range or "" for q in server.requests) == sorted(
        f"bytes={r.start}-{r.end - 1}" for r in ranges
    )


def test_nothing_asked_for_is_nothing_sent() -> None:
    before = request_log.totals()
    assert list(fetch([], kind="tile")) == []
    assert request_log.totals() == before


def test_stores_mix_and_a_bad_file_spoils_only_itself(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "local.tif").write_bytes(DATA)
    hrefs = [
        server.url("a.tif"),
        server.url("missing.tif"),
        str(tmp_path / "local.tif"),
        "ftq://host/x",
        "s3://b",
    ]
    outcomes = dict(fetch([ByteRange(href=h, start=5, length=5) for h in hrefs], kind="header"))
    assert [bytes(outcomes[i].data) for i in (0, 2) if isinstance(outcomes[i], Block)] == [DATA[5:10]] * 2  # type: ignore[union-attr]
    assert isinstance(outcomes[1], NotFoundError)
    assert str(outcomes[3]) == "ftq://host/x: neither this package nor fsspec knows the protocol 'ftq'."
    assert str(outcomes[4]) == "'s3://b' names no file: expected s3://bucket/key."


@pytest.mark.parametrize(("start", "length"), [(-1, 10), (0, 0), (0, -5)])
def test_a_range_that_makes_no_sense_is_an_argument_error(
    server: FaultServer, start: int, length: int
) -> None:
    [(_, outcome)] = fetch([ByteRange(href=server.url("a.tif"), start=start, length=length)], kind="tile")
    assert isinstance(outcome, ArgumentError)
    assert server.requests == []


def test_a_relative_path_is_seen_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.tif").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    assert fetch_all(ranges_of("here.tif", 3)) == [DATA[:10], DATA[10:20], DATA[20:30]]
    [(_, outcome)] = fetch(ranges_of("gone.tif", 1), kind="tile")
    assert str(outcome) == f"gone.tif: there is no such file (looked for {tmp_path}/gone.tif)."


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    [(_, outcome)] = fetch(ranges_of(str(tmp_path), 1), kind="tile")
    assert isinstance(outcome, NotFoundError)
    assert str(outcome) == f"{tmp_path}: that is a folder; expected a file."


def test_no_more_requests_are_on_the_wire_than_allowed(server: FaultServer) -> None:
    configure(max_concurrency=5)
    server.gate = threading.Event()
    reading = fetch(ranges_of(server.url("a.tif"), 40), kind="tile")
    with ThreadPoolExecutor(1) as thread:
        rest = thread.submit(lambda: list(reading))
        try:
            wait_until(lambda: server.most_at_once >= 5, 10)
        finally:
            server.gate.set()
        assert len(rest.result()) == 40
    assert server.most_at_once == 5


def test_unread_results_count_as_bytes_in_flight(server: FaultServer) -> None:
    configure(bytes_in_flight=1000)
    reading = fetch(ranges_of(server.url("a.tif"), 50, length=100), kind="tile")
    next(reading)
    wait_until(lambda: len(server.requests) == 10, 10)
    assert scheduler.budget.held == 1000
    next(reading)
    # One was taken and given back, so exactly one more was asked for.
    wait_until(lambda: len(server.requests) == 11, 10)
    assert len(list(reading)) == 48
    assert scheduler.budget.held == 0


def test_a_range_larger_than_the_budget_is_read_alone(server: FaultServer) -> None:
    configure(bytes_in_flight=100)
    assert fetch_all(ranges_of(server.url("a.tif"), 5, length=2000)) == [
        DATA[i * 2000 : (i + 1) * 2000] for i in range(5)
    ]
    assert server.most_at_once == 1


def test_a_reader_inside_a_reader_always_gets_on(server: FaultServer) -> None:
    configure(bytes_in_flight=100, max_concurrency=1)
    outer = fetch(ranges_of(server.url("a.tif"), 10, length=100), kind="tile")
    for _, _ in outer:
        assert fetch_all(ranges_of(server.url("a.tif"), 3, length=100))


def test_readers_of_many_threads_share_the_limits(server: FaultServer) -> None:
    configure(max_concurrency=8, bytes_in_flight=4000)
    ranges = ranges_of(server.url("a.tif"), 100)
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda _: fetch_all(ranges), range(6)))
    assert results == [[DATA[r.start : r.end] for r in ranges]] * 6
    assert server.most_at_once <= 8
    assert scheduler.budget.held == 0


def test_leaving_early_drops_what_has_not_started(server: FaultServer) -> None:
    configure(max_concurrency=2)
    server.gate = threading.Event()
    server.gate.set()
    reading = fetch(ranges_of(server.url("a.tif"), 500), kind="tile")
    next(reading)
    server.gate.clear()
    reading.close()  # type: ignore[attr-defined]
    server.gate.set()
    sleep(0.05)
    # Two threads, some of each already waiting for the closed iteration's answers.
    assert len(server.requests) <= 500 // 4
    assert scheduler.budget.held == 0
    assert fetch_all(ranges_of(server.url("a.tif"), 3)) == [DATA[:10], DATA[10:20], DATA[20:30]]


def test_an_iteration_that_nobody_holds_is_left(server: FaultServer) -> None:
    reading = fetch(ranges_of(server.url("a.tif"), 100), kind="tile")
    next(reading)
    assert scheduler.budget.held > 0
    del reading
    gc.collect()
    assert scheduler.budget.held == 0


def test_an_iteration_never_begun_sends_nothing(server: FaultServer) -> None:
    fetch(ranges_of(server.url("a.tif"), 10), kind="tile")
    assert server.requests == []


def test_waiting_for_a_retry_holds_no_thread(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(max_concurrency=1)
    monkeypatch.setattr(retry.random, "uniform", lambda least, most: 0.2)
    server.fail("a.tif", Fault(status=503))
    ranges = [ByteRange(href=server.url("a.tif?x=1"), start=0, length=10), *ranges_of(server.url("a.tif"), 5)]
    order = [index for index, _ in fetch(ranges, kind="tile")]
    assert order == [1, 2, 3, 4, 5, 0]


def test_every_attempt_is_metered(server: FaultServer) -> None:
    server.fail("a.tif", Fault(status=500, body=b""))
    before = request_log.totals()
    fetch_all([ByteRange(href=server.url("a.tif?sig=hush"), start=20, length=10)])
    first, second = request_log.snapshot()[-2:]
    url = server.url("a.tif?sig=…")
    assert (first.kind, first.url, first.offset, first.byte_count, first.attempt) == ("tile", url, 20, 0, 1)
    assert first.error == f"{url}: the server failed (HTTP 500)."
    assert (second.url, second.offset, second.byte_count, second.attempt, second.error) == (
        url,
        20,
        10,
        2,
        None,
    )
    assert second.id == first.id + 1
    assert second.duration_ms > 0
    after = request_log.totals()
    assert (after.requests - before.requests, after.byte_count - before.byte_count) == (2, 10)
    assert (after.errors - before.errors, after.retries - before.retries) == (1, 1)


def test_the_log_is_bounded_and_the_totals_are_not(server: FaultServer) -> None:
    configure(request_log_rows=5)
    fetch_all(ranges_of(server.url("a.tif"), 1))
    before, last = request_log.totals(), request_log.snapshot()[-1].id
    fetch_all(ranges_of(server.url("a.tif"), 20))
    assert len(request_log.snapshot()) == 5
    assert [entry.id for entry in request_log.snapshot()] == list(range(last + 16, last + 21))
    assert request_log.totals().requests == before.requests + 20


def test_a_fault_of_our_own_is_an_error_and_not_a_hang(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(href: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(fetch_module, "reader_for", broken)
    [(_, outcome)] = fetch(ranges_of(server.url("a.tif?sig=hush"), 1), kind="tile")
    assert isinstance(outcome, TransportError)
    assert str(outcome) == f"{server.url('a.tif?sig=…')}: reading failed unexpectedly (RuntimeError)."
    assert isinstance(outcome.__cause__, RuntimeError)


def test_a_short_answer_that_no_header_betrays_is_noticed(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut:
        def __init__(self) -> None:
            self.calls = 0

        def read(self, request: ByteRange) -> Block:
            self.calls += 1
            block = real.read(request)
            return Block(data=block.data[:-1], info=block.info) if self.calls == 1 else block

    real, cut = fetch_module.reader_for(server.url("a.tif")), Cut()
    monkeypatch.setattr(fetch_module, "reader_for", lambda href: cut)
    assert fetch_all(ranges_of(server.url("a.tif"), 1)) == [DATA[:10]]
    assert cut.calls == 2


def test_settings_and_options_take_effect_on_the_next_read(server: FaultServer) -> None:
    from rasteret_sql.store.options import set_storage_options

    for token in ("one", "two"):
        set_storage_options({server.origin: {"headers": {"X-Token": token}}})
        fetch_all(ranges_of(server.url("a.tif"), 1))
    assert [request.headers["x-token"] for request in server.requests] == ["one", "two"]


PROCESS = """
import os, signal, sys, threading
from rasteret_sql.errors import RasteretError
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import ByteRange
from tests.store.server import FaultServer

server = FaultServer({"a.tif": bytes(10000)})
server.__enter__()
# Half by obstore, half by aiohttp.
hrefs = [server.url("a.tif"), server.url("a.tif?x=1")] * 50
ranges = [ByteRange(href=href, start=i, length=10) for i, href in enumerate(hrefs)]

def good():
    return sum(not isinstance(outcome, RasteretError) for _, outcome in fetch(ranges, kind="tile"))
"""


def run_process(code: str) -> tuple[int, str, str]:
    script = PROCESS + textwrap.dedent(code)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", script], cwd=root, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_a_process_ends_quietly_after_reading() -> None:
    assert run_process("print(good())") == (0, "100\n", "")


def test_a_process_ends_quietly_with_requests_on_the_wire() -> None:
    code = """
        good()
        server.gate = threading.Event()
        reading = fetch(ranges, kind="tile")
        threading.Thread(target=lambda: next(reading), daemon=True).start()
        while server.most_at_once < 10:
            threading.Event().wait(0.01)
        print("done")
    """
    assert run_process(code) == (0, "done\n", "")


def test_ctrl_c_ends_the_wait() -> None:
    code = """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
        good()
        server.gate = threading.Event()
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            good()
        except KeyboardInterrupt:
            print("interrupted")
        server.gate.set()
        print(good())
    """
    assert run_process(code) == (0, "interrupted\n100\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_a_forked_child_reads_too() -> None:
    code = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        good()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            print(good(), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(good())
    """
    assert run_process(code) == (0, "100\n100\n", "")


def test_outcomes_are_the_two_kinds_that_are_promised(server: FaultServer) -> None:
    server.fail("a.tif", Fault(status=404), times=3)
    for _, outcome in fetch(ranges_of(server.url("a.tif"), 20), kind="tile"):
        assert isinstance(outcome, Block | RasteretError)
