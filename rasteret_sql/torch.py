"""Rows of a query as samples of PyTorch: ``Samples``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from rasteret_sql.errors import ArgumentError
from rasteret_sql.samples.order import Order, Shard, parts_of
from rasteret_sql.samples.source import source_of
from rasteret_sql.samples.stream import Counts, Stream
from rasteret_sql.samples.summary import summary
from rasteret_sql.store import request_log

__all__ = ["Samples"]


class Samples(IterableDataset):  # type: ignore[misc]
    """Every row of a query is a sample: a dict of tensors and plain values by column.

    The pixels of a chip or cube (``data``, ``shape``, ``dtype``) are ``pixels``, a tensor over DuckDB's own
    memory, and ``valid`` one of bool; a chip as one value is a tensor of its name. Numbers, texts and lists
    of numbers come as they are; times are microseconds since 1970.

    sql: the query. index: a path, relation or Arrow table, which it calls ``idx``. tables: others by name,
    frames too. key: the column that names a sample, in one of ``tables`` and in the answer; the query is
    asked for the samples of a part at a time, ``part_size`` neighbours. seed: shuffles parts, and samples in
    them, anew in every epoch. rank, world: of a distributed run; ranks and the DataLoader's workers get as
    many samples each, without overlap; what is over is left out, or with ``uneven='repeat'`` some come twice.
    ahead: parts that a thread reads ahead. on_error: 'skip' leaves out samples without a row, with ``error``
    or with NULL for pixels, and counts them; where several share an epoch, another sample takes their place.
    settings, storage_options: those of ``connect()``, in workers that are spawned too.

    After ``load_state_dict`` it goes on behind the sample at which ``state_dict`` was taken, as torchdata's
    StatefulDataLoader has it. Errors are ``ArgumentError``.
    """

    def __init__(
        self,
        sql: str,
        *,
        index: Any = None,
        tables: Mapping[str, Any] | None = None,
        key: str | None = None,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        ahead: int = 2,
        part_size: int = 16,
        uneven: Literal["drop", "repeat"] = "drop",
        on_error: Literal["raise", "skip"] = "raise",
        settings: Mapping[str, Any] | None = None,
        storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        for name, given, choices in (
            ("uneven", uneven, ("drop", "repeat")),
            ("on_error", on_error, ("raise", "skip")),
        ):
            if given not in choices:
                raise ArgumentError(f"Samples: {name} is {given!r}; it must be one of {', '.join(choices)}")
        self._rank = Shard(number=rank, count=world)
        if key is None and (seed is not None or world > 1):
            what = "seed" if seed is not None else "world"
            raise ArgumentError(
                f"Samples: {what} needs key: the column of a table that names its samples, such as "
                "tables={'fields': 'fields.parquet'}, key='field_id'"
            )
        self._settings, self._storage_options = settings, storage_options
        self._configure()
        self._source = source_of(sql, index, tables, key)
        places = None if key is None else self._source.places()
        self._order = Order(
            part_of=parts_of(places, len(self._source), part_size), seed=seed, repeats=uneven == "repeat"
        )
        self._stream = Stream(self._source, self._order, ahead=ahead, skips=on_error == "skip")
        self._worker = Shard()

    def __len__(self) -> int:
        """Samples of this rank in an epoch; TypeError without ``key``, as the query alone knows."""
        if self._source.key is None:
            raise TypeError("Samples without key have no length: the rows of the query are not counted")
        return self._order.length(self._rank.count)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        shard = self._shard()
        self._configure()
        self._began = time.perf_counter(), time.process_time(), request_log.totals()
        for sample in self._stream.epoch(shard):
            yield {name: _tensor(value) for name, value in sample.items()}

    def set_epoch(self, epoch: int) -> None:
        """Begin with this epoch, as ``DistributedSampler`` does."""
        self._stream.set_epoch(epoch)

    @property
    def counts(self) -> Counts:
        """Samples of the latest epoch, those that were skipped, and seconds; of this process."""
        return self._stream.counts

    def state_dict(self) -> dict[str, Any]:
        """Where this rank, or this worker, is; taken up by ``load_state_dict``."""
        self._require_key()
        return self._stream.state(self._shard().count)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on after the last sample that was handed out; ArgumentError for the state of another query."""
        self._require_key()
        self._stream.load(state_dict, self._shard().count)

    def print_summary(self) -> None:
        """Before an epoch: samples, parts and shards. After one: samples, requests, and what limited it."""
        began = getattr(self, "_began", None)
        print(summary(self._order, self._rank, self._stream, began, os.cpu_count() or 1))

    def _shard(self) -> Shard:
        info = get_worker_info()
        worker = Shard() if info is None else Shard(number=info.id, count=info.num_workers)
        if worker.count > 1 and self._source.key is None:
            raise ArgumentError(
                f"Samples: {worker.count} workers need key, to share the samples; or num_workers=0"
            )
        return worker.within(self._rank)

    def _require_key(self) -> None:
        if self._source.key is None:
            raise ArgumentError("Samples: a state needs key: rows of a query have no place that stays")

    def _configure(self) -> None:
        """In workers that are spawned, too."""
        from rasteret_sql.settings import configure
        from rasteret_sql.store.options import set_storage_options

        if self._settings is not None:
            configure(**self._settings)
        if self._storage_options is not None:
            set_storage_options(self._storage_options)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_began"}


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value
