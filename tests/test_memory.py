"""Memory that is used again: never while anybody can still see it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rasteret_sql.memory import KEPT_IDLE, LEAST, Recycler

LENGTH = 3 * LEAST + 17


def address(memory: Any) -> int:
    return int(memory.__array_interface__["data"][0])


def test_memory_that_nobody_refers_to_is_given_out_again() -> None:
    recycler = Recycler()
    first = recycler.take(LENGTH)
    assert first.shape == (LENGTH,)
    assert first.flags.writeable
    where = address(first)
    del first
    assert address(recycler.take(LENGTH - 100)) == where


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the array": lambda taken: taken,
    "a view": lambda taken: taken[5:9],
    "another dtype": lambda taken: taken[: LENGTH // 8 * 8].view(np.float64).reshape(-1, 2)[1:, 0],
    "a memoryview": lambda taken: memoryview(taken)[7:],
    "an array on a memoryview": lambda taken: np.frombuffer(memoryview(taken)[8:16], np.uint16),
    "an Arrow buffer": lambda taken: pa.py_buffer(taken[100:]),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_memory_that_somebody_sees_stays_theirs(holder: Callable[[Any], Any]) -> None:
    recycler = Recycler()
    taken = recycler.take(LENGTH)
    where = address(taken)
    held = holder(taken)
    del taken
    assert address(recycler.take(LENGTH)) != where
    del held
    gc.collect()
    assert where in {address(memory) for memory in [recycler.take(LENGTH) for _ in range(3)]}


def test_small_memory_and_much_larger_memory_are_not_used_again() -> None:
    recycler = Recycler()
    large = recycler.take(10 * LENGTH)
    where = address(large)
    del large
    assert address(recycler.take(LENGTH)) != where
    assert recycler.take(LEAST - 1).base is None


def test_what_lies_idle_is_bounded() -> None:
    recycler = Recycler()
    held = [recycler.take(KEPT_IDLE // 4) for _ in range(12)]
    assert recycler.byte_count == 3 * KEPT_IDLE
    del held
    recycler.take(KEPT_IDLE)  # nothing fits, so a new slab is made, and idle ones are let go
    assert recycler.byte_count == 2 * KEPT_IDLE


def test_threads_never_share() -> None:
    recycler = Recycler()

    def write_and_look(number: int) -> bool:
        taken = recycler.take(LENGTH)
        taken[:] = number % 251
        return bool((taken == number % 251).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_look, range(2000)))
