"""Builds an index of many assets: their headers are read by all nodes of a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import rasteret_sql
from rasteret_sql.parts.session import Session
from rasteret_sql.pipeline.build import BATCH_ROWS, IndexRun, headers_of
from rasteret_sql.pipeline.build import build_index as build
from rasteret_sql.ray.datasource import Piece, dataset, rows_of

if TYPE_CHECKING:
    import duckdb

ROWS = pa.schema([("rows", pa.large_binary())])


def build_index(
    target: str | os.PathLike[str],
    catalog: str | None = None,
    *,
    connection: duckdb.DuckDBPyConnection | None = None,
    session: Session | None = None,
    num_cpus: float = 1,
    batch_rows: int = BATCH_ROWS,
    wait: float = 0,
    ray_options: dict[str, Any] | None = None,
    **search: Any,
) -> IndexRun:
    """``rasteret_sql.pipeline.build_index``, with the headers read on Ray, ``batch_rows`` in a task.

    The driver finds the assets (``catalog`` and ``search``, or ``items``, a query such as
    ``FROM stac_read('items.parquet')``), keeps each batch when it comes, and writes one sorted index at the
    end. A build that was interrupted goes on where it was. Ray's own bars show how far it is.

    connection: where ``target`` is a table, and where ``items`` is run; one of its own without.
    session: what a worker has to know; by default this process as it is.
    """
    reader = on_ray(Session.here() if session is None else session, num_cpus, ray_options)
    if connection is not None:
        return build(connection, target, catalog, batch_rows=batch_rows, wait=wait, headers=reader, **search)
    with rasteret_sql.connect() as own:
        return build(own, target, catalog, batch_rows=batch_rows, wait=wait, headers=reader, **search)


def on_ray(session: Session, num_cpus: float = 1, ray_options: dict[str, Any] | None = None) -> OnRay:
    """What ``pipeline.build_index`` takes as ``headers``."""
    return OnRay(session if session.cpus is not None else session.with_cpus(num_cpus), num_cpus, ray_options)


class OnRay:
    """Headers of batches, in the order in which they are done."""

    def __init__(self, session: Session, num_cpus: float, ray_options: dict[str, Any] | None) -> None:
        self._session, self._num_cpus, self._options = session, num_cpus, dict(ray_options or {})

    def __call__(self, batches: Sequence[bytes]) -> Iterator[bytes]:
        pieces = [Piece(_Batch(self._session, assets), len(assets)) for assets in batches]
        if not pieces:
            return
        data = dataset("rasteret_sql headers", pieces, ROWS, num_cpus=self._num_cpus, options=self._options)
        for row in rows_of(data):
            yield row["rows"]


class _Batch:
    def __init__(self, session: Session, assets: bytes) -> None:
        self._session, self._assets = session, assets

    def __call__(self) -> Iterator[pa.Table]:
        rows = headers_of(self._session.connect(), self._assets)
        yield pa.table({"rows": [rows]}, schema=ROWS)
