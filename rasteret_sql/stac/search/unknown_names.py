"""Slips in names: a property, an asset or a collection that a search names and the catalogue lacks.

A search with such a name finds nothing, or does not what it seems to. A notice, once a query, has the names
that there are. The items that came are evidence without a request. Only a search that finds nothing at all
asks, once a process, what the API knows, and only for names that are not known otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from rasteret_sql.errors import InterruptionError, RasteretError
from rasteret_sql.notices import Notices
from rasteret_sql.stac.api.landing_page import Api, collections_href
from rasteret_sql.stac.catalogs.catalogs import asset_keys
from rasteret_sql.stac.items.item import PROPERTY_OF_COLUMN
from rasteret_sql.stac.links import has_rel, web_href
from rasteret_sql.stac.search.near_names import suggestion
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.values import short
from rasteret_sql.store.redact import display_href

KEPT = 10_000
"""Names of properties or assets that are remembered of one search."""
ASKED = 5
"""Collections of one search that are looked up."""
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_OF_ITEMS = frozenset({"id", "collection", "geometry", "bbox", "type", "properties", "assets"})
_EVERYWHERE = frozenset({*PROPERTY_OF_COLUMN.values(), "proj:code", "proj:epsg"})
"""Standard properties: an API need not be asked whether there is such a thing."""
_EITHER = frozenset({"proj:code", "proj:epsg"})
"""Two versions of one property, of which an item has one."""


class Names:
    """The names in one search, and those in the items that came."""

    def __init__(self, request: SearchRequest) -> None:
        self._request = request
        filtered = {} if request.expression is None else dict.fromkeys(_properties(request.expression))
        self._arguments = {
            "filter": [name for name in filtered if name not in _OF_ITEMS],
            "sortby": [
                name.removeprefix("properties.")
                for name in (key.field for key in request.order)
                if name.startswith("properties.")
            ],
        }
        self._properties: set[str] = set()
        self._assets: set[str] = set()
        self._count = 0

    def note(self, item: Mapping[str, Any]) -> None:
        """Take the names that ``item`` has."""
        self._count += 1
        if any(self._arguments.values()) and len(self._properties) < KEPT:
            properties = item.get("properties")
            self._properties.update(properties if isinstance(properties, Mapping) else ())
        if self._request.assets and len(self._assets) < KEPT:
            assets = item.get("assets")
            self._assets.update(assets if isinstance(assets, Mapping) else ())

    def say(self, api: Api, notices: Notices) -> None:
        """Say which names of the search no item has, now that all have come."""
        for notice in self._of_items() if self._count else self._of_api(api):
            notices.say(notice, f"{self._request.target.id} {notice}")

    def _of_items(self) -> Iterator[str]:
        for argument, names in self._arguments.items():
            unknown = [name for name in names if not self._has_property(name)]
            if unknown:
                yield (
                    f"{argument} names {_quoted(unknown)}, which none of the {self._count:,} items that came "
                    f"has; {suggestion(unknown, self._properties)}"
                )
        wanted, there = self._request.assets or (), sorted(self._assets)
        unknown = [name for name in wanted if not asset_keys(self._request.target, [name], there)]
        if unknown:
            yield (
                f"assets names {_quoted(unknown)}, which none of the {self._count:,} items that came has; "
                f"{suggestion(unknown, {*there, *self._request.target.bands})}"
            )

    def _has_property(self, name: str) -> bool:
        plain = name.removeprefix("properties.")
        return plain in _EITHER or plain in self._properties or plain.partition(".")[0] in self._properties

    def _of_api(self, api: Api) -> Iterator[str]:
        name = f"STAC API {display_href(api.endpoint)}"
        unknown, there = _unknown_collections(api, self._request.collections or ())
        if unknown:
            yield f"{name} has no collection {_quoted(unknown)}; {suggestion(unknown, there)}"
            return
        properties = [n.removeprefix("properties.") for n in self._arguments["filter"]]
        strange = [n for n in properties if n not in _EVERYWHERE]
        queryables = _queryables(api) if strange else None
        unknown = [n for n in strange if queryables and n not in queryables]
        if unknown and queryables:
            yield (
                f"no item matches, and filter names {_quoted(unknown)}, which is not among the queryables of "
                f"{name}; {suggestion(unknown, queryables)}"
            )


def _properties(node: Any) -> Iterator[str]:
    """The properties that a condition compares; one that is requested by IS NULL may be lacking."""
    if isinstance(node, list):
        for member in node:
            yield from _properties(member)
    elif isinstance(node, Mapping):
        if isinstance(node.get("property"), str):
            yield node["property"]
        elif node.get("op") != "isNull":
            yield from _properties(node.get("args", []))


def _queryables(api: Api) -> frozenset[str] | None:
    """What the API says can be used in a filter; None where it does not say."""
    link = next((link for link in api.links if has_rel(link, _QUERYABLES)), None)
    if link is None:
        return None
    document = _asked(api, web_href(link, api.href, "its link to the queryables"))
    properties = document.get("properties") if document else None
    return frozenset(map(str, properties)) if isinstance(properties, Mapping) and properties else None


def _unknown_collections(api: Api, names: Sequence[str]) -> tuple[list[str], set[str]]:
    """Those of the collections that the API does not have, and those that it has."""
    linked = {
        unquote(path.rpartition("/")[2])
        for link in api.links
        if has_rel(link, "child") and "/collections/" in (path := urlsplit(str(link["href"])).path)
    }
    if set(names) <= linked:
        return [], linked
    href = collections_href(api)
    unknown = [
        n for n in names[:ASKED] if n not in linked and _asked(api, f"{href}/{quote(n, safe='')}") == {}
    ]
    if unknown and not linked:
        members = (_asked(api, href) or {}).get("collections")
        linked = {str(m["id"]) for m in members or () if isinstance(m, Mapping) and "id" in m}
    return unknown, linked


def _asked(api: Api, href: str) -> dict[str, Any] | None:
    """The document at ``href``, asked for once; empty where there is none, None where nobody knows."""
    try:
        return api.io.learned(href)
    except InterruptionError:
        raise
    except RasteretError:
        return None


def _quoted(names: list[str]) -> str:
    return ", ".join(short(name) for name in names)
