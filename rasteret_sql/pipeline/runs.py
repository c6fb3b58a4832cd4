"""Rows in an order, however many there are: sorted a run at a time, kept in files, and merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of

if TYPE_CHECKING:
    import duckdb

RUN_BYTES = 64 << 20
"""Rows that are sorted in memory at a time."""
PIECE_BYTES = 1 << 20
"""Rows of one run in memory while runs are merged: smaller pieces cost more calls of the system."""
ARRIVAL = "rasteret_arrival"
"""The number of a row, in the order in which rows came; the last key, so that no two rows are equal."""

BLOCK_ROWS = 8192
"""Rows of all runs that are put in order at a time."""

Numbers = npt.NDArray[np.int64]


class Sorted(NamedTuple):
    """Rows in order."""

    rows: pa.RecordBatchReader
    row_bytes: int
    """Of a row, on average, where rows are widest."""


class Run(Protocol):
    """Rows in order."""

    def following(self, count: int) -> list[pa.RecordBatch]:
        """The next ``count`` rows."""


def sorted_rows(
    rows: pa.RecordBatchReader, keys: Sequence[str], *, by: duckdb.DuckDBPyConnection, folder: Path
) -> Sorted:
    """``rows`` without the columns ``keys``, in their order.

    Keys are compared by the connection ``by``. More rows than fit into one run are kept in ``folder``, which
    is made for them, and which the caller removes.
    """
    kept = [name for name in rows.schema.names if name not in keys]
    runs: list[Run] = []
    compared: list[pa.Table] = []
    starts, row_bytes = [0], 0
    for part, is_last in _parts(rows):
        widths = [-(-batch.nbytes // len(batch)) for batch in part.to_batches() if len(batch)]
        row_bytes = max(row_bytes, *widths, 0)
        own = _numbered(part.select(keys), starts[-1])
        places = _indices(_order(own, by) - starts[-1])
        ordered = part.select(kept).take(places)
        runs.append(_InMemory(ordered) if is_last else _InFile(ordered, folder, len(runs)))
        compared.append(own.take(places))  # a copy: a column of a batch of DuckDB keeps the whole batch
        starts.append(starts[-1] + len(part))
    order = _order(pa.concat_tables(compared), by)
    compared.clear()
    schema = pa.schema([rows.schema.field(name) for name in kept])
    merged = pa.RecordBatchReader.from_batches(schema, _merged(runs, np.array(starts), order))
    return Sorted(merged, row_bytes)


def _parts(rows: pa.RecordBatchReader) -> Iterator[tuple[pa.Table, bool]]:
    """As many rows as a run has, and whether they are the last."""
    batches: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        batches.append(batch)
        size += batch.nbytes
        if size >= RUN_BYTES:
            yield pa.Table.from_batches(batches, rows.schema), False
            batches, size = [], 0
    yield pa.Table.from_batches(batches, rows.schema), True


def _numbered(keys: pa.Table, first: int) -> pa.Table:
    numbers = array_of(np.arange(first, first + len(keys)), "BIGINT")  # type: ignore[arg-type]
    return keys.append_column(ARRIVAL, numbers)


def _order(keys: pa.Table, by: duckdb.DuckDBPyConnection) -> Numbers:
    """Arrival numbers in the order of the keys."""
    by.register("rasteret_keys", keys)
    columns = ", ".join(f'"{name}"' for name in keys.column_names)
    order: Numbers = by.sql(f"SELECT {ARRIVAL} FROM rasteret_keys ORDER BY {columns}").fetchnumpy()[ARRIVAL]
    by.unregister("rasteret_keys")
    return order


def _indices(numbers: Numbers) -> pa.Array:
    return array_of(numbers, "BIGINT")  # type: ignore[arg-type]


def _merged(runs: Sequence[Run], starts: Numbers, order: Numbers) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(order), BLOCK_ROWS):
        which = np.searchsorted(starts, order[first : first + BLOCK_ROWS], "right") - 1
        counts = np.bincount(which, minlength=len(runs))
        batches = [
            batch
            for run, count in enumerate(counts.tolist())
            if count
            for batch in runs[run].following(count)
        ]
        places = np.empty(len(which), np.int64)
        places[np.argsort(which, kind="stable")] = np.arange(len(which))
        yield from pa.Table.from_batches(batches).take(_indices(places)).combine_chunks().to_batches()


class _InMemory:
    def __init__(self, rows: pa.Table) -> None:
        self._rows, self._at = rows, 0

    def following(self, count: int) -> list[pa.RecordBatch]:
        self._at += count
        batches: list[pa.RecordBatch] = self._rows.slice(self._at - count, count).to_batches()
        return batches


class _InFile:
    def __init__(self, rows: pa.Table, folder: Path, number: int) -> None:
        folder.mkdir(exist_ok=True)
        path = folder / f"{number}.arrow"
        at_once = max(1, len(rows) * PIECE_BYTES // max(1, rows.nbytes))
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as stream:
            stream.write_table(rows, at_once)
        self._stream: Any = pa.ipc.open_stream(pa.OSFile(str(path)))
        self._piece: pa.RecordBatch | None = None

    def following(self, count: int) -> list[pa.RecordBatch]:
        batches = []
        while count:
            piece = self._piece if self._piece is not None else self._stream.read_next_batch()
            taken = piece.slice(0, count)
            self._piece = piece.slice(count) if len(piece) > count else None
            count -= len(taken)
            batches.append(taken)
        return batches
