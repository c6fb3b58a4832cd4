"""One document: which kind of STAC it is, its rows, and the documents that it leads to. No I/O but paging."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import LimitError, MalformedError, RasteretError, UnsupportedError
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.http import Answer, ApiIO, Step
from rasteret_sql.stac.api.pages import walk
from rasteret_sql.stac.href import is_absolute
from rasteret_sql.stac.items import geoparquet
from rasteret_sql.stac.items.item import Say, item_row, why_not_item
from rasteret_sql.stac.json_text import load
from rasteret_sql.stac.links import (
    Link,
    has_href,
    has_rel,
    is_remote,
    links_of,
    member_href,
    without_secrets,
)  # fmt: skip
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.content_encoding import GZIP_MAGIC, gunzipped
from rasteret_sql.store.redact import display_href

PARQUET_BYTES_MAX = 1 << 30
"""Largest Parquet file that is read: it nests no deeper than its schema, and is read a batch at a time."""
PARQUET_MAGIC = b"PAR1"

_NDJSON = re.compile(r"\.(ndjson|jsonl|ndgeojson|geojsonl|geojsons)(\.gz)?$", re.IGNORECASE)
_HTTP = re.compile(r"^https?://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a document holds."""

    rows: Iterable[dict[str, Any]] = ()
    links: tuple[str, ...] = ()
    """Documents that belong to it: children, items, the next page of a static collection."""


def open_document(data: bytes, href: str, notices: Notices) -> Opened:
    """The items in ``data``, read from ``href``, or the links of the catalogue that it is.

    Reads Item, ItemCollection (FeatureCollection), a list of items, Catalog, Collection, newline-delimited
    items or ItemCollections, and STAC GeoParquet; JSON may be gzipped. Pages of an API's items are followed
    as the rows are taken. What of an item cannot be read is NULL, and what is not an item among items is left
    out, each with a notice. Raises ``MalformedError`` naming what was found instead, ``UnsupportedError``
    for the landing page of an API, ``LimitError`` for a document beyond ``max_document_bytes``, ``_depth``
    or ``_items``.
    """
    name = display_href(href)
    if data[:4] == PARQUET_MAGIC:
        return Opened(rows=_rows(geoparquet.items(data, href), href, notices))
    if len(data) > settings().max_document_bytes:
        raise LimitError(
            f"{name} has {len(data):,} bytes; at most {settings().max_document_bytes:,} are read of a STAC "
            "document in JSON (setting max_document_bytes)"
        )
    if data[:2] == GZIP_MAGIC:
        data = _unpacked(data, href)
    if _NDJSON.search(re.split(r"[?#]", href, maxsplit=1)[0]):
        return Opened(rows=_rows(_lines(data, href), href, notices))
    try:
        document = load(data, name)
    except RasteretError as error:
        if _is_lines(data):  # each line has a depth of its own
            return Opened(rows=_rows(_lines(data, href), href, notices))
        raise error
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return Opened(rows=_rows(_lines(data, href), href, notices))
        beginning = data.lstrip()[:40].decode("utf-8", "replace")
        raise MalformedError(
            f"{name}: neither JSON nor Parquet, {f'it begins {beginning!r}' if beginning else 'it is empty'}"
        ) from error
    return _opened(document, href, notices)


def _opened(document: Any, href: str, notices: Notices) -> Opened:
    kind = document.get("type") if isinstance(document, Mapping) else None
    if kind == "Feature":
        return Opened(rows=_rows([document], href, notices, self_href=_plain(href)))
    if kind == "FeatureCollection":
        return _collected(document, href, notices)
    if isinstance(document, list) and any(why_not_item(member) is None for member in document):
        return Opened(rows=_rows(document, href, notices))
    is_catalog = (
        isinstance(document, Mapping)
        and isinstance(document.get("links"), list)
        and "stac_version" in document
    )
    if is_catalog and kind in ("Catalog", "Collection", None):  # before 1.0 a catalogue had no type
        return Opened(links=_members(document, href))
    is_object = isinstance(document, Mapping)
    shown = f"type {short(kind)} with {member_names(document)}" if is_object else short(document)
    raise MalformedError(
        f"{display_href(href)}: not STAC: expected an Item (Feature), ItemCollection (FeatureCollection), "
        f"Catalog or Collection, found {shown}"
    )


def _collected(document: dict[str, Any], href: str, notices: Notices) -> Opened:
    features = document.get("features")
    if features is not None and not isinstance(features, list):
        raise MalformedError(f"{display_href(href)}: 'features' must be a list, found {short(features)}")
    if features is None:
        notices.say(f"{display_href(href)}: its 'features' are {short(features)}: no items are read from it")
    following = [link for link in _links(document) if has_rel(link, "next")]
    if following and _HTTP.match(href):
        pages = walk(ApiIO(), Step(href=href), notices, answer=Answer(document=document, href=href))
        items = (item for page in pages for item in page.items)
        return Opened(rows=_rows(items, href, notices, bounded=False))
    # The saved answer of an API names a next page there, which is not part of the file.
    there = [link for link in following if not is_absolute(str(link["href"]))]
    links = tuple(member_href(link, href, f"{display_href(href)}: its next link") for link in there)
    return Opened(rows=_rows(features or (), href, notices), links=links)


def _members(document: Mapping[str, Any], href: str) -> tuple[str, ...]:
    links = _links(document)
    conforms = document.get("conformsTo")
    if any(has_rel(link, "search") for link in links) and isinstance(conforms, list):
        raise UnsupportedError(
            f"{display_href(href)}: the landing page of a STAC API, not a static catalogue: "
            f"search it with FROM stac_search('{display_href(href)}', …)"
        )
    members = [_member(link, href) for link in links if has_rel(link, "child") or has_rel(link, "item")]
    if not any(has_rel(link, "item") for link in links):
        # a collection of an API lists its items in pages
        lists = [_member(link, href) for link in links if has_rel(link, "items")]
        members += [_with_limit(listed) for listed in lists]
    return tuple(members)


def _member(link: Link, href: str) -> str:
    return member_href(link, href, f"{display_href(href)}: its {link['rel']} link")


def _links(document: Mapping[str, Any]) -> list[Link]:
    return [link for link in links_of(document) if has_href(link)]


def _with_limit(href: str) -> str:
    """An API's own page is ten items."""
    return f"{href}?limit={settings().stac_page_size}" if _HTTP.match(href) and "?" not in href else href


def _rows(
    items: Iterable[Any], href: str, notices: Notices, *, self_href: str | None = None, bounded: bool = True
) -> Iterator[dict[str, Any]]:
    """The rows of the items; where there are none but other things, the first of these is the error."""
    most, rows, first_fault = settings().max_document_items, 0, None
    for number, item in enumerate(items, start=1):
        if bounded and number > most:
            raise LimitError(
                f"{display_href(href)}: more than {most:,} items in one document (setting "
                "max_document_items); "
                "split the file"
            )
        fault = why_not_item(item)
        if fault is not None:
            first_fault = first_fault or _not_item(item, fault, href)
            continue
        rows += 1
        yield item_row(item, base_href=href, self_href=self_href, say=_said_by(notices))
    if first_fault is not None:
        if not rows:
            raise MalformedError(first_fault)
        notices.say(f"{first_fault}; it is left out, as is whatever else is not an item", "not an item")


def _said_by(notices: Notices) -> Say:
    return lambda kind, message: notices.say(message, f"item {kind}")


def _not_item(item: Any, fault: str, href: str) -> str:
    named = f"item {short(item['id'])}" if isinstance(item, Mapping) and "id" in item else "item"
    return f"{named} in {display_href(href)}: {fault}"


def _plain(href: str) -> str:
    """Where an item was read: what its relative hrefs are relative to. An address may carry a key."""
    return without_secrets(href) if is_remote(href) else href


def _is_lines(data: bytes) -> bool:
    """Whether the first of several lines is JSON in itself."""
    first, newline, rest = data.partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(data: bytes, href: str) -> Iterator[Any]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield from _members_of_line(load(line, f"{display_href(href)}: line {number}"))
        except RasteretError:
            raise
        except ValueError as error:
            beginning = line[:40].decode("utf-8", "replace")
            raise MalformedError(
                f"{display_href(href)}: line {number} is not JSON, it begins {beginning!r}"
            ) from error


def _members_of_line(value: Any) -> Iterable[Any]:
    """An item, or the items of an ItemCollection, of which some writers put one on each line."""
    if isinstance(value, Mapping) and value.get("type") == "FeatureCollection":
        features = value.get("features")
        return features if isinstance(features, list) else ()
    return (value,)


def _unpacked(data: bytes, href: str) -> bytes:
    try:
        return gunzipped(data, href, max_bytes=settings().max_document_bytes)
    except LimitError as error:
        raise LimitError(f"{error} (setting max_document_bytes)") from error
