"""What a batch of reads counts for in its query, and a batch that is planned and not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rasteret_sql import metering
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.blocks.disk_cache import DISK
from rasteret_sql.blocks.jobs import BlockKey, Job, keep_what_is_worth_it
from rasteret_sql.blocks.requests import requests_of
from rasteret_sql.blocks.window_read import BlockRead
from rasteret_sql.errors import NotSentError, RasteretError
from rasteret_sql.settings import settings


def note_wanted(jobs: Mapping[BlockKey, Job]) -> None:
    """The files and tiles of one batch, cached or not."""
    known = metering.place()
    if known is None or not jobs:
        return
    meter, function = known
    with meter.lock:
        tally = meter.tally(function)
        tally.tiles += len(jobs)
        tally.scenes.update(key[0] for key in jobs)


def note_cached(jobs: Sequence[Job]) -> None:
    """Those that take no request."""
    known = metering.place()
    if known is None or not jobs:
        return
    meter, function = known
    with meter.lock:
        tally = meter.tally(function)
        tally.tiles -= len(jobs)
        tally.cached_tiles += len(jobs)
        tally.cached_bytes += sum(job.front_bytes for job in jobs)


def planned(
    reads: Sequence[BlockRead],
    jobs: Mapping[BlockKey, Job],
    errors: list[RasteretError | None],
    planning: metering.Planning,
) -> list[RasteretError | None]:
    """Count what a batch would ask for, as the cache is now and would be after the batches before it.

    Where pixels are answered, each read fails with ``NotSentError``; where numbers are made of them, blocks
    hold what sparse ones do.
    """
    cached, missing = [], dict[BlockKey, Job]()
    for key, job in jobs.items():
        seen = BLOCKS.holds(key, job.part) or planning.seen.get((key, job.part)) is not None
        if seen or DISK.holds(key, job):
            cached.append(job)
        else:
            missing[key] = job
    note_cached(cached)
    keep_what_is_worth_it(list(missing.values()), limit=settings().tile_cache_bytes)
    for key, job in missing.items():
        if job.keep:
            planning.seen.put((key, job.part), job.front_bytes)
    metering.note_planned([(asked.href, asked.length) for asked, _ in requests_of(list(missing.values()))])
    if not metering.fills():
        unsent = NotSentError("a plan reads no pixels")
        return [error or unsent for error in errors]
    for job in jobs.values():
        for number, block in job.wanted_by:
            reads[number].take_fill(block)
    return errors
