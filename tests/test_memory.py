"""Memory that is reused: never while anybody can still see it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tifffile

import rasteret_sql
from rasteret_sql.memory import KEPT_IDLE, MIN_BYTES, RECYCLER, Recycler
from rasteret_sql.settings import configure

LENGTH = 3 * MIN_BYTES + 17


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
    assert recycler.take(MIN_BYTES - 1).base is None


def test_what_lies_idle_is_bounded() -> None:
    recycler = Recycler()
    held = [recycler.take(KEPT_IDLE // 4) for _ in range(12)]
    assert recycler.byte_count == 3 * KEPT_IDLE
    del held
    recycler.take(KEPT_IDLE)  # nothing fits, so a new slab is made, and idle ones are let go
    assert recycler.byte_count == 2 * KEPT_IDLE


@pytest.fixture
def no_reuse() -> Iterator[None]:
    configure(reuse_memory=False)
    yield
    configure(reuse_memory=None)


def test_reuse_may_be_switched_off(no_reuse: None) -> None:
    recycler = Recycler()
    taken = recycler.take(LENGTH)
    assert taken.base is None, "memory of its own, not a piece of a slab"
    assert taken.flags.writeable
    assert recycler.byte_count == 0


def test_switching_reuse_off_lets_idle_memory_go_and_leaves_what_is_in_use() -> None:
    recycler = Recycler()
    held = recycler.take(LENGTH)
    held[:] = 7
    assert recycler.byte_count > 0
    configure(reuse_memory=False)
    try:
        recycler.take(LENGTH)[:] = 8
        assert recycler.byte_count == 0
        assert (held == 7).all()
    finally:
        configure(reuse_memory=None)
    where = address(held)
    assert address(recycler.take(LENGTH)) != where, "what was let go is never given out while it is seen"


@pytest.mark.parametrize("reuse", [True, False])
def test_a_connection_may_switch_reuse_off(tmp_path: Path, reuse: bool) -> None:
    """Tiles of a file are decoded into slabs, or into memory of their own: the pixels are the same."""
    pixels = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(256, 256), compression="deflate")
    RECYCLER.clear()
    with rasteret_sql.connect(settings={"reuse_memory": reuse}) as con:
        row = con.execute("SELECT data FROM read_cog($1)", [str(tmp_path / "a.tif")]).fetchone()
    configure(reuse_memory=None)
    assert row is not None
    assert (np.frombuffer(row[0], np.uint16) == pixels.ravel()).all()
    assert (RECYCLER.byte_count > 0) == reuse


def test_threads_never_share() -> None:
    recycler = Recycler()

    def write_and_look(number: int) -> bool:
        taken = recycler.take(LENGTH)
        taken[:] = number % 251
        return bool((taken == number % 251).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_look, range(2000)))
