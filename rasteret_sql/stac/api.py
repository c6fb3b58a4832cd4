"""What one STAC API says of itself on its landing page: where it searches, and by which extensions."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.stac.api_io import ApiIO
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.redact import place

APIS_MAX = 64
"""Endpoints whose landing page and connections are kept; the least recently used goes first."""

_SEARCH_MEDIA_TYPES = ("application/geo+json", "application/json")


@dataclass(frozen=True, kw_only=True)
class Api:
    """One STAC API, opened."""

    endpoint: str
    io: ApiIO
    conforms_to: tuple[str, ...]
    links: tuple[Mapping[str, Any], ...]
    """Of the landing page."""
    search_hrefs: Mapping[str, str]
    """HTTP method -> address of the item search; ``POST`` is there only when the API offers it."""

    def has(self, extension: str) -> bool:
        """Whether item search has the extension: ``filter``, ``query`` or ``sort``, of any version."""
        pattern = rf"https://api\.stacspec\.org/v[^/]+/item-search#(?:[\w-]+:)?{extension}"
        return any(re.fullmatch(pattern, uri) for uri in self.conforms_to)

    def has_cql2(self, encoding: str) -> bool:
        """Whether filters may be in ``text`` or ``json``."""
        return any(uri.endswith(f"/cql2-{encoding}") for uri in self.conforms_to)


_apis: OrderedDict[tuple[int, str], Future[Api]] = OrderedDict()
_lock = threading.Lock()


def open_api(endpoint: str) -> Api:
    """The API whose landing page is at ``endpoint``; read once a process, also when many threads ask at once.

    Raises ``UnsupportedError`` for a catalogue without search, ``MalformedError`` for what is no STAC, and
    ``TransportError`` when it cannot be reached. A failure is not kept: the next call tries again.
    """
    key = (os.getpid(), endpoint)  # a forked child must not share its parent's connections
    with _lock:
        future = _apis.get(key)
        mine = future is None
        if future is None:
            future = _apis[key] = Future()
        _apis.move_to_end(key)
        while len(_apis) > APIS_MAX:
            _apis.popitem(last=False)
    if mine:
        try:
            future.set_result(_read(endpoint))
        except BaseException as error:
            with _lock:
                _apis.pop(key, None)
            future.set_exception(error)
    return future.result()


def _read(endpoint: str) -> Api:
    io = ApiIO()
    landing = io.read_json(endpoint)
    links = [link for link in landing.get("links") or () if isinstance(link, dict)]
    _check_landing(landing, links, endpoint)
    uris = landing.get("conformsTo")
    return Api(
        endpoint=endpoint,
        io=io,
        conforms_to=tuple(str(uri) for uri in uris) if isinstance(uris, list) else (),
        links=tuple(link for link in links if isinstance(link.get("href"), str)),
        search_hrefs=_search_hrefs(links, endpoint),
    )


def _check_landing(landing: Mapping[str, Any], links: list[dict[str, Any]], endpoint: str) -> None:
    name = f"STAC API {place(endpoint)}"
    if not isinstance(landing.get("links"), list) or "stac_version" not in landing:
        raise MalformedError(
            f"{name}: not the landing page of a STAC API: 'links' and 'stac_version' expected, found "
            f"{member_names(landing)}"
        )
    if landing.get("type", "Catalog") != "Catalog":
        root = next((link.get("href") for link in links if link.get("rel") == "root"), None)
        hint = f"; its root is {place(resolve_href(root, endpoint))}" if isinstance(root, str) else ""
        raise UnsupportedError(
            f"{name}: not the landing page of a STAC API: a {short(landing['type'])} is there{hint}. "
            "FROM stac_read(…) reads static documents"
        )
    if not _search_hrefs(links, endpoint):
        raise UnsupportedError(
            f"{name}: a static catalogue, which cannot be searched: "
            f"FROM stac_read('{place(endpoint)}') reads its items"
        )


def _search_hrefs(links: list[dict[str, Any]], endpoint: str) -> dict[str, str]:
    """The first ``search`` link of each method, links to GeoJSON before links that do not say."""
    searches = [link for link in links if link.get("rel") == "search" and isinstance(link.get("href"), str)]
    rank = {media_type: number for number, media_type in enumerate((*_SEARCH_MEDIA_TYPES, None))}
    hrefs: dict[str, str] = {}
    usable = [link for link in searches if link.get("type") in rank]
    for link in sorted(usable, key=lambda link: rank[link.get("type")]):
        hrefs.setdefault(str(link.get("method") or "GET").upper(), resolve_href(link["href"], endpoint))
    return hrefs
