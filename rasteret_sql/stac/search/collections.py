"""The collections of a STAC API as typed rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasteret_sql.errors import MalformedError, RasteretError
from rasteret_sql.interruption import check
from rasteret_sql.notices import Notices
from rasteret_sql.stac.api.concurrency import together
from rasteret_sql.stac.api.landing_page import collections_href, open_api
from rasteret_sql.stac.api.pages import next_link
from rasteret_sql.stac.catalogs.catalogs import Catalog, resolve
from rasteret_sql.stac.filter.evaluate.temporal import moment_of
from rasteret_sql.stac.links import web_href
from rasteret_sql.stac.values import encodable, json_text, member_names, number, roles_of, short, text
from rasteret_sql.store.redact import display_href, redact

PAGES_MAX = 1000
"""Pages of collections of one API."""


def collections_many(names: Sequence[str]) -> list[list[dict[str, Any]] | RasteretError]:
    """The rows of each catalogue's collections, or the error that ended it; equal names are asked once."""
    distinct = list(dict.fromkeys(names))
    answers = dict(zip(distinct, together(_rows_or_error, distinct), strict=True))
    return [answers[name] for name in names]


def _rows_or_error(name: str) -> list[dict[str, Any]] | RasteretError:
    try:
        return list(collections(resolve(name)))
    except RasteretError as error:
        return error


def collections(catalog: Catalog) -> Iterator[dict[str, Any]]:
    """The rows of every collection of an API, page by page; of a dataset that is one collection, that one.

    A member that is not a collection is left out with a notice. Raises as ``landing_page.open_api``, and
    ``MalformedError`` for answers without a list of collections, or without an end.
    """
    api, notices = open_api(catalog.endpoint), Notices("stac_collections")
    href: str | None = collections_href(api)
    if catalog.collection is not None:
        answer = api.io.read(f"{href}/{catalog.collection}")
        yield collection_row(answer.document, catalog.endpoint)
        return
    asked: set[str] = set()
    given: set[str] = set()
    while href is not None:
        if href in asked or len(asked) == PAGES_MAX:
            raise MalformedError(
                f"STAC API {display_href(catalog.endpoint)}: its pages of collections do not end: the next "
                "link of "
                f"page {len(asked)} leads to {display_href(href)}"
            )
        asked.add(href)
        check()
        answer = api.io.read(href)
        page = answer.document
        members = page.get("collections")
        if not isinstance(members, list):
            found = member_names(page)
            raise MalformedError(f"STAC API {display_href(href)}: expected 'collections', found {found}")
        for member in members:
            if is_collection(member):
                if member["id"] in given:  # an item twice comes once, and so does a collection
                    continue
                given.add(member["id"])
                yield collection_row(member, catalog.endpoint)
            else:
                notices.say(
                    f"STAC API {display_href(href)}: left out what is not a collection: {short(member)}",
                    "member",
                )
        link = next_link(page)
        name = f"STAC API {display_href(href)}: the next link of its collections"
        href = None if link is None else web_href(link, answer.href, name)


def is_collection(member: Any) -> bool:
    """Whether it has what a row needs."""
    return isinstance(member, Mapping) and isinstance(member.get("id"), str)


def collection_row(collection: Any, endpoint: str) -> dict[str, Any]:
    """One STAC collection (1.0, 1.1) as a row. ``MalformedError`` for what has no id."""
    if not is_collection(collection):
        raise MalformedError(f"STAC API {display_href(endpoint)}: not a collection: {short(collection)}")
    start, end = _times(collection)
    keywords, summaries = collection.get("keywords"), collection.get("summaries")
    return {
        "id": encodable(collection["id"]),
        "title": text(collection.get("title")),
        "description": text(collection.get("description")),
        "licence": text(collection.get("license")),
        "keywords": [encodable(str(word)) for word in keywords] if isinstance(keywords, list) else [],
        "start_datetime": start,
        "end_datetime": end,
        "bbox": _box(collection),
        "assets": _assets(collection.get("item_assets")),
        "summaries": json_text(summaries) if isinstance(summaries, Mapping) else None,
        "endpoint": redact(endpoint),
    }


def _extent(collection: Mapping[str, Any], kind: str, member: str) -> Sequence[Any]:
    """The first of the extents: it is that of the whole collection."""
    extent = collection.get("extent")
    part = extent.get(kind) if isinstance(extent, Mapping) else None
    found = part.get(member) if isinstance(part, Mapping) else None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, list) else ()


def _times(collection: Mapping[str, Any]) -> tuple[Any, Any]:
    times = _extent(collection, "temporal", "interval")
    return (moment_of(times[0]), moment_of(times[1])) if len(times) == 2 else (None, None)


def _box(collection: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    box = _extent(collection, "spatial", "bbox")
    if len(box) not in (4, 6):
        return None
    half = len(box) // 2
    sides = [number(box[i]) for i in (0, 1, half, half + 1)]
    if None in sides:
        return None
    xmin, ymin, xmax, ymax = (side for side in sides if side is not None)
    return xmin, ymin, xmax, ymax


def _assets(assets: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(assets, Mapping):
        return {}
    return {
        encodable(key): {
            "type": text(asset.get("type")),
            "title": text(asset.get("title")),
            "roles": roles_of(asset),
        }
        for key, asset in assets.items()
        if isinstance(asset, Mapping)
    }
