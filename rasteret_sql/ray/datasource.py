"""Work in pieces as a Datasource of Ray, whose read tasks are retried and show their progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import ray
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

Blocks = Callable[[], Iterable[pa.Table]]


class Piece(NamedTuple):
    """One read task."""

    blocks: Blocks
    byte_count: int | None
    """About so many bytes it gives; None where nobody knows."""


class Pieces(Datasource):  # type: ignore[misc]  # Ray has no types where it is not installed
    """One read task for each piece, whatever Ray thinks of parallelism: a piece is what is run again."""

    def __init__(self, name: str, pieces: Sequence[Piece], schema: pa.Schema) -> None:
        super().__init__()
        self._name, self._pieces, self._schema = name, pieces, schema

    def get_name(self) -> str:
        return self._name

    def estimate_inmemory_data_size(self) -> int | None:
        known = [piece.byte_count for piece in self._pieces if piece.byte_count is not None]
        return sum(known) if known else None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, **_: Any
    ) -> list[ReadTask]:
        return [
            ReadTask(
                piece.blocks,
                BlockMetadata(num_rows=None, size_bytes=piece.byte_count, input_files=None, exec_stats=None),
                schema=self._schema,
                per_task_row_limit=per_task_row_limit,
            )
            for piece in self._pieces
        ]


def dataset(
    name: str, pieces: Sequence[Piece], schema: pa.Schema, *, num_cpus: float, options: dict[str, Any]
) -> ray.data.Dataset:
    """The blocks of all pieces; ``options`` go to ``ray.data.read_datasource``."""
    return ray.data.read_datasource(
        Pieces(name, pieces, schema), override_num_blocks=len(pieces), num_cpus=num_cpus, **options
    )


def rows_of(data: ray.data.Dataset) -> Iterator[dict[str, Any]]:
    """Rows as their blocks come."""
    yield from data.iter_rows()
