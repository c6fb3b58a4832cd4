"""Whether a file is still the one that its index row describes."""

from __future__ import annotations

from rasteret_sql.blocks.jobs import Job
from rasteret_sql.errors import RasteretError, StaleError
from rasteret_sql.geotiff.header_cache import HEADERS
from rasteret_sql.store.errors import BeyondEndError
from rasteret_sql.store.etag import same
from rasteret_sql.store.protocol import Block
from rasteret_sql.store.redact import display_href


def stale(job: Job, etag: str | None, answer: Block | RasteretError) -> StaleError | None:
    """The error for an answer about ``job``'s bytes that another file gave; None for the same file.

    ``etag`` and ``job.file_size`` are those of the index. Whatever of the two both sides know is compared; a
    file that ends before bytes that the index has seen changed too, whoever says so.
    """
    changed = _changed(job, etag, answer)
    if changed is None:
        return None
    href = job.byte_range.href
    HEADERS.forget(href)
    return StaleError(
        f"{display_href(href)} changed since it was indexed: {changed}; refresh the index (call cog_header "
        "for it "
        "again), or run the query again if it names the file by its href"
    )


def _changed(job: Job, etag: str | None, answer: Block | RasteretError) -> str | None:
    if isinstance(answer, BeyondEndError):
        was_there = job.file_size is not None and job.byte_range.end <= job.file_size
        return _shorter(job, answer.size) if was_there else None
    if isinstance(answer, RasteretError):
        return None
    size, found = answer.info.size, answer.info.etag
    if etag is not None and found is not None and not same(found, etag):
        return f"its ETag was {etag} and is {found}"
    if job.file_size is not None and size is not None and size != job.file_size:
        return f"it had {job.file_size:,} bytes and has {size:,}"
    return None


def _shorter(job: Job, size: int | None) -> str:
    now = f"has {size:,}" if size is not None else f"ends before byte {job.byte_range.end:,}"
    return f"it had {job.file_size:,} bytes and {now}"
