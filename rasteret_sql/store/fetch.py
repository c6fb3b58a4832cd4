"""Reads many byte ranges at once, from any mixture of stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from rasteret_sql import metering
from rasteret_sql.errors import ArgumentError, NotSentError, RasteretError
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import family_of, parse_address, plain_href
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.readers import reader_for
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.scheduling.scheduler import run
from rasteret_sql.store.scheduling.thread_pool import pool_of
from rasteret_sql.store.transports import Preparing


def fetch(ranges: Sequence[ByteRange], *, kind: str) -> Iterator[tuple[int, Block | RasteretError]]:
    """Read ``ranges``; gives the index of each with its bytes or its error, as they land, in any order.

    Every range comes exactly once, and none raises: a fault that may pass is tried again as the settings
    allow, and what stands is handed on as an error. (Once nobody waits for this thread any more, see
    ``waiting``, the iteration raises.) At most ``max_concurrency`` requests to one server
    are on the wire, and at most ``bytes_in_flight`` bytes on their way or not yet taken from here; a
    single longer range is read alone. Nothing starts before the first ``next``. Leaving the iteration
    early drops what has not started. Safe from many threads at once.

    ``kind`` is what ``rasteret_requests()`` shows: ``header``, ``tile``, ``document`` or ``stac``.
    """
    planning = metering.planning()
    return run(ranges, _read, kind=kind) if planning is None else _planned(ranges, kind, planning)


def _planned(
    ranges: Sequence[ByteRange], kind: str, planning: metering.Planning
) -> Iterator[tuple[int, Block | RasteretError]]:
    """In a plan: local files are read, others are counted, unless it looks things up."""
    free = [at for at, one in enumerate(ranges) if planning.look_up or family_of(one.href) == "local"]
    for at, answer in run([ranges[at] for at in free], _read, kind=kind):
        yield free[at], answer
    for at in sorted(set(range(len(ranges))) - set(free)):
        one = ranges[at]
        metering.note_unsent(kind, one.href, one.length)
        yield at, NotSentError(f"{display_href(one.href)}: a plan reads no {kind}")


def prepare(hrefs: Iterable[str]) -> None:
    """Make what reading these files takes, beside what the caller does; no request is made.

    What is wrong with their addresses or options is the error of the read.
    """
    roots: dict[str, str] = {}
    for href in hrefs:
        with suppress(RasteretError):
            roots.setdefault(parse_address(href).root, href)
    for root, href in roots.items():
        pool_of(root).submit(partial(_prepare, href))


def _prepare(href: str) -> None:
    with suppress(RasteretError):
        reader = reader_for(href)
        if isinstance(reader, Preparing):
            reader.prepare()


def _read(request: ByteRange) -> Block:
    if request.start < 0 or request.length <= 0:
        raise ArgumentError(
            f"{display_href(request.href)}: {request.length:,} bytes at {request.start:,} cannot be read; "
            "expected a length above 0 and a start of at least 0."
        )
    href = plain_href(request.href)
    if href != request.href:
        request = replace(request, href=href)
    block = reader_for(href).read(request)
    size = block.info.size
    if size is not None and len(block.data) < min(request.length, size - request.start):
        raise failures.short_body(request, len(block.data), min(request.length, size - request.start))
    return block
