"""Read headers: the directories of many files at once, one request for a file that is laid out as a COG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol

from rasteret_sql.cog.gdal_metadata import read_band_metadata
from rasteret_sql.cog.georeference import crs_of, gcps_of, nodata_of, transform_of
from rasteret_sql.cog.header import Header, Level
from rasteret_sql.cog.header_cache import HEADERS, Key
from rasteret_sql.errors import RasteretError
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.fetch import fetch as fetch_ranges
from rasteret_sql.store.port import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import place
from rasteret_sql.store.route import reader_for
from rasteret_sql.tiff.buffer import Bytes, NeedBytes, Range, merged
from rasteret_sql.tiff.head import READ_AHEAD
from rasteret_sql.tiff.image import Image, Tiff
from rasteret_sql.tiff.parse import parse

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
BITS_IN_OWN_ORDER = frozenset({"jpeg"})
"""Compressions that FillOrder does not apply to (libtiff)."""

JOINED_GAP = 32768
"""Unwanted bytes that cost less than another request."""


class Fetch(Protocol):
    """Reads many ranges concurrently: (index into ``ranges``, bytes or error), in any order."""

    def __call__(
        self, ranges: Sequence[ByteRange], *, kind: str
    ) -> Iterator[tuple[int, Block | RasteretError]]: ...


def read_headers(hrefs: Sequence[str], *, fetch: Fetch = fetch_ranges) -> list[Header | RasteretError]:
    """The header of every href, or the error that its file or its transport gave; raises for none of them.

    The first bytes of all files are read at once; a file that needs more (tables beyond the first read,
    directories after the pixels) takes part in further rounds until it is complete.
    Of the directories in a file these make the header: the first one, its overviews (reduced resolution,
    same bands and dtype) and their masks. Other pages are left out.
    """
    readings = [_Reading(href) for href in hrefs]
    while True:
        wanted = [(reading, part) for reading in readings for part in reading.missing]
        if not wanted:
            return [reading.outcome for reading in readings]
        ranges = [ByteRange(href=reading.href, start=part[0], length=part[1]) for reading, part in wanted]
        for k, answer in fetch(ranges, kind="header"):
            wanted[k][0].take(ranges[k], answer)


def known_headers(hrefs: Sequence[str]) -> list[Header | RasteretError]:
    """The same of distinct hrefs, with remote headers from the cache, and each read once at a time."""
    keys = [_key(href) for href in hrefs]
    claims = [None if key is None else HEADERS.claim(key) for key in keys]
    found: list[Header | RasteretError | None] = [c if isinstance(c, Header) else None for c in claims]
    mine = [at for at, claim in enumerate(claims) if claim is None]
    try:
        for at, outcome in zip(mine, read_headers([hrefs[at] for at in mine]), strict=True):
            found[at] = outcome
    finally:
        for at in mine:
            key = keys[at]
            if key is not None:
                HEADERS.settle(key, found[at])
    for at, claim in enumerate(claims):
        if isinstance(claim, Future):
            found[at] = claim.result()
    given_up = [at for at, outcome in enumerate(found) if outcome is None]
    for at, outcome in zip(given_up, read_headers([hrefs[at] for at in given_up]), strict=True):
        found[at] = outcome
    return [outcome for outcome in found if outcome is not None]


def _key(href: str) -> Key | None:
    """Of a remote file; None for local ones, whose headers cost no request, and where nobody can read it."""
    try:
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
            self.outcome = type(error)(f"{place(self.href)}: {error}")

    def take(self, asked: ByteRange, answer: Block | RasteretError) -> None:
        """One of the missing ranges, or why it could not be had."""
        if not self.missing:
            return  # another range of this round failed before
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


def build_header(href: str, tiff: Tiff, info: ObjectInfo) -> Header:
    """What the directories of one file say, as a header.

    Without an affine (none at all, or ground control points only) the header has pixel coordinates and
    no CRS: the GeoKeys' CRS is that of the control points. RPCs (tag 50844) are left alone.
    Raises ``MalformedError`` and ``UnsupportedError`` as ``cog.georeference`` does.
    """
    image = tiff.images[0]
    transform = transform_of(image)
    gcps = gcps_of(image) if transform is None else ()
    bands = read_band_metadata(image.gdal_metadata, image.band_count)
    masks = {(m.width, m.height): m for m in reversed(tiff.images[1:]) if m.is_mask and m.band_count == 1}
    return Header(
        href=href,
        band_count=image.band_count,
        dtype=image.dtype,
        byte_order=tiff.byte_order,
        extra_samples=image.extra_samples,
        full=_level(image, masks),
        overviews=tuple(_level(overview, masks) for overview in overviews_of(tiff)),
        crs=None if transform is None else crs_of(image),
        transform=transform or IDENTITY,
        nodata=nodata_of(image),
        scales=bands.scales,
        offsets=bands.offsets,
        units=bands.units,
        band_names=bands.band_names,
        gcps=gcps or None,
        gcps_crs=crs_of(image) if gcps else None,
        colormap=image.colormap,
        ghost=tiff.ghost,
        file_size=info.size,
        etag=info.etag,
        last_modified=info.last_modified,
    )


def overviews_of(tiff: Tiff) -> list[Image]:
    """The reduced-resolution images of the first one, fine to coarse; of two of one size the first."""
    full = tiff.images[0]
    by_size: dict[tuple[int, int], Image] = {}
    for image in tiff.images[1:]:
        alike = (image.band_count, image.dtype) == (full.band_count, full.dtype)
        smaller = image.width <= full.width and image.height <= full.height
        if image.is_reduced and not image.is_mask and alike and smaller:
            by_size.setdefault((image.width, image.height), image)
    by_size.pop((full.width, full.height), None)
    return sorted(by_size.values(), key=lambda image: image.width * image.height, reverse=True)


def _level(image: Image, masks: dict[tuple[int, int], Image]) -> Level:
    mask = masks.get((image.width, image.height))
    return Level(
        width=image.width,
        height=image.height,
        tile_width=image.tile_width,
        tile_height=image.tile_height,
        tiled=image.tiled,
        compression=image.compression,
        predictor=image.predictor,
        interleave=image.interleave,
        photometric=image.photometric,
        bits_per_sample=image.bits_per_sample,
        fill_order=1 if image.compression in BITS_IN_OWN_ORDER else image.fill_order,
        tile_offsets=image.tile_offsets,
        tile_byte_counts=image.tile_byte_counts,
        jpeg_tables=image.jpeg_tables,
        lerc_parameters=image.lerc_parameters,
        mask=None if mask is None else _level(mask, {}),
    )
