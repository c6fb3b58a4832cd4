"""An endless row of epochs, which can be left and taken up again at any sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from rasteret_sql.errors import ArgumentError
from rasteret_sql.samples.order import Order, Places, Shard, runs
from rasteret_sql.samples.prefetch import Prefetch
from rasteret_sql.samples.source import Source
from rasteret_sql.samples.values import Sample

Part = list[tuple[int, Sample | None]]
"""Samples with their numbers, read together; None for one without a row."""


@dataclass(kw_only=True)
class Counts:
    """What an epoch took so far."""

    samples: int = 0
    skipped: int = 0
    """Samples that the query had no row, or no pixels, for."""
    waited_s: float = 0.0
    """The consumer waited for samples."""
    used_s: float = 0.0
    """The consumer did something else."""


class Stream:
    """Samples of one shard, epoch after epoch; each ``epoch()`` is an iteration of its own.

    ``state`` and ``load`` take what was handed out, not what was read ahead, so that nothing comes twice or
    is left out. After an iteration that is left before its end the next one begins anew, unless a state was
    loaded.
    """

    def __init__(self, source: Source, order: Order, *, ahead: int, skips: bool) -> None:
        self._source, self._order = source, order
        self._ahead, self._skips = ahead, skips
        self.epoch_number = 0
        self._position = 0
        """Samples of the epoch that are done with."""
        self._start = 0
        """Where the next iteration begins."""
        self.counts = Counts()

    def state(self, shards: int) -> dict[str, Any]:
        return {
            "version": 1,
            "query": self._source.digest(),
            "seed": self._order.seed,
            "shards": shards,
            "epoch": self.epoch_number,
            "position": self._position,
        }

    def load(self, state: Mapping[str, Any], shards: int) -> None:
        """Go on where ``state`` was taken; ArgumentError where it is of another query, seed or division."""
        mine = self.state(shards)
        for name, meaning in (
            ("version", "written by another version"),
            ("query", "of another query or other samples"),
            ("seed", "of another seed"),
            ("shards", "of another number of ranks and workers"),
        ):
            if state.get(name) != mine[name]:
                raise ArgumentError(
                    f"Samples: the state is {meaning}: {name} is {state.get(name)!r} there, and "
                    f"{mine[name]!r} here"
                )
        self.epoch_number = int(state["epoch"])
        self._start = self._position = int(state["position"])

    def set_epoch(self, number: int) -> None:
        """Begin with another epoch."""
        self.epoch_number, self._start, self._position = number, 0, 0

    def epoch(self, shard: Shard) -> Iterator[Sample]:
        """The rest of the epoch, or all of it; then the next one is due."""
        wanted = self._order.shard(self.epoch_number, shard)
        start, self._start = self._start, 0
        self._position, self.counts = start, Counts()
        ahead = Prefetch(partial(self._parts, wanted, start), ahead=self._ahead)
        with closing(ahead):
            before = partial(self._last_good, wanted[:start])
            yield from self._handed_out(ahead, before, is_even=shard.count > 1)
        self.epoch_number, self._position = self.epoch_number + 1, 0

    def _parts(self, wanted: Places, start: int) -> Iterator[Part]:
        with self._source.connection() as con:
            if self._source.keyed is None:
                for batch in self._source.batches(con):
                    yield list(enumerate(batch))
                return
            for run in runs(wanted, self._order.part_of, start=start):
                found = self._source.read(con, run)
                yield [(number, found.get(number)) for number in run.tolist()]

    def _handed_out(
        self, parts: Prefetch[Part], before: Callable[[], Sample | None], *, is_even: bool
    ) -> Iterator[Sample]:
        """``is_even``: a sample that is skipped has another one in its place, so that shards stay as long."""
        asked = time.perf_counter()
        samples = self._even(parts, before) if is_even else self._readable(parts)
        for sample in samples:
            given = time.perf_counter()
            self.counts.waited_s += given - asked
            self.counts.samples += 1
            self._position += is_even
            yield sample
            asked = time.perf_counter()
            self.counts.used_s += asked - given

    def _even(self, parts: Prefetch[Part], before: Callable[[], Sample | None]) -> Iterator[Sample]:
        """The samples, the next one in place of each that is skipped, and of the last ones the one before."""
        owed, good = 0, None
        for number, sample in chain.from_iterable(parts):
            found = self._checked(sample, number)
            if found is None:
                owed += 1
            else:
                good = found
                yield from [good] * (owed + 1)
                owed = 0
        if owed and good is None:
            good = before()
        yield from [] if good is None else [good] * owed

    def _last_good(self, wanted: Places) -> Sample | None:
        """The last readable sample of those that were handed out before this iteration."""
        with self._source.connection() as con:
            for number in reversed(wanted):
                found = self._source.read(con, np.array([number])).get(int(number))
                if found is not None and _unreadable(found) is None:
                    return found
        return None

    def _readable(self, parts: Prefetch[Part]) -> Iterator[Sample]:
        for number, sample in chain.from_iterable(parts):
            found = self._checked(sample, number)
            self._position += 1
            if found is not None:
                yield found

    def _checked(self, sample: Sample | None, number: int) -> Sample | None:
        """None for one that is skipped; ArgumentError where that was not asked for."""
        reason = "the query has no row for it" if sample is None else _unreadable(sample)
        if reason is None:
            return sample
        if not self._skips:
            key = self._source.key
            name = (
                f"sample {number}" if key is None else f"the sample {key} = {self._source.keys()[number]!r}"
            )
            raise ArgumentError(f"Samples: {name} cannot be read: {reason}. on_error='skip' leaves such out")
        self.counts.skipped += 1
        return None


def _unreadable(sample: Sample) -> str | None:
    if sample.get("error"):
        return str(sample["error"])
    return "its pixels are NULL" if "pixels" in sample and sample["pixels"] is None else None
