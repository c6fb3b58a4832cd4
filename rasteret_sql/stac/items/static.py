"""Reading STAC without an API: single documents, and catalogues with all that they link to."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import LimitError, RasteretError, value_or_raise
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.errors import reworded
from rasteret_sql.stac.href import has_scheme
from rasteret_sql.stac.items.document import PARQUET_BYTES_MAX, Opened, open_document
from rasteret_sql.stac.items.documents import documents
from rasteret_sql.store.documents import Document, read_documents
from rasteret_sql.store.redact import display_href

Rows = list[dict[str, Any]]
DEPTH_MAX = 32
"""Catalogues below catalogues."""
DOCUMENTS_MAX = 1_000_000
"""Documents of one catalogue."""
_DOCUMENTS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class _Link:
    href: str
    parent: str
    depth: int


def read(href: str, *, notices: Notices | None = None) -> Iterator[dict[str, Any]]:
    """The rows (``item.item_row``) of every item that the document at ``href`` is, holds or links to.

    ``href`` is a local path or any URL that the store reads. A Catalog or Collection is crawled level by
    level, many documents at once; each is read once, so cycles end. Rows come in the order of the links.
    A document that cannot be read ends the reading with its error: nothing is left out silently.
    """
    [(_, data)] = _fetch([href])
    if isinstance(data, RasteretError):
        raise data
    yield from _crawl(href, data, notices or Notices("stac_read"), set())


def read_many(
    places: Sequence[str | Sequence[str]], *, notices: Notices | None = None
) -> list[Rows | RasteretError]:
    """The rows of each place, or list of places, or the error that ended it, in the order of ``places``.

    A place is a document, a pattern or a folder (``documents``). Rows come in the order of the list, then of
    the paths; a document that several of its files lead to is read once. Documents are read many at once;
    equal lists share one answer.
    """
    asked = [(one,) if isinstance(one, str) else tuple(one) for one in places]
    answers = _answers(dict.fromkeys(asked), notices or Notices("stac_read"))
    return [answers[one] for one in asked]


def _answers(
    lists: Iterable[tuple[str, ...]], notices: Notices
) -> dict[tuple[str, ...], Rows | RasteretError]:
    answers: dict[tuple[str, ...], Rows | RasteretError] = {}
    waiting: list[tuple[tuple[str, ...], str]] = []
    for places in lists:
        try:
            files = dict.fromkeys(file for one in places for file in documents(one))
        except RasteretError as error:
            answers[places] = error
            continue
        answers[places] = []
        waiting += [(places, file) for file in files]
    seen: dict[tuple[str, ...], set[str]] = {places: set() for places in answers}
    for start in range(0, len(waiting), _DOCUMENTS_AT_ONCE):
        batch = waiting[start : start + _DOCUMENTS_AT_ONCE]
        landed = dict(_fetch(list(dict.fromkeys(file for _, file in batch))))
        for places, file in batch:
            rows, data = answers[places], landed[file]
            if isinstance(rows, RasteretError):
                continue
            try:
                rows += _crawl(file, value_or_raise(data), notices, seen[places])
            except RasteretError as error:
                answers[places] = error
    return answers


def _fetch(hrefs: Sequence[str]) -> list[tuple[str, Document | RasteretError]]:
    """The documents, each with its href. Which are Parquet files their names say, until their bytes do."""
    most = settings().max_document_bytes
    landed: dict[str, Document | RasteretError] = {}
    for limit in (most, PARQUET_BYTES_MAX):
        named = [href for href in hrefs if _limit(href, most) == limit]
        for index, data in read_documents(named, max_bytes=limit, kind="stac"):
            landed[named[index]] = _advised(data) if isinstance(data, LimitError) else data
    return [(href, landed[href]) for href in hrefs]


def _limit(href: str, most: int) -> int:
    name = re.split(r"[?#]", href, maxsplit=1)[0] if has_scheme(href) else href
    return PARQUET_BYTES_MAX if re.search(r"\.(geo)?parq(uet)?$", name, re.IGNORECASE) else most


def _advised(error: LimitError) -> RasteretError:
    return reworded(error, f"{str(error).rstrip('.')} (setting max_document_bytes)")


def _crawl(root: str, data: Document, notices: Notices, seen: set[str]) -> Iterator[dict[str, Any]]:
    """The rows of the document ``root`` and of all below it that are not ``seen``, breadth first."""
    if _identity(root) in seen:
        return
    opened = open_document(data, data.href, notices)
    yield from opened.rows
    seen |= {_identity(root), _identity(data.href)}
    waiting = deque(_unseen(opened, _Link(href=root, parent="", depth=0), seen, root))
    while waiting:
        batch = [waiting.popleft() for _ in range(min(_DOCUMENTS_AT_ONCE, len(waiting)))]
        for link, (href, content) in zip(batch, _fetch([link.href for link in batch]), strict=True):
            if isinstance(content, RasteretError):
                raise _linked(content, link)
            if content.href != href:  # redirected, maybe to what another link leads to as well
                if _identity(content.href) in seen:
                    continue
                seen.add(_identity(content.href))
            opened = open_document(content, content.href, notices)
            yield from opened.rows
            waiting.extend(_unseen(opened, link, seen, root))


def _unseen(opened: Opened, parent: _Link, seen: set[str], root: str) -> Iterator[_Link]:
    """The links of a document that lead to documents not met before, within the limits."""
    for href in opened.links:
        identity = _identity(href)
        if identity in seen:
            continue
        if parent.depth == DEPTH_MAX:
            raise LimitError(
                f"{display_href(root)}: catalogues are nested more than {DEPTH_MAX} deep, at "
                f"{display_href(parent.href)}; "
                "read a catalogue further down"
            )
        if len(seen) >= DOCUMENTS_MAX:
            raise LimitError(
                f"{display_href(root)}: more than {DOCUMENTS_MAX:,} documents; "
                "read the catalogues below it one by one"
            )
        seen.add(identity)
        yield _Link(href=href, parent=parent.href, depth=parent.depth + 1)


def _identity(href: str) -> str:
    if has_scheme(href):
        return href.partition("#")[0]
    return os.path.abspath(os.path.expanduser(href))  # in a path # is a letter like any other


def _linked(error: RasteretError, link: _Link) -> RasteretError:
    """``error`` with the document that sent us there: the one that has to be mended."""
    return reworded(error, f"{error} (linked from {display_href(link.parent)})")
