"""The read pipeline: windows of many rasters in, pixels out, every block fetched and decoded once.

One call is one batch. Blocks that several windows share are read once; sparse blocks cost nothing;
ranges that lie close together become one request; blocks are decoded in threads as their bytes land and
are copied at once to every window that wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.block import BlockLayout, decode_block
from rasteret_sql.cog.cache import BLOCKS
from rasteret_sql.cog.selection import Selection
from rasteret_sql.cog.window import Window
from rasteret_sql.errors import MalformedError, RasteretError, StaleError, TransportError
from rasteret_sql.settings import settings
from rasteret_sql.store.coalesce import merge
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.port import Block, ByteRange
from rasteret_sql.store.progress import progress
from rasteret_sql.store.redact import place

Pixels = npt.NDArray[Any]
BlockKey = tuple[str, str | None, int, int, BlockLayout, int]
"""href, ETag, offset, byte count, layout, rows: all that decides a block's pixels."""
WAITING_PER_THREAD = 16
"""Fetched blocks that may wait for each decoding thread."""


@dataclass(frozen=True, kw_only=True)
class WindowRead:
    """One window to read into ``out``, shaped ``(len(bands), window.height, window.width)``."""

    selection: Selection
    window: Window
    bands: tuple[int, ...]
    """From 0, in the order wanted."""
    out: Pixels
    fill: float | int
    """What sparse blocks hold: nodata, else 0."""


@dataclass(kw_only=True)
class _Job:
    """One distinct block and the windows that want it."""

    byte_range: ByteRange
    layout: BlockLayout
    rows: int
    wanted_by: list[tuple[int, int]] = field(default_factory=list)
    """(number of the read, flat block number)."""
    file_size: int | None = None


def read_windows(reads: Sequence[WindowRead]) -> list[RasteretError | None]:
    """Fill every ``out``; the answer holds None, or the error, of each read in the same order."""
    errors: list[RasteretError | None] = [None] * len(reads)
    waiting: list[tuple[BlockKey, _Job, Future[Pixels]]] = []
    claimed: dict[BlockKey, _Job] = {}
    for key, job in _jobs(reads).items():
        future, mine = BLOCKS.claim(key)
        if mine:
            claimed[key] = job
        else:
            waiting.append((key, job, future))

    def settle(job: _Job, outcome: Pixels | RasteretError) -> None:
        for number, block in job.wanted_by:
            if isinstance(outcome, RasteretError):
                errors[number] = errors[number] or outcome
            else:
                _scatter(reads[number], block, outcome)

    _produce(claimed, settle)
    for _, job, future in waiting:
        try:
            settle(job, future.result())
        except RasteretError as error:
            settle(job, error)
    return errors


def _jobs(reads: Sequence[WindowRead]) -> dict[BlockKey, _Job]:
    """Distinct blocks of all reads; sparse ones are filled in here."""
    jobs: dict[BlockKey, _Job] = {}
    for number, read in enumerate(reads):
        chosen = read.selection
        layout = chosen.layout()
        numbers = zip(
            chosen.blocks.tolist(), chosen.offsets.tolist(), chosen.byte_counts.tolist(), strict=True
        )
        for block, offset, byte_count in numbers:
            if byte_count == 0:
                _fill(read, block)
                continue
            rows = chosen.stored_rows(chosen.place(block)[1])
            key = (chosen.href, chosen.etag, offset, byte_count, layout, rows)
            if key not in jobs:
                byte_range = ByteRange(href=chosen.href, start=offset, length=byte_count)
                jobs[key] = _Job(byte_range=byte_range, layout=layout, rows=rows, file_size=chosen.file_size)
            jobs[key].wanted_by.append((number, block))
    return jobs


def _produce(claimed: dict[BlockKey, _Job], settle: Callable[[_Job, Pixels | RasteretError], None]) -> None:
    """Fetch and decode the claimed blocks; every claim is settled, come what may."""
    keys = list(claimed)
    limits = settings()
    merged = merge(
        [claimed[key].byte_range for key in keys],
        gap=limits.merge_gap_bytes,
        max_length=limits.merge_max_bytes,
    )
    tasks: list[Future[None]] = []
    # bytes that wait for a decoder are no longer counted as in flight: let only a few wait
    room = BoundedSemaphore(WAITING_PER_THREAD * limits.decode_threads)

    def work(key: BlockKey, data: bytes | memoryview) -> None:
        job = claimed[key]
        try:
            pixels = _decode(job, data)
        except RasteretError as error:
            BLOCKS.fail(key, error)
            settle(job, error)
        else:
            BLOCKS.store(key, pixels)
            settle(job, pixels)
        finally:
            room.release()

    total = sum(group.range.length for group in merged)
    try:
        with progress(total, unit="B", what="tiles") as advance:
            for number, answer in fetch([group.range for group in merged], kind="tile"):
                for member in merged[number].members:
                    key = keys[member.index]
                    found = _slice(answer, claimed[key], key[1], member.start, member.length)
                    if isinstance(found, RasteretError):
                        BLOCKS.fail(key, found)
                        settle(claimed[key], found)
                    else:
                        room.acquire()
                        tasks.append(_pool().submit(work, key, found))
                advance(merged[number].range.length)
        for task in tasks:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        _abandon(keys)


def _abandon(keys: Iterable[BlockKey]) -> None:
    interrupted = TransportError("the read of this block was interrupted; run the query again")
    for key in keys:
        BLOCKS.fail(key, interrupted)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings().decode_threads, thread_name_prefix="rasteret-decode")


def _slice(
    answer: Block | RasteretError, job: _Job, etag: str | None, start: int, length: int
) -> bytes | memoryview | RasteretError:
    """One block's bytes out of a merged answer, if the file is still the one that was indexed."""
    if isinstance(answer, RasteretError):
        return answer
    href, info = job.byte_range.href, answer.info
    if etag is not None and info.etag is not None and info.etag != etag:
        return StaleError(
            f"{place(href)} changed since it was indexed: its ETag was {etag} and is {info.etag}; "
            "index it again with cog_header"
        )
    if job.file_size is not None and info.size is not None and info.size != job.file_size:
        return StaleError(
            f"{place(href)} changed since it was indexed: "
            f"it had {job.file_size:,} bytes and has {info.size:,}; "
            "index it again with cog_header"
        )
    data = answer.data[start : start + length]
    if len(data) != length:
        return MalformedError(
            f"{place(href)} is cut short: a block of {length:,} bytes is said to lie at byte "
            f"{job.byte_range.start:,}, and {len(data):,} of them are there"
        )
    return data


def _decode(job: _Job, data: bytes | memoryview) -> Pixels:
    try:
        return decode_block(data, job.layout, rows=job.rows)
    except RasteretError as error:
        raise type(error)(
            f"{place(job.byte_range.href)}, block at byte {job.byte_range.start:,}: {error}"
        ) from error


def _target(read: WindowRead, block: int) -> tuple[int, slice, slice, slice, slice]:
    """Plane, then the rows and columns of ``out`` and of the block that cover each other."""
    chosen, window = read.selection, read.window
    plane, row, column = chosen.place(block)
    y, x = row * chosen.tile_height - window.y_off, column * chosen.tile_width - window.x_off
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + chosen.tile_height, window.height), min(x + chosen.tile_width, window.width)
    return (
        plane,
        slice(top, bottom),
        slice(left, right),
        slice(top - y, bottom - y),
        slice(left - x, right - x),
    )


def _wanted(read: WindowRead, plane: int) -> Iterable[tuple[int, int]]:
    """(band of ``out``, sample of the block) for the bands that a block of this plane holds."""
    for position, band in enumerate(read.bands):
        if read.selection.interleave != "band":
            yield position, band
        elif band == plane:
            yield position, 0


def _scatter(read: WindowRead, block: int, pixels: Pixels) -> None:
    plane, rows, columns, block_rows, block_columns = _target(read, block)
    for position, sample in _wanted(read, plane):
        read.out[position, rows, columns] = pixels[block_rows, block_columns, sample]


def _fill(read: WindowRead, block: int) -> None:
    plane, rows, columns, _, _ = _target(read, block)
    for position, _ in _wanted(read, plane):
        read.out[position, rows, columns] = np.array(read.fill).astype(read.out.dtype)
