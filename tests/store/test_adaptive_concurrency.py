"""How many requests are in flight is found while running; a straggler is asked for a second time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rasteret_sql.settings import configure
from rasteret_sql.store import fetch as fetch_module
from rasteret_sql.store import request_log
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.scheduling import adaptive_concurrency, scheduler
from rasteret_sql.store.scheduling.adaptive_concurrency import (
    GROWTH,
    MAX_REQUESTS,
    MIN_REQUESTS,
    OperatingPoint,
)
from tests.store.server import Fault, FaultServer

MB = 1_000_000


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(adaptive_concurrency, "monotonic", made)
    return made


def rounds(point: OperatingPoint, clock: Clock, count: int, bytes_per_s_of: dict[int, float]) -> None:
    """Whole rounds of answers at the rate that the server gives to the number in flight."""
    for _ in range(count):
        limit = point.limit()
        rate = max(value for least, value in bytes_per_s_of.items() if least <= limit)
        for _ in range(int(limit) + 1):
            clock.now += MB / rate
            point.landed(MB, saturated=True)


@pytest.mark.parametrize(
    ("length", "expected"), [(1 << 20, 48), (400_000, 125), (32_768, 256), (16, 256), (64 << 20, 48)]
)
def test_the_first_guess_has_about_48_mb_in_flight(length: int, expected: int) -> None:
    point = OperatingPoint()
    point.expect(length)
    assert point.limit() == expected
    point.expect(1)
    assert point.limit() == expected


def test_it_grows_while_that_brings_more(clock: Clock) -> None:
    point = OperatingPoint()
    point.expect(400_000)
    assert point.limit() < MAX_REQUESTS
    rounds(point, clock, 30, {n: n * MB for n in range(1, MAX_REQUESTS + 1)})
    assert point.limit() == MAX_REQUESTS


def test_it_goes_back_where_more_brings_nothing(clock: Clock) -> None:
    point = OperatingPoint()
    point.expect(MB)
    start = point.limit()
    seen = set()
    for _ in range(40):
        rounds(point, clock, 1, {0: 100 * MB})
        seen.add(point.limit())
    assert seen == {start, round(start * GROWTH)}


def test_a_full_server_halves_it_once_a_second(clock: Clock) -> None:
    point = OperatingPoint()
    point.expect(1000)
    for _ in range(50):
        point.set_back()
    assert point.limit() == MAX_REQUESTS // 2
    for _ in range(9):
        clock.now += 1.5
        point.set_back()
    assert point.limit() == MIN_REQUESTS


def test_answers_tell_nothing_while_nobody_waits(clock: Clock) -> None:
    point = OperatingPoint()
    point.expect(MB)
    start = point.limit()
    for _ in range(1000):
        clock.now += 0.001
        point.landed(MB, saturated=False)
    assert point.limit() == start


def test_the_setting_overrides() -> None:
    point = OperatingPoint()
    point.expect(MB)
    configure(max_concurrency=7)
    assert point.limit() == 7


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"a.tif": bytes(range(256)) * 40}) as running:
        yield running


def ranges_of(href: str, count: int) -> list[ByteRange]:
    return [ByteRange(href=f"{href}?n={i}", start=i, length=10) for i in range(count)]


def test_a_straggler_is_asked_for_again(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "HEDGE_LEAST_S", 0.05)
    server.fail("a.tif", Fault(stall=True))
    found = dict(fetch(ranges_of(server.url("a.tif"), 60), kind="tile"))
    assert sorted(found) == list(range(60))
    assert all(isinstance(block, Block) and bytes(block.data)[0] == i for i, block in found.items())
    assert len(server.requests) <= 60 + 3
    assert any(record.attempt == 2 and record.error is None for record in request_log.snapshot()[-63:])


def test_only_a_small_share_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the first attempts hang: no more than one in twenty is made a second time meanwhile."""
    monkeypatch.setattr(scheduler, "HEDGE_LEAST_S", 0.01)
    configure(max_concurrency=100)
    release, lock, seen = threading.Event(), threading.Lock(), [0] * 100

    class Slow:
        def read(self, request: ByteRange) -> Block:
            with lock:
                seen[request.start] += 1
                first = seen[request.start] == 1
            if first and request.start % 2:
                release.wait(30)
            return Block(data=memoryview(bytes([request.start]) * 10), info=ObjectInfo())

    monkeypatch.setattr(fetch_module, "reader_for", lambda href: Slow())
    timer = threading.Timer(2.0, release.set)
    timer.start()
    found = [index for index, _ in fetch(ranges_of("http://h/a", 100), kind="tile")]
    timer.cancel()
    assert sorted(found) == list(range(100))
    assert sum(seen) == 105
