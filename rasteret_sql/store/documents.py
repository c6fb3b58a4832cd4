"""Whole small files, and lists of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rasteret_sql.errors import RasteretError
from rasteret_sql.settings import settings
from rasteret_sql.store.access import require_listing
from rasteret_sql.store.address import family_of, parse_address, plain_href
from rasteret_sql.store.etag import etag_or_none
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.readers import reader_for
from rasteret_sql.store.scheduling.scheduler import run

DOCUMENT_MAX_BYTES = 256 << 20


class Document(bytes):
    """The content of one file."""

    href: str
    """Where it is, and what its links are relative to: the URL that answered, after redirects."""


def read_documents(
    hrefs: Sequence[str], *, max_bytes: int = DOCUMENT_MAX_BYTES, kind: str = "document"
) -> Iterator[tuple[int, Document | RasteretError]]:
    """Read whole files at once, each by one request; index and content or error, as they land.

    A file longer than ``max_bytes`` is a ``LimitError``. The rest is as in ``fetch``.
    """
    # How long a document is nobody knows beforehand; 1 MiB of the budget stands for each.
    requests = [ByteRange(href=href, start=0, length=min(max_bytes, 1 << 20)) for href in hrefs]

    def read(request: ByteRange) -> Block:
        href = plain_href(request.href)
        return reader_for(href).read_all(href, max_bytes=max_bytes)

    for index, outcome in run(requests, read, kind=kind):
        if isinstance(outcome, RasteretError):
            yield index, outcome
            continue
        document = Document(outcome.data)
        document.href = outcome.redirected_to or hrefs[index]
        yield index, document


def read_document(href: str, *, max_bytes: int = DOCUMENT_MAX_BYTES, kind: str = "document") -> Document:
    """The content of one file; raises what ``read_documents`` hands on."""
    [(_, outcome)] = read_documents([href], max_bytes=max_bytes, kind=kind)
    if isinstance(outcome, RasteretError):
        raise outcome
    return outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file of a listing. None where the store does not say."""

    href: str
    size: int | None = None
    last_modified: datetime | None = None
    etag: str | None = None


MODIFIED_KEYS = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
ETAG_KEYS = ("ETag", "etag")
"""How file systems of fsspec name these; the first that is there counts."""


def list_files(pattern: str) -> list[FileEntry]:
    """The files that match ``pattern`` (``s3://bucket/**/*.tif``, ``data/*.tif``), sorted by href, by fsspec.

    A pattern without wildcards is the file itself, or the files directly in that folder. Nothing found is
    an empty list; what cannot be listed raises ``AccessError``, ``TransportError`` or ``ArgumentError``.
    """
    from rasteret_sql.store.allowed_protocols import require_protocol
    from rasteret_sql.store.fsspec.errors import translate
    from rasteret_sql.store.fsspec.options import filesystem_words
    from rasteret_sql.store.fsspec.reader import open_filesystem
    from rasteret_sql.store.options import options_for

    pattern = parse_address(pattern).href
    require_protocol(pattern)
    require_listing(pattern)
    try:
        fs, path = open_filesystem(pattern, filesystem_words(pattern, options_for(pattern), settings()))
        fs.invalidate_cache()
        if not any(sign in path for sign in "*?["):
            path = f"{path.rstrip('/')}/*" if fs.isdir(path) else path
        files: Mapping[str, Mapping[str, Any]] = fs.glob(path, detail=True)
    except Exception as error:  # every file system has exceptions of its own
        raise translate(error, pattern, None) from None
    entries = (
        FileEntry(
            href=_href(name, pattern, fs),
            size=about.get("size"),
            last_modified=_moment(_first(about, MODIFIED_KEYS)),
            etag=etag_or_none(_first(about, ETAG_KEYS)),
        )
        for name, about in files.items()
        if about.get("type") == "file"
    )
    return sorted(entries, key=lambda entry: entry.href)


def _href(name: str, pattern: str, fs: Any) -> str:
    """A listed name as an href, with the scheme and the bucket as the pattern has them."""
    scheme, separator, rest = pattern.partition("://")
    if not separator:
        return name
    if family_of(pattern) in ("s3", "gs", "az"):
        return f"{scheme}://{rest.partition('/')[0]}/{name.partition('/')[2]}"
    return str(fs.unstrip_protocol(name))


def _first(about: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((about[key] for key in keys if about.get(key) is not None), None)


def _moment(value: object) -> datetime | None:
    """A time as UTC: file systems give datetimes, seconds since 1970, or ISO text."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
