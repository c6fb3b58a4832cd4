"""Ray as an engine of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray

from rasteret_sql.parts.session import Session
from rasteret_sql.parts.writing import Run
from rasteret_sql.ray.index import on_ray
from rasteret_sql.ray.queries import query, write_parquet


class RayEngine:
    """The cluster of an address, else of RAY_ADDRESS, else one that is started on this machine."""

    def __init__(self, address: str | None = None) -> None:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False)

    def tables(self, sql: str, **options: Any) -> Iterator[pa.Table]:
        data = query(sql, **options)
        yield from data.iter_batches(batch_size=None, batch_format="pyarrow")

    def write_parquet(self, sql: str, folder: str, **options: Any) -> Run:
        return write_parquet(sql, folder, **options)

    def headers(self) -> Callable[[Sequence[bytes]], Iterator[bytes]]:
        return on_ray(Session.here())
