"""A stream of items through the pool: all are done, few wait, and nobody is kept from working."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from rasteret_sql.settings import configure
from rasteret_sql.workers import Stream, workers


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    configure(decode_threads=2)
    workers.cache_clear()
    yield
    configure(decode_threads=None)
    workers.cache_clear()


def test_every_item_is_done_once() -> None:
    done: list[int] = []
    stream = Stream(done.append, waiting=16)
    for number in range(5000):
        stream.put(number)
    stream.join()
    assert sorted(done) == list(range(5000))
    assert len(stream._tasks) < 5000


def test_two_are_done_at_a_time_and_few_wait() -> None:
    lock, gate = threading.Lock(), threading.Event()
    begun: list[int] = []
    put: list[int] = []

    def do(number: int) -> None:
        with lock:
            begun.append(number)
        gate.wait(10)

    stream = Stream(do, waiting=6)

    def feed() -> None:
        for number in range(20):
            stream.put(number)
            put.append(number)

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(0.3)
    assert (len(begun), len(put)) == (2, 6)
    gate.set()
    feeder.join(10)
    stream.join()
    assert sorted(begun) == list(range(20))


def test_the_first_error_comes_out_and_the_rest_is_done() -> None:
    done: list[int] = []

    def do(number: int) -> None:
        if number == 3:
            raise ValueError("three")
        done.append(number)

    stream = Stream(do, waiting=2)
    for number in range(50):
        stream.put(number)
    with pytest.raises(ValueError, match="three"):
        stream.join()
    assert sorted(done) == [n for n in range(50) if n != 3]


def test_a_stream_that_waits_for_items_holds_no_thread() -> None:
    quiet, busy = [Stream(lambda _: None, waiting=2) for _ in range(2)]
    quiet.put(0)
    busy.put(1)
    busy.join()
    assert workers().submit(lambda: "free").result(timeout=10) == "free"
    quiet.put(2)
    quiet.join()


def test_dropped_items_are_not_done() -> None:
    gate = threading.Event()
    done: list[int] = []

    def do(number: int) -> None:
        gate.wait(10)
        done.append(number)

    stream = Stream(do, waiting=8)
    for number in range(8):
        stream.put(number)
    stream.drop()
    gate.set()
    stream.join()
    assert len(done) <= 2
