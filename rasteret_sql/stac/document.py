"""One document: which kind of STAC it is, its rows, and the documents that it leads to. No I/O but paging."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.settings import settings
from rasteret_sql.stac import geoparquet
from rasteret_sql.stac.api_io import ApiIO
from rasteret_sql.stac.href import has_scheme, is_absolute, resolve_href
from rasteret_sql.stac.item import item_row
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.content_encoding import GZIP_MAGIC, gunzipped
from rasteret_sql.store.redact import place

DOCUMENT_BYTES_MAX = 1 << 30
"""Largest document that is read, also after decompression."""

_NDJSON = re.compile(r"\.(ndjson|jsonl|ndgeojson|geojsonl|geojsons)(\.gz)?$", re.IGNORECASE)
_HTTP = re.compile(r"^https?://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a document holds."""

    rows: Iterable[dict[str, Any]] = ()
    links: tuple[str, ...] = ()
    """Documents that belong to it: children, items, the next page of a static collection."""


def open_document(data: bytes, href: str) -> Opened:
    """The items in ``data``, read from ``href``, or the links of the catalogue that it is.

    Reads Item, ItemCollection (FeatureCollection), Catalog, Collection, newline-delimited items, and STAC
    GeoParquet; JSON may be gzipped. Pages of an API's items are followed as the rows are taken. Raises
    ``MalformedError`` naming what was found instead, ``UnsupportedError`` for the landing page of an API.
    """
    if data[:4] == b"PAR1":
        return Opened(rows=_rows(geoparquet.items(data, href), href))
    if data[:2] == GZIP_MAGIC:
        data = gunzipped(data, href, max_bytes=DOCUMENT_BYTES_MAX)
    if _NDJSON.search(re.split(r"[?#]", href, maxsplit=1)[0]):
        return Opened(rows=_rows(_lines(data, href), href))
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return Opened(rows=_rows(_lines(data, href), href))
        found = data.lstrip()[:40].decode("utf-8", "replace")
        raise MalformedError(
            f"{place(href)}: neither JSON nor Parquet, {f'it begins {found!r}' if found else 'it is empty'}"
        ) from error
    return _opened(document, href)


def _opened(document: Any, href: str) -> Opened:
    kind = document.get("type") if isinstance(document, Mapping) else None
    if kind == "Feature":
        return Opened(rows=_rows([_relocated(document, href)], href))
    if kind == "FeatureCollection":
        return _collected(document, href)
    is_catalog = (
        isinstance(document, Mapping)
        and isinstance(document.get("links"), list)
        and "stac_version" in document
    )
    if is_catalog and kind in ("Catalog", "Collection", None):  # before 1.0 a catalogue had no type
        return Opened(links=_members(document, href))
    is_object = isinstance(document, Mapping)
    found = f"type {short(kind)} with {member_names(document)}" if is_object else short(document)
    raise MalformedError(
        f"{place(href)}: not STAC: expected an Item (Feature), ItemCollection (FeatureCollection), "
        f"Catalog or Collection, found {found}"
    )


def _collected(document: dict[str, Any], href: str) -> Opened:
    features = document.get("features")
    if not isinstance(features, list):
        raise MalformedError(f"{place(href)}: 'features' must be a list, found {short(features)}")
    following = [link["href"] for link in _links(document) if link.get("rel") == "next"]
    if following and _HTTP.match(href):
        step: dict[str, Any] = {"href": href, "method": "GET", "headers": None, "parameters": {}}
        pages = ApiIO().follow(document, step)
        return Opened(rows=_rows((feature for page in pages for feature in page["features"]), href))
    # The saved answer of an API names a next page there, which is no part of the file.
    links = tuple(resolve_href(link, href) for link in following if not is_absolute(link))
    return Opened(rows=_rows(features, href), links=links)


def _members(document: Mapping[str, Any], href: str) -> tuple[str, ...]:
    links = _links(document)
    conforms = document.get("conformsTo")
    if any(link.get("rel") == "search" for link in links) and isinstance(conforms, list):
        raise UnsupportedError(
            f"{place(href)}: the landing page of a STAC API, not a static catalogue: "
            f"search it with FROM stac_search('{place(href)}', …)"
        )
    members = [resolve_href(link["href"], href) for link in links if link.get("rel") in ("child", "item")]
    if not any(
        link.get("rel") == "item" for link in links
    ):  # a collection of an API lists its items in pages
        lists = [resolve_href(link["href"], href) for link in links if link.get("rel") == "items"]
        members += [_with_limit(listed) for listed in lists]
    return tuple(members)


def _links(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    links = document.get("links")
    named = links if isinstance(links, list) else []
    return [link for link in named if isinstance(link, Mapping) and isinstance(link.get("href"), str)]


def _with_limit(href: str) -> str:
    """An API's own page is ten items."""
    return f"{href}?limit={settings().stac_page_size}" if _HTTP.match(href) and "?" not in href else href


def _rows(items: Iterable[Any], href: str) -> Iterator[dict[str, Any]]:
    return (item_row(item, base_href=href) for item in items)


def _relocated(item: Mapping[str, Any], href: str) -> dict[str, Any]:
    """``item`` with the place where it was read as its ``self``: what its relative hrefs are relative to."""
    links = [link for link in _links(item) if link.get("rel") != "self"]
    plain = href
    if has_scheme(href):  # an address may carry a key
        plain = re.sub(r"^([^:/]+://)[^/@]*@", r"\1", re.split(r"[?#]", href, maxsplit=1)[0])
    return {**item, "links": [{"rel": "self", "href": plain}, *links]}


def _lines(data: bytes, href: str) -> Iterator[Any]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            found = line[:40].decode("utf-8", "replace")
            raise MalformedError(f"{place(href)}: line {number} is not JSON, it begins {found!r}") from error
