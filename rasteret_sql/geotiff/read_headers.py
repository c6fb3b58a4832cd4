"""Read headers: the directories of many files at once, one request for a file that is laid out as a COG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol

from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.from_tiff import build_header
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.header_cache import HEADERS, Key
from rasteret_sql.store.access import require
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.fetch import fetch as fetch_ranges
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.readers import reader_for
from rasteret_sql.store.redact import display_href
from rasteret_sql.tiff.buffer import Bytes, NeedBytes, Range, merged
from rasteret_sql.tiff.head import READ_AHEAD
from rasteret_sql.tiff.parse import parse

JOINED_GAP = 32768
"""Unwanted bytes that cost less than another request."""


class Fetch(Protocol):
    """Reads many ranges concurrently: (index into ``ranges``, bytes or error), in any order."""

    def __call__(
        self, ranges: Sequence[ByteRange], *, kind: str
    ) -> Iterator[tuple[int, Block | RasteretError]]: ...


def read_headers(hrefs: Sequence[str], *, fetch: Fetch = fetch_ranges) -> list[Header | RasteretError]:
    """The header of every href, or the error that its file or its transport gave; raises for none of them."""
    outcomes = dict(landing_headers(hrefs, fetch=fetch))
    return [outcomes[number] for number in range(len(hrefs))]


def landing_headers(
    hrefs: Sequence[str], *, fetch: Fetch = fetch_ranges
) -> Iterator[tuple[int, Header | RasteretError]]:
    """The same with the index of each href, as soon as it is known, in any order.

    The first bytes of all files are read at once; a file that needs more (tables beyond the first read,
    directories after the pixels) takes part in further rounds until it is complete.
    Of the directories in a file these make the header: the first one, its overviews (reduced resolution,
    same bands and dtype) and their masks. Other pages are left out.
    """
    readings = [_Reading(href) for href in hrefs]
    while True:
        wanted = [(number, part) for number, reading in enumerate(readings) for part in reading.missing]
        if not wanted:
            return
        ranges = [ByteRange(href=hrefs[number], start=part[0], length=part[1]) for number, part in wanted]
        for k, answer in fetch(ranges, kind="header"):
            number, _ = wanted[k]
            reading = readings[number]
            if reading.missing:  # no other range of this round failed before
                reading.take(ranges[k], answer)
                if not reading.missing:
                    yield number, reading.outcome


def known_headers(hrefs: Sequence[str]) -> list[Header | RasteretError]:
    """The same of distinct hrefs, with remote headers from the cache, and each read once at a time."""
    keys = [_key(href) for href in hrefs]
    claims = [None if key is None else HEADERS.claim(key) for key in keys]
    outcomes: list[Header | RasteretError | None] = [c if isinstance(c, Header) else None for c in claims]
    mine = [at for at, claim in enumerate(claims) if claim is None]
    try:
        for at, outcome in zip(mine, read_headers([hrefs[at] for at in mine]), strict=True):
            outcomes[at] = outcome
    finally:
        for at in mine:
            key = keys[at]
            if key is not None:
                HEADERS.settle(key, outcomes[at])
    for at, claim in enumerate(claims):
        if isinstance(claim, Future):
            outcomes[at] = claim.result()
    given_up = [at for at, outcome in enumerate(outcomes) if outcome is None]
    for at, outcome in zip(given_up, read_headers([hrefs[at] for at in given_up]), strict=True):
        outcomes[at] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


def _key(href: str) -> Key | None:
    """Of a remote file; None for local ones, whose headers cost no request, and where nobody may read it."""
    try:
        require(href)
        return None if parse_address(href).family == "local" else (href, reader_for(href))
    except RasteretError:
        return None  # the read says what is wrong


class _Reading:
    """One file on its way to a header. Its directories are parsed as soon as the last range has landed."""

    outcome: Header | RasteretError

    def __init__(self, href: str) -> None:
        self.href = href
        self.buffer = Bytes()
        self.info = ObjectInfo()
        self.advance()

    def advance(self) -> None:
        """Parse what is there: a header, an error, or the next ranges to read."""
        self.missing: tuple[Range, ...] = ()
        self.landed = 0
        try:
            self.outcome = build_header(self.href, parse(self.buffer), self.info)
        except NeedBytes as need:
            self.missing = _fewer(need.ranges, self.buffer)
        except RasteretError as error:
            self.outcome = type(error)(f"{display_href(self.href)}: {error}")

    def take(self, asked: ByteRange, answer: Block | RasteretError) -> None:
        """One of the missing ranges, or why it could not be obtained."""
        if isinstance(answer, RasteretError):
            self.outcome, self.missing = answer, ()
            return
        self.buffer.add(asked.start, answer.data)
        self.info = answer.info
        if answer.info.size is not None:
            self.buffer.size = answer.info.size
        if len(answer.data) < asked.length:  # the file ends there
            end = asked.start + len(answer.data)
            self.buffer.size = end if self.buffer.size is None else min(self.buffer.size, end)
        self.landed += 1
        if self.landed == len(self.missing):
            self.advance()


def _fewer(ranges: Sequence[Range], buffer: Bytes) -> tuple[Range, ...]:
    """What is missing as few requests: over small gaps, and on to what comes next where tables are long.

    In a large COG each directory is followed by its tables, and those of all further levels take a third of
    the first's (half, if their tiles fill less): so the second request has the whole header.
    """
    *first, (start, length) = merged(ranges, gap=JOINED_GAP)
    last = buffer.clipped(start, length + length // 2) if length > READ_AHEAD else (start, length)
    return (*first, last)
