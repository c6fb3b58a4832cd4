"""In which order samples come, and to whom: decided by numbers alone, so that any process can repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasteret_sql.errors import ArgumentError

Places = npt.NDArray[np.int64]
"""Numbers of samples, from 0."""
GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of several readers that share an epoch."""

    number: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.number < self.count:
            raise ArgumentError(
                f"rank {self.number} of {self.count}: a rank is at least 0 and less than world; "
                "rank=torch.distributed.get_rank(), world=torch.distributed.get_world_size()"
            )

    def within(self, outer: Shard) -> Shard:
        """The shard of a worker of a rank, among those of all workers of all ranks."""
        return Shard(number=outer.number * self.count + self.number, count=outer.count * self.count)


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of an epoch: parts in any order, and the samples of a part in any order."""

    part_of: Places
    """Number of the part of each sample, in the order of the table; parts begin at 0."""
    seed: int | None
    """None: the order of the table, epoch after epoch."""
    repeats: bool = False
    """Where samples do not divide evenly: repeat some rather than leave some out."""

    def epoch(self, number: int) -> Places:
        """All samples, each once."""
        samples = np.arange(len(self.part_of), dtype=np.int64)
        if self.seed is None:
            return samples[np.argsort(self.part_of, kind="stable")]
        turn, within = (
            _scrambled(numbers, self.seed, number, salt)
            for salt, numbers in enumerate((self.part_of, samples))
        )
        return samples[np.lexsort((within, self.part_of, turn))]

    def shard(self, number: int, shard: Shard) -> Places:
        """The samples of one shard in one epoch; all shards have as many.

        They are neighbours in the order of the epoch, so that few parts are read by two shards.
        """
        everything = self.epoch(number)
        length = self.length(shard.count)
        start = shard.number * length
        if not self.repeats:
            return everything[start : start + length]
        return np.resize(everything, shard.count * length)[start : start + length]

    def length(self, shards: int) -> int:
        """Samples of each shard."""
        count = len(self.part_of)
        length = -(-count // shards) if self.repeats else count // shards
        if length == 0:
            raise ArgumentError(
                f"{count} samples cannot be dealt to {shards} ranks and workers: use fewer of them"
            )
        return length

    def left_over(self, shards: int) -> int:
        """Samples left out of an epoch; of those that are repeated, how many times."""
        return abs(len(self.part_of) - shards * self.length(shards))


def _scrambled(numbers: Places, seed: int, epoch: int, salt: int) -> npt.NDArray[np.uint64]:
    """A number without pattern for each one (SplitMix64), the same with every release of NumPy."""
    start = (seed * GOLDEN + epoch * 0xD1B54A32D192ED03 + salt * 0x8CB92BA72F3D8DD7) % 2**64
    with np.errstate(over="ignore"):
        mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN) ^ np.uint64(start)
        for _ in range(2):
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    return mixed


def runs(samples: Places, part_of: Places, *, start: int = 0) -> Iterator[Places]:
    """What is read together: the samples from ``start`` on, cut where another part begins."""
    left = samples[start:]
    ends = np.flatnonzero(np.diff(part_of[left])) + 1
    yield from (run for run in np.split(left, ends) if run.size)


def parts_of(places: Places | None, count: int, size: int) -> Places:
    """Numbers of parts of at most ``size`` samples: neighbours on a Hilbert curve, or in the table."""
    if size < 1:
        raise ArgumentError(f"part_size is {size}; at least 1 was expected")
    turn = np.arange(count) if places is None else np.argsort(places, kind="stable")
    found = np.empty(count, np.int64)
    found[turn] = np.arange(count) // size
    return found
