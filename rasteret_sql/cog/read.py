"""The read pipeline: windows of many rasters in, pixels out, every block fetched and decoded once.

One call is one batch. Blocks that several windows share are read once; sparse blocks cost nothing;
ranges that lie close together become one request; blocks are decoded in threads as their bytes land, as
far as the windows need them, and are copied at once to every window that wants them.
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
from rasteret_sql.codec.part import Part, decodable_part, decode_part, whole
from rasteret_sql.cog.cache import BLOCKS, Claim, Piece
from rasteret_sql.cog.scatter import WindowRead, fill, scatter, target_of
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


@dataclass(kw_only=True)
class _Job:
    """One distinct block, the part of it that is wanted, and the windows that want it."""

    byte_range: ByteRange
    layout: BlockLayout
    rows: int
    part: Part
    keep: bool = False
    """Worth a place in the cache: all blocks of the batch fit into it, or a window ends inside this one,
    whose neighbours may want the rest."""
    wanted_by: list[tuple[int, int]] = field(default_factory=list)
    """(number of the read, flat block number)."""
    file_size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """A block that this call has to fetch and decode."""

    key: BlockKey
    job: _Job
    claim: Claim


Settle = Callable[[_Job, Piece | RasteretError], None]


def read_windows(reads: Sequence[WindowRead]) -> list[RasteretError | None]:
    """Fill every ``out``; the answer holds None, or the error, of each read in the same order."""
    errors: list[RasteretError | None] = [None] * len(reads)
    waiting: list[tuple[_Job, Future[Piece]]] = []
    mine: list[_Work] = []

    def settle(job: _Job, outcome: Piece | RasteretError) -> None:
        for number, block in job.wanted_by:
            if isinstance(outcome, RasteretError):
                errors[number] = errors[number] or outcome
            else:
                scatter(reads[number], block, outcome)

    def await_others() -> None:
        for job, future in waiting:
            try:
                settle(job, future.result())
            except RasteretError as error:
                settle(job, error)
        waiting.clear()

    for key, job in _jobs(reads).items():
        job.part = decodable_part(job.layout, job.rows, job.part)
        claim, is_mine = BLOCKS.claim(key, job.part)
        if is_mine:
            mine.append(_Work(key=key, job=job, claim=claim))
        else:
            waiting.append((job, claim.future))
            if claim.future.done():  # a block of the cache may leave it from here on
                await_others()
    if sum(_decoded_bytes(work.job) for work in mine) <= settings().tile_cache_bytes:
        for work in mine:
            work.job.keep = True
    _produce(mine, settle)
    await_others()
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
                fill(read, block)
                continue
            target = target_of(read, block)
            part = Part(target.block_rows.start, target.block_rows.stop, target.block_columns.stop)
            rows = chosen.stored_rows(chosen.place(block)[1])
            key = (chosen.href, chosen.etag, offset, byte_count, layout, rows)
            job = jobs.get(key)
            if job is None:
                byte_range = ByteRange(href=chosen.href, start=offset, length=byte_count)
                job = jobs[key] = _Job(
                    byte_range=byte_range, layout=layout, rows=rows, part=part, file_size=chosen.file_size
                )
            else:
                job.part = job.part.union(part)
            job.keep = job.keep or target.partly
            job.wanted_by.append((number, block))
    return jobs


def _decoded_bytes(job: _Job) -> int:
    pixel = job.layout.samples * np.dtype(job.layout.dtype).itemsize
    return (job.part.bottom - job.part.top) * job.part.right * pixel


def _produce(mine: Sequence[_Work], settle: Settle) -> None:
    """Fetch and decode the claimed blocks; every claim is settled, come what may."""
    limits = settings()
    merged = merge(
        [work.job.byte_range for work in mine],
        gap=limits.merge_gap_bytes,
        max_length=limits.merge_max_bytes,
    )
    tasks: list[Future[None]] = []
    # bytes that wait for a decoder are no longer counted as in flight: let only a few wait
    room = BoundedSemaphore(WAITING_PER_THREAD * limits.decode_threads)

    def decode(work: _Work, data: bytes | memoryview) -> None:
        try:
            pixels = _decode(work.job, data)
        except RasteretError as error:
            BLOCKS.fail(work.key, work.claim, error)
            settle(work.job, error)
        else:
            settle(work.job, BLOCKS.store(work.key, work.claim, pixels, keep=work.job.keep))
        finally:
            room.release()

    total = sum(group.range.length for group in merged)
    try:
        with progress(total, unit="B", what="tiles") as advance:
            for number, answer in fetch([group.range for group in merged], kind="tile"):
                for member in merged[number].members:
                    work = mine[member.index]
                    found = _slice(answer, work.job, work.key[1], member.start, member.length)
                    if isinstance(found, RasteretError):
                        BLOCKS.fail(work.key, work.claim, found)
                        settle(work.job, found)
                    else:
                        room.acquire()
                        tasks.append(_pool().submit(decode, work, found))
                advance(merged[number].range.length)
        for task in tasks:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        _abandon(mine)


def _abandon(mine: Iterable[_Work]) -> None:
    interrupted = TransportError("the read of this block was interrupted; run the query again")
    for work in mine:
        BLOCKS.fail(work.key, work.claim, interrupted)


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
        if job.part == whole(job.layout, job.rows):
            return decode_block(data, job.layout, rows=job.rows)
        return decode_part(data, job.layout, job.part)
    except RasteretError as error:
        raise type(error)(
            f"{place(job.byte_range.href)}, block at byte {job.byte_range.start:,}: {error}"
        ) from error
