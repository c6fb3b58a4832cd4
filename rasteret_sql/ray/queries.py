"""``query`` and ``write_parquet``: SQL over an index, on every node of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from rasteret_sql.parts import Part, Parts, split
from rasteret_sql.parts.index_files import IS_URL
from rasteret_sql.parts.part import Table
from rasteret_sql.parts.parts import reduced
from rasteret_sql.parts.session import Session
from rasteret_sql.parts.writing import Run, Written, write_part
from rasteret_sql.ray.datasource import Piece, dataset, rows_of

WRITTEN = pa.schema(
    [
        ("file", pa.string()),
        ("row_count", pa.int64()),
        ("failed_count", pa.int64()),
        ("was_there", pa.bool_()),
    ]
)


def query(
    sql: str,
    *,
    num_cpus: float = 1,
    reduce: str | None = None,
    keys: list[str] | None = None,
    ray_options: dict[str, Any] | None = None,
    **options: Any,
) -> ray.data.Dataset:
    """The rows of ``sql`` as a Ray Dataset: lazy, streamed, each part a read task on whatever node is free.

    ``options`` are those of ``rasteret_sql.split``: ``index``, ``tables``, ``near``, ``parts`` and so on.
    Arrow tables are put into Ray's object store once. A task that dies with its worker or node is run again.

    num_cpus: cores of one task, which bound its threads, requests in flight and memory (``Session.cpus``).
    reduce: SQL over ``partial`` that merges partial answers; with ``keys``, columns of the partial answers
    among which each group is merged for itself, on all nodes; without, all of them in one task.
    ray_options: what else ``ray.data.read_datasource`` takes, such as ``concurrency`` or ``ray_remote_args``.
    """
    parts = split(sql, reduce=reduce, **_with_cpus(options, num_cpus))
    sent = _sent(parts)
    schema = parts[0].schema()
    pieces = [Piece(_Rows(part), part.byte_count or None) for part in sent]
    data = dataset("rasteret_sql", pieces, schema, num_cpus=num_cpus, options=dict(ray_options or {}))
    return data if reduce is None else _merged(data, _merge(reduce, parts[0].session), keys, num_cpus)


def write_parquet(
    sql: str,
    folder: str | os.PathLike[str],
    *,
    num_cpus: float = 1,
    ray_options: dict[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Write the rows of ``sql`` into a folder that all nodes see, a Parquet file for each part.

    A file has the name of what it holds and appears when it is whole. So a task that is run again, and a
    driver that starts again, write nothing twice: parts whose file is there are not read.
    """
    parts = split(sql, **_with_cpus(options, num_cpus))
    given = os.fspath(folder)
    place = given if IS_URL.match(given) else str(Path(given).absolute())
    pieces = [Piece(_Writes(part, place), None) for part in _sent(parts)]
    data = dataset("rasteret_sql", pieces, WRITTEN, num_cpus=num_cpus, options=dict(ray_options or {}))
    return Run.of(Written(**row) for row in rows_of(data))


def _with_cpus(options: dict[str, Any], num_cpus: float) -> dict[str, Any]:
    session: Session = options.pop("session", None) or Session.here()
    return {**options, "session": session if session.cpus is not None else session.with_cpus(num_cpus)}


def _sent(parts: Parts) -> list[Part]:
    """The parts with their Arrow tables in the object store, once for all."""
    tables: dict[str, Table] = {
        name: _Stored([ray.put(table)]) if isinstance(table, pa.Table) else table
        for name, table in parts[0].tables.items()
    }
    return [part.with_tables(tables) for part in parts]


class _Stored:
    """A table in the object store; in a list, as Ray fetches what stands alone with the task."""

    def __init__(self, reference: list[Any]) -> None:
        self._reference = reference

    def __call__(self) -> pa.Table:
        return _fetched(self._reference[0])


@lru_cache(maxsize=4)
def _fetched(reference: Any) -> pa.Table:
    return ray.get(reference)


class _Rows:
    """The rows of a part as blocks."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __call__(self) -> Iterator[pa.Table]:
        batch = None
        for batch in self._part.batches():
            yield pa.Table.from_batches([batch])
        if batch is None:
            yield self._part.schema().empty_table()


class _Writes:
    """The file of a part, and one row about it."""

    def __init__(self, part: Part, folder: str) -> None:
        self._part, self._folder = part, folder

    def __call__(self) -> Iterator[pa.Table]:
        done = write_part(self._part, self._folder)
        yield pa.Table.from_pylist([done._asdict()], schema=WRITTEN)


def _merge(sql: str, session: Session) -> Callable[[pa.Table], pa.Table]:
    """SQL over partial answers, for one block."""

    def merge(block: pa.Table) -> pa.Table:
        return reduced(sql, [block], session)

    return merge


def _merged(
    data: ray.data.Dataset, merge: Callable[[pa.Table], pa.Table], keys: list[str] | None, num_cpus: float
) -> ray.data.Dataset:
    if keys:
        return data.groupby(keys).map_groups(merge, batch_format="pyarrow", num_cpus=num_cpus)
    whole = data.repartition(1)
    return whole.map_batches(merge, batch_size=None, batch_format="pyarrow", num_cpus=num_cpus)
