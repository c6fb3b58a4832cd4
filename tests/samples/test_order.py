"""Order, shards and resuming, without PyTorch and without a file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError
from rasteret_sql.samples.order import Order, Shard, parts_of, runs
from rasteret_sql.samples.prefetch import Prefetch

seeds = st.none() | st.integers(-5, 2**70)


def order(count: int, size: int, seed: int | None, repeats: bool = False) -> Order:
    return Order(part_of=parts_of(None, count, size), seed=seed, repeats=repeats)


@given(count=st.integers(1, 80), size=st.integers(1, 9), seed=seeds, epoch=st.integers(0, 9))
def test_an_epoch_has_every_sample_once_and_parts_together(
    count: int, size: int, seed: int | None, epoch: int
) -> None:
    one = order(count, size, seed)
    samples = one.epoch(epoch)
    assert sorted(samples.tolist()) == list(range(count))
    parts = one.part_of[samples]
    assert len(list(itertools.groupby(parts.tolist()))) == len(set(parts.tolist())), "no part comes in pieces"
    np.testing.assert_array_equal(order(count, size, seed).epoch(epoch), samples)
    if seed is None:
        assert samples.tolist() == list(range(count))


def test_epochs_and_seeds_differ_and_mix() -> None:
    epochs = [tuple(order(64, 4, seed).epoch(epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(epochs)) == 4
    firsts = np.array([order(64, 4, 7).epoch(epoch)[0] for epoch in range(3200)])
    assert np.bincount(firsts, minlength=64).min() > 15, "each sample is first in about 50 of them"


def test_the_order_is_the_same_for_ever() -> None:
    """States that were written by a release hold for the next one."""
    assert order(10, 3, 42).epoch(3).tolist() == [9, 4, 5, 3, 8, 6, 7, 2, 0, 1]


@given(
    count=st.integers(1, 80),
    size=st.integers(1, 9),
    seed=seeds,
    world=st.integers(1, 5),
    workers=st.integers(1, 4),
    repeats=st.booleans(),
)
def test_ranks_and_workers_share_an_epoch_evenly(
    count: int, size: int, seed: int | None, world: int, workers: int, repeats: bool
) -> None:
    one = order(count, size, seed, repeats)
    shards = world * workers
    if not repeats and count < shards:
        with pytest.raises(ArgumentError, match=f"{count} samples cannot be dealt to {shards}"):
            one.length(shards)
        return
    dealt = [
        one.shard(2, Shard(number=worker, count=workers).within(Shard(number=rank, count=world))).tolist()
        for rank in range(world)
        for worker in range(workers)
    ]
    assert {len(samples) for samples in dealt} == {one.length(shards)}
    everything = list(itertools.chain.from_iterable(dealt))
    if repeats:
        assert set(everything) == set(range(count))
        assert len(everything) - count == one.left_over(shards) < shards
    else:
        assert len(set(everything)) == len(everything) == count - one.left_over(shards)
        assert one.left_over(shards) < shards


@given(count=st.integers(1, 60), size=st.integers(1, 9), seed=seeds, start=st.integers(0, 60))
def test_what_is_read_together_is_of_one_part_and_goes_on_anywhere(
    count: int, size: int, seed: int | None, start: int
) -> None:
    one = order(count, size, seed)
    samples = one.shard(0, Shard())
    found = list(runs(samples, one.part_of, start=start))
    assert [number for run in found for number in run.tolist()] == samples[start:].tolist()
    for run in found:
        assert len(set(one.part_of[run].tolist())) == 1


def test_neighbours_share_a_part() -> None:
    places = np.array([30, 10, 31, 11, 20])
    assert parts_of(places, 5, 2).tolist() == [1, 0, 2, 0, 1]
    with pytest.raises(ArgumentError, match="part_size is 0"):
        parts_of(None, 5, 0)


@pytest.mark.parametrize(("rank", "world"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_is_less_than_world(rank: int, world: int) -> None:
    with pytest.raises(ArgumentError, match=f"rank {rank} of {world}"):
        Shard(number=rank, count=world)


def test_values_are_made_ahead_and_no_further() -> None:
    made: list[int] = []
    closed = threading.Event()

    def make() -> Iterator[int]:
        try:
            for number in range(100):
                made.append(number)
                yield number
        finally:
            closed.set()

    ahead = Prefetch(make, ahead=3)
    values = iter(ahead)
    assert [next(values) for _ in range(5)] == [0, 1, 2, 3, 4]
    ahead.close()
    assert closed.is_set(), "what makes them is closed in its own thread"
    assert len(made) <= 5 + 3 + 1


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ArgumentError("broken")

    ahead = Prefetch(make, ahead=2)
    values = iter(ahead)
    assert next(values) == 1
    with pytest.raises(ArgumentError, match="broken"):
        next(values)
    ahead.close()
