"""What a batch of reads comes down to: distinct blocks, and which part of each is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rasteret_sql.blocks.selection import StoredLevel
from rasteret_sql.blocks.window_read import BlockRead
from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.codec.part import Part, decodable_part, front_bytes, whole
from rasteret_sql.errors import MalformedError, RasteretError
from rasteret_sql.settings import settings
from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.redact import display_href

BlockKey = tuple[str, str | None, int, int, BlockLayout, int, int]
"""href, ETag, offset, byte count, layout, rows, rows in the image: all that decides a block's pixels."""


@dataclass(kw_only=True)
class Job:
    """One distinct block, the part of it that is decoded, and the reads that want it."""

    byte_range: ByteRange
    layout: BlockLayout
    rows: int
    inside: int
    """Rows that lie in the image; a tile may end after them."""
    part: Part
    cut: bool = False
    """A window ends inside the block, whose neighbours may want the rest."""
    keep: bool = False
    """Worth a place in the cache."""
    wanted_by: list[tuple[int, int]] = field(default_factory=list)
    """(number of the read, flat block number)."""
    file_size: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.part == whole(self.layout, self.rows)

    @property
    def decoded_bytes(self) -> int:
        pixel = self.layout.samples * np.dtype(self.layout.dtype).itemsize
        return (self.part.bottom - self.part.top) * self.part.right * pixel

    @property
    def front_bytes(self) -> int:
        """How much of the stored block to ask for first."""
        length = self.byte_range.length
        return length if self.is_whole else front_bytes(length, self.part.bottom / self.rows)


def jobs_of(reads: Sequence[BlockRead]) -> tuple[dict[BlockKey, Job], dict[int, RasteretError]]:
    """Distinct blocks of all reads, and the reads that cannot be made; sparse blocks are filled in here."""
    jobs: dict[BlockKey, Job] = {}
    errors: dict[int, RasteretError] = {}
    for number, read in enumerate(reads):
        chosen, stored = read.selection, read.selection.stored
        image, layout = stored.image, stored.image.block
        numbers = zip(
            chosen.blocks.tolist(), chosen.offsets.tolist(), chosen.byte_counts.tolist(), strict=True
        )
        for block, offset, byte_count in numbers:
            if byte_count == 0:
                if offset:
                    errors[number] = _without_length(stored, offset)
                else:
                    read.take_fill(block)
                continue
            part, partly = read.part_of(block)
            rows, inside = image.stored_rows(image.place(block)[1])
            key = (stored.href, stored.etag, offset, byte_count, layout, rows, inside)
            job = jobs.get(key)
            if job is None:
                byte_range = ByteRange(href=stored.href, start=offset, length=byte_count)
                job = jobs[key] = Job(
                    byte_range=byte_range,
                    layout=layout,
                    rows=rows,
                    inside=inside,
                    part=part,
                    file_size=stored.file_size,
                )
            else:
                job.part = job.part.union(part)
            job.cut = job.cut or partly
            job.wanted_by.append((number, block))
    verify = settings().verify
    for job in jobs.values():
        job.part = decodable_part(job.layout, job.rows, job.part)
        if verify == "tile" or (verify == "auto" and job.front_bytes == job.byte_range.length):
            job.part = whole(job.layout, job.rows)
    return jobs, errors


def _without_length(stored: StoredLevel, offset: int) -> MalformedError:
    """GDAL takes such a block for a sparse one, and libtiff computes it where it is the only one."""
    kind = "TileByteCounts (325)" if stored.image.tiled else "StripByteCounts (279)"
    return MalformedError(
        f"{display_href(stored.href)}: the block at byte {offset:,} has no length: {kind} is 0, its offset "
        "is not; "
        "a sparse block has 0 in both. Write the file anew from its source"
    )


def keep_what_is_worth_it(jobs: Sequence[Job], *, limit: int) -> None:
    """Mark what the cache should hold: all blocks, if they fit into ``limit`` bytes.

    Of more, those that the next batch may want: batches come file by file, so another one shares blocks with
    this one in its first and last file, where a window cuts them.
    """
    fit = sum(job.decoded_bytes for job in jobs) <= limit
    ends = {job.byte_range.href for job in (*jobs[:1], *jobs[-1:])}
    for job in jobs:
        job.keep = fit or (job.cut and job.byte_range.href in ends)
