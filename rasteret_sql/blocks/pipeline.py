"""The read pipeline: windows and points of many rasters in, pixels out, every block fetched and decoded once.

One call is one batch. Blocks that several reads share are read once; sparse blocks cost nothing;
ranges that lie close together become one request; blocks are decoded in threads as their bytes land, as
far as the reads need them, are copied at once to every read that wants them, and are released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Event
from typing import NamedTuple

from rasteret_sql import metering
from rasteret_sql.arrays import Pixels
from rasteret_sql.blocks import budget
from rasteret_sql.blocks.block_cache import BLOCKS, AbandonedError, Claim, Piece, Stored
from rasteret_sql.blocks.disk_cache import DISK
from rasteret_sql.blocks.jobs import BlockKey, Job, jobs_of, keep_what_is_worth_it
from rasteret_sql.blocks.metered import note_cached, note_wanted, planned
from rasteret_sql.blocks.requests import requests_of
from rasteret_sql.blocks.staleness import stale
from rasteret_sql.blocks.window_read import BlockRead
from rasteret_sql.codec.block import decode_block
from rasteret_sql.codec.native.decoding import Place, scatter
from rasteret_sql.codec.part import ShortFrontError, decode_part
from rasteret_sql.errors import MalformedError, RasteretError
from rasteret_sql.progress import progress
from rasteret_sql.settings import settings
from rasteret_sql.store import request_log
from rasteret_sql.store.access import is_open, refusal
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.redact import display_href
from rasteret_sql.workers import Stream

WAITING_PER_THREAD = 8
"""Fetched blocks that may wait for each decoding thread."""
RESTS_AT_ONCE = 16
MOST_OF_AN_ANSWER = 2.5
"""A block that is kept as it was stored keeps an answer of at most so many times its own length alive."""


Settle = Callable[[Job, Piece | RasteretError], None]
PlacesOf = Callable[[Job], Sequence[Place] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """A block that this call has to fetch and decode."""

    key: BlockKey
    job: Job
    claim: Claim


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ask:
    """One request, and what of its answer belongs to which block."""

    range: ByteRange
    parts: tuple[tuple[_Work, int, int], ...]
    """(block, first byte in the answer, length)."""


class _Landed(NamedTuple):
    """The stored bytes of a block, and how long the answer is in which they lie."""

    work: _Work
    data: memoryview
    answer_bytes: int


def read_blocks(reads: Sequence[BlockRead], *, stop_at_error: bool = False) -> list[RasteretError | None]:
    """Give every read its blocks; the answer holds None, or the error, of each read in the same order.

    With ``stop_at_error`` no more is asked for once a read has failed; then others may be unfinished too.
    """
    errors: list[RasteretError | None] = [None] * len(reads)
    stop = Event()
    cache_hits: list[Job] = []

    def settle(job: Job, outcome: Piece | RasteretError) -> None:
        for number, block in job.wanted_by:
            if isinstance(outcome, RasteretError):
                errors[number] = errors[number] or outcome
                if stop_at_error:
                    stop.set()
            else:
                reads[number].take(block, outcome)

    def places_of(job: Job) -> Sequence[Place] | None:
        found: list[Place] = []
        for number, block in job.wanted_by:
            places = reads[number].places(block)
            if places is None:
                return None
            found += places
        return found

    wanted, refused = jobs_of(reads)
    wanted = _allowed(wanted, refused)
    for number, error in refused.items():
        errors[number] = error
    if refused and stop_at_error:
        return errors
    note_wanted(wanted)
    if (planning := metering.planning()) is not None:
        return planned(reads, wanted, errors, planning)
    while wanted and not stop.is_set():
        wanted = _read_jobs(wanted, settle, places_of, cache_hits, stop)
    _note_cache_hits(cache_hits)
    return errors


def _allowed(jobs: dict[BlockKey, Job], refused: dict[int, RasteretError]) -> dict[BlockKey, Job]:
    """Those whose files the host allows: of a block that is kept nobody asks the store any more."""
    if is_open():
        return jobs
    allowed = {}
    for key, job in jobs.items():
        error = refusal(job.byte_range.href)
        if error is None:
            allowed[key] = job
        else:
            refused.update(dict.fromkeys((number for number, _ in job.wanted_by), error))
    return allowed


def _read_jobs(
    jobs: Mapping[BlockKey, Job], settle: Settle, places_of: PlacesOf, cache_hits: list[Job], stop: Event
) -> dict[BlockKey, Job]:
    """Read blocks here or wait for who reads them already; gives those that others left unread."""
    elsewhere: list[tuple[BlockKey, Job, Future[Piece]]] = []
    mine: list[_Work] = []
    for key, job in jobs.items():
        match BLOCKS.claim(key, job.part):
            case Claim() as claim:
                mine.append(_Work(key=key, job=job, claim=claim))
                if claim.stored is not None:
                    job.part = claim.part
                    cache_hits.append(job)
            case Piece() as piece:
                settle(job, piece)
                cache_hits.append(job)
            case future:
                elsewhere.append((key, job, future))
    keep_what_is_worth_it([work.job for work in mine], limit=settings().tile_cache_bytes)
    _produce(mine, settle, places_of, stop)
    left: dict[BlockKey, Job] = {}
    for key, job, future in elsewhere:
        if stop.is_set():
            break
        try:
            settle(job, future.result())
            cache_hits.append(job)
        except AbandonedError:
            left[key] = job
        except RasteretError as error:
            settle(job, error)
    return left


def _note_cache_hits(jobs: Sequence[Job], kind: str = "cache") -> None:
    """Tell the log, file by file, which blocks were there or on their way already."""
    note_cached(jobs)
    by_href: dict[str, list[Job]] = {}
    for job in jobs:
        by_href.setdefault(job.byte_range.href, []).append(job)
    for href, found in by_href.items():
        request_log.record_cached(
            href=href, tiles=len(found), byte_count=sum(job.front_bytes for job in found), kind=kind
        )


def _produce(mine: Sequence[_Work], settle: Settle, places_of: PlacesOf, stop: Event) -> None:
    """Fetch and decode the claimed blocks until ``stop``; every claim is settled, come what may."""
    rests: list[Future[None]] = []

    def fail(work: _Work, error: RasteretError) -> None:
        BLOCKS.fail(work.key, work.claim, error)
        settle(work.job, error)

    def finish(work: _Work, data: memoryview, answer_bytes: int) -> None:
        keep = _to_keep(work, data, answer_bytes)
        if (
            keep is not True
            and _scattered(work.job, data, places_of)
            and BLOCKS.store_bytes(work.key, work.claim, keep or None)
        ):
            DISK.keep(work.key, data)
            return
        pixels = _decode(work.job, data)
        if isinstance(pixels, RasteretError):
            fail(work, pixels)
        else:
            settle(work.job, BLOCKS.store(work.key, work.claim, pixels, keep))
            DISK.keep(work.key, data)

    def decode(landed: _Landed) -> None:
        try:
            finish(landed.work, landed.data, landed.answer_bytes)
        except ShortFrontError:
            # a copy: the answer in which it lies is long
            rests.append(_rest_pool().submit(fetch_rest, landed.work, bytes(landed.data)))

    def fetch_rest(work: _Work, front: bytes) -> None:
        block = work.job.byte_range
        rest = replace(block, start=block.start + len(front), length=block.length - len(front))
        for _, answer in fetch([rest], kind="tile"):
            stored = _slice(answer, work, 0, rest.length)
            if isinstance(stored, RasteretError):
                fail(work, stored)
            else:
                finish(work, memoryview(front + stored), block.length)

    # bytes that wait for a decoder are no longer counted as in flight: let only a few wait
    decoding = Stream(decode, waiting=WAITING_PER_THREAD * settings().decode_threads)
    try:
        missing, on_disk = list[_Work](), list[Job]()
        for work in mine:
            if (kept := work.claim.stored) is not None:
                decoding.put(_Landed(work, kept.data, kept.byte_count))
            elif (found := DISK.find(work.key, work.job)) is not None:
                decoding.put(_Landed(work, found, len(found)))
                on_disk.append(work.job)
            else:
                missing.append(work)
        _note_cache_hits(on_disk, "disk")
        asks = _asks(missing)
        budget.take(ask.range for ask in asks)
        with progress(sum(ask.range.length for ask in asks), unit="B", what="tiles") as advance:
            for number, answer in fetch([ask.range for ask in asks], kind="tile"):
                for work, start, length in asks[number].parts:
                    stored = _slice(answer, work, start, length)
                    if isinstance(stored, RasteretError):
                        fail(work, stored)
                    else:
                        decoding.put(_Landed(work, stored, asks[number].range.length))
                advance(asks[number].range.length)
                if stop.is_set():
                    break
        decoding.join()
        for task in rests:
            task.result()
    finally:
        decoding.drop()
        for task in rests:
            task.cancel()
        _abandon(mine)


def _asks(mine: Sequence[_Work]) -> list[_Ask]:
    return [
        _Ask(range=asked, parts=tuple((mine[number], start, length) for number, start, length in parts))
        for asked, parts in requests_of([work.job for work in mine])
    ]


def _abandon(mine: Iterable[_Work]) -> None:
    for work in mine:
        BLOCKS.fail(work.key, work.claim, AbandonedError())


@lru_cache(maxsize=1)
def _rest_pool() -> ThreadPoolExecutor:
    """Threads that mostly wait: for the rest of blocks whose front was too short."""
    return ThreadPoolExecutor(RESTS_AT_ONCE, thread_name_prefix="rasteret-rest")


def _slice(answer: Block | RasteretError, work: _Work, start: int, length: int) -> memoryview | RasteretError:
    """One block's bytes out of a merged answer, if the file is still the one that was indexed."""
    job = work.job
    changed = stale(job, work.key[1], answer)
    if changed is not None:
        return changed
    if isinstance(answer, RasteretError):
        return answer
    data = answer.data[start : start + length]
    if len(data) != length:
        return MalformedError(
            f"{display_href(job.byte_range.href)} is cut short: a block of {length:,} bytes should lie "
            "at byte "
            f"{job.byte_range.start:,}, and {len(data):,} of them are there"
        )
    return memoryview(data)


def _to_keep(work: _Work, data: memoryview, answer_bytes: int) -> Stored | bool:
    """What the cache keeps: the stored bytes of a first read, and the pixels of a second one (True), if any.

    Bytes are copied where most of the answer in which they lie belongs to others. Where pixels take less, as
    of a small part of a tile, they are kept at once.
    """
    if work.claim.stored is not None or not work.job.keep:
        return work.job.keep
    is_most = answer_bytes <= MOST_OF_AN_ANSWER * len(data)
    byte_count = answer_bytes if is_most else len(data)
    if byte_count > work.job.decoded_bytes:
        return True
    return Stored(work.job.part, data if is_most else memoryview(bytes(data)), byte_count)


def _scattered(job: Job, data: memoryview, places_of: PlacesOf) -> bool:
    """Whether all reads that want the block have their pixels of it, without the block itself."""
    places = places_of(job)
    if not places:
        return False
    return scatter(data, job.layout, places, rows=job.part.bottom, whole=job.is_whole)


def _decode(job: Job, data: memoryview) -> Pixels | RasteretError:
    try:
        if job.is_whole:
            return decode_block(data, job.layout, rows=job.rows, inside=job.inside)
        return decode_part(data, job.layout, job.part, complete=len(data) == job.byte_range.length)
    except RasteretError as error:
        named = type(error)(
            f"{display_href(job.byte_range.href)}, block at byte {job.byte_range.start:,}: {error}"
        )
        named.__cause__ = error
        return named
