"""What one STAC API says of itself on its landing page: where it searches, and by which extensions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from rasteret_sql.cache import Lru
from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.stac.api.http import ApiIO
from rasteret_sql.stac.api.next_link import METHODS
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.stac.links import Link, has_href, has_rel, links_of, web_href
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.redact import display_href

APIS_MAX = 64
"""Endpoints whose landing page and connections are kept; the least recently used goes first."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """One STAC API, opened."""

    endpoint: str
    href: str
    """Where the landing page came from, after redirects: what its links are relative to."""
    io: ApiIO
    conforms_to: tuple[str, ...]
    links: tuple[Link, ...]
    """Of the landing page."""
    offered: Mapping[str, str]
    """HTTP method -> address of the item search, as the landing page says."""

    @property
    def search_hrefs(self) -> Mapping[str, str]:
        """HTTP method -> address of the item search; ``POST`` only where the API offers and takes it."""
        if not self.io.post_refused:
            return self.offered
        return {"GET": self.offered.get("GET") or self.offered["POST"]}

    def post_is_refused(self, refused: bool) -> None:
        """Remember whether searches by POST are answered."""
        self.io.post_refused = refused

    def has(self, extension: str) -> bool:
        """Whether item search has the extension: ``filter``, ``query`` or ``sort``, of any version."""
        pattern = rf"https://api\.stacspec\.org/v[^/]+/item-search#(?:[\w-]+:)?{extension}"
        return any(re.fullmatch(pattern, uri) for uri in self.conforms_to)

    def has_cql2(self, encoding: str) -> bool:
        """Whether filters may be in ``text`` or ``json``."""
        return any(uri.endswith(f"/cql2-{encoding}") for uri in self.conforms_to)


_apis = Lru[tuple[int, str], "Future[Api]"](APIS_MAX)


def open_api(endpoint: str) -> Api:
    """The API whose landing page is at ``endpoint``; read once a process, also when many threads ask at once.

    Raises ``UnsupportedError`` for a catalogue without search, ``MalformedError`` for what is not STAC, and
    ``TransportError`` when it cannot be reached. A failure is not kept: the next call tries again.
    """
    key = (os.getpid(), endpoint)  # a forked child must not share its parent's connections
    with _apis.lock:
        future = _apis.get(key)
        mine = future is None
        if future is None:
            future = Future()
            _apis.put(key, future)
    if mine:
        try:
            future.set_result(_read(endpoint))
        except BaseException as error:
            _apis.pop(key)
            future.set_exception(error)
    return future.result()


def collections_href(api: Api) -> str:
    """Where the collections are: as the landing page links them, else where the standard puts them."""
    linked = next((link for link in api.links if has_rel(link, "data")), None)
    if linked is None:
        return f"{api.endpoint.rstrip('/')}/collections"
    name = f"STAC API {display_href(api.endpoint)}: its link to the collections"
    return web_href(linked, api.href, name).rstrip("/")


def _read(endpoint: str) -> Api:
    io = ApiIO()
    answer = io.read(endpoint)
    landing, href = answer.document, answer.href
    links = links_of(landing)
    _check_landing(landing, links, endpoint, href)
    uris = landing.get("conformsTo")
    return Api(
        endpoint=endpoint,
        href=href,
        io=io,
        conforms_to=tuple(str(uri) for uri in uris) if isinstance(uris, list) else (),
        links=tuple(link for link in links if has_href(link)),
        offered=_search_hrefs(links, endpoint, href),
    )


def _check_landing(landing: Mapping[str, Any], links: list[Link], endpoint: str, href: str) -> None:
    name = f"STAC API {display_href(endpoint)}"
    if not isinstance(landing.get("links"), list) or "stac_version" not in landing:
        raise MalformedError(
            f"{name}: not the landing page of a STAC API: 'links' and 'stac_version' expected, found "
            f"{member_names(landing)}"
        )
    if landing.get("type", "Catalog") not in ("Catalog", None):
        root = next((link.get("href") for link in links if has_rel(link, "root")), None)
        hint = f"; its root is {display_href(resolve_href(root, href))}" if isinstance(root, str) else ""
        raise UnsupportedError(
            f"{name}: not the landing page of a STAC API: a {short(landing['type'])} is there{hint}. "
            "FROM stac_read(…) reads static documents"
        )
    if not _search_hrefs(links, endpoint, href):
        raise UnsupportedError(
            f"{name}: a static catalogue, which cannot be searched: "
            f"FROM stac_read('{display_href(endpoint)}') reads its items"
        )


def _search_hrefs(links: list[Link], endpoint: str, base: str) -> dict[str, str]:
    """The first ``search`` link of GET and of POST, links to GeoJSON before links to other JSON, and these
    before links that do not say what is there. Links to pages for people are ignored."""
    searches = [link for link in links if has_rel(link, "search") and has_href(link)]
    ranked = [(rank, link) for link in searches if (rank := _rank(link.get("type"))) is not None]
    hrefs: dict[str, str] = {}
    for _, link in sorted(ranked, key=lambda pair: pair[0]):
        method = str(link.get("method") or "GET").strip().upper()
        if method in METHODS and method not in hrefs:
            hrefs[method] = web_href(link, base, f"STAC API {display_href(endpoint)}: its search link")
    return hrefs


def _rank(media_type: Any) -> int | None:
    """How well a media type (RFC 9110 §8.3.1: any case, parameters after ``;``) suits an item search."""
    if not isinstance(media_type, str) or not media_type.strip():
        return 2
    kind = media_type.partition(";")[0].strip().lower()
    if re.search(r"html|xml|[/+.]yaml|text/", kind):
        return None
    return 0 if "geo" in kind else 1 if "json" in kind else 3
