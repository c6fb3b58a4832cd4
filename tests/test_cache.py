"""What is kept for the next, by count and by bytes; and what a forked child finds of it."""

from __future__ import annotations

import os
import threading

import pytest

from rasteret_sql.cache import Lru, SingleFlight
from rasteret_sql.forks import fork_safe_lock


def test_the_entry_not_used_for_longest_goes_first() -> None:
    kept = Lru[str, int](2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_bytes_are_counted_through_puts_and_pops() -> None:
    dropped: list[str] = []
    kept = Lru[str, bytes](10, lambda key, value: len(key) + len(value), dropped.append)
    kept.put("a", b"1234")
    kept.put("b", b"123")
    assert kept.size == 9
    kept.put("a", b"1")
    assert kept.size == 6
    kept.put("c", b"12345")
    assert (kept.size, dropped) == (8, ["b"])
    assert kept.pop("a") == b"1"
    assert kept.pop("a") is None
    assert kept.size == 6
    kept.put("c", b"1" * 10)
    assert ("c" in kept, kept.size) == (False, 0), "larger than the limit, and the former value is over"


def test_a_limit_that_became_lower_counts_at_once() -> None:
    limit = 3
    kept = Lru[int, int](lambda: limit)
    for number in range(3):
        kept.put(number, number)
    limit = 1
    kept.shrink()
    assert kept.items() == [(2, 2)]


def test_one_gets_and_the_others_wait() -> None:
    flight = SingleFlight[str, int]()
    assert flight.claim("a") is None
    waiting = flight.claim("a")
    assert waiting is not None
    flight.settle("a").set_result(5)
    assert waiting.result(timeout=1) == 5
    assert flight.claim("a") is None, "settled, so the next one gets it anew"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_finds_locks_open_and_nobody_to_wait_for() -> None:
    lock, flight, kept = fork_safe_lock(), SingleFlight[str, int](), Lru[str, int](3)
    kept.put("a", 1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock, kept.lock:
            flight.claim("a")
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        free = lock.acquire(timeout=1) and kept.lock.acquire(timeout=1)
        os._exit(0 if free and flight.claim("a") is None and kept.get("a") == 1 else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
