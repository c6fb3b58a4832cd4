"""What runs parts: ``LocalEngine`` by processes of this machine, ``rasteret_sql.ray`` on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from operator import call
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from rasteret_sql.parts.part import Part
from rasteret_sql.parts.session import Session
from rasteret_sql.parts.splitting import split
from rasteret_sql.parts.writing import Run, write_part

Answer = TypeVar("Answer")


class Engine(Protocol):
    """Runs the parts of a query, of which a part may run again where its process dies."""

    def tables(self, sql: str, **options: Any) -> Iterator[pa.Table]:
        """The answers of the parts, as they are done; ``options`` are those of ``split``."""

    def write_parquet(self, sql: str, folder: str, **options: Any) -> Run:
        """Write a file for each part that has none yet."""

    def headers(self) -> Callable[[Sequence[bytes]], Iterator[bytes]] | None:
        """Reads headers of batches of assets (``build_index``); None: this process does."""


class LocalEngine:
    """As many processes as there are cores, each with its share of the machine."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or os.cpu_count() or 1

    def tables(self, sql: str, **options: Any) -> Iterator[pa.Table]:
        yield from self._run(call, sql, options)

    def write_parquet(self, sql: str, folder: str, **options: Any) -> Run:
        return Run.of(self._run(partial(write_part, folder=folder), sql, options))

    def headers(self) -> None:
        return None

    def _run(self, function: Callable[[Part], Answer], sql: str, options: dict[str, Any]) -> Iterator[Answer]:
        share = (os.cpu_count() or 1) / self._workers
        session = options.pop("session", None) or Session.here()
        parts = split(
            sql, session=session if session.cpus is not None else session.with_cpus(share), **options
        )
        if len(parts) == 1:
            yield function(parts[0])
            return
        workers = min(self._workers, len(parts))
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                for done in as_completed([pool.submit(function, part) for part in parts]):
                    yield done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
