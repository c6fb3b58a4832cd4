"""Searching STAC APIs: one request, or many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pystac_client.item_search import ItemSearch

from rasteret_sql.errors import RasteretError, UnsupportedError
from rasteret_sql.settings import settings
from rasteret_sql.stac.api import Api, open_api
from rasteret_sql.stac.filters import cql2_text
from rasteret_sql.stac.item import item_row
from rasteret_sql.stac.query_extension import to_query
from rasteret_sql.stac.request import SearchRequest
from rasteret_sql.stac.together import together
from rasteret_sql.store.redact import place

__all__ = ["SearchRequest", "search", "search_many"]


def search(request: SearchRequest) -> Iterator[dict[str, Any]]:
    """The rows (``item.item_row``) of all items that match, page by page, in the order of the server.

    Nothing is sent for a request that cannot match. Raises ``UnsupportedError`` when the API cannot filter or
    sort as asked, ``ArgumentError`` when it refuses an argument (with its own words), ``TransportError`` when
    it cannot be reached, and ``MalformedError`` when its answers are no pages, do not end, or are incomplete.
    """
    if request.is_empty:
        return
    api = open_api(request.target.endpoint)
    found = _item_search(api, request)
    for item in found.items_as_dicts():
        yield item_row(item, base_href=found.url)


def search_many(requests: Sequence[SearchRequest]) -> list[list[dict[str, Any]] | RasteretError]:
    """The rows of each request, or the error that ended it, in the order of ``requests``.

    At most ``stac_concurrency`` run at once. Requests that ask the same are sent once and share one list.
    """
    distinct = {request.key: request for request in requests}
    answers = dict(zip(distinct, together(_rows_or_error, distinct.values()), strict=True))
    return [answers[request.key] for request in requests]


def _rows_or_error(request: SearchRequest) -> list[dict[str, Any]] | RasteretError:
    try:
        return list(search(request))
    except RasteretError as error:
        return error


def _item_search(api: Api, request: SearchRequest) -> ItemSearch:
    """The request in pystac-client's words, with only what this API says that it can do."""
    if request.order and not api.has("sort"):
        raise UnsupportedError(
            f"STAC API {place(api.endpoint)} has no 'sort' extension, so sortby cannot be used: "
            "leave it out and put ORDER BY on the result"
        )
    conditions, method = _conditions(api, request)
    return ItemSearch(
        api.search_hrefs[method],
        method=method,
        stac_io=api.io,
        max_items=request.max_items,
        limit=request.page_size or settings().stac_page_size,
        ids=None if request.ids is None else list(request.ids),
        collections=None if request.collections is None else list(request.collections),
        bbox=None if request.bbox is None else list(request.bbox),
        intersects=None if request.intersects is None else dict(request.intersects),
        datetime=request.interval,
        sortby=[key.as_json() for key in request.order] or None,
        **conditions,
    )


def _conditions(api: Api, request: SearchRequest) -> tuple[dict[str, Any], str]:
    """How this API takes the filter, and by which HTTP method the search is sent."""
    methods = api.search_hrefs
    method = "POST" if "POST" in methods else "GET"
    expression = request.expression
    if expression is None:
        return {}, method
    if api.has("filter"):
        only_text = api.has_cql2("text") and not api.has_cql2("json")
        if only_text and "GET" in methods:
            method = "GET"
        if only_text or method == "GET":
            return {"filter": cql2_text(expression), "filter_lang": "cql2-text"}, method
        return {"filter": dict(expression), "filter_lang": "cql2-json"}, method
    advice = "put the condition in WHERE on the result"
    if not api.has("query"):
        raise UnsupportedError(
            f"STAC API {place(api.endpoint)} has neither the 'filter' nor the 'query' extension, so filter "
            f"{request.filter!r} cannot be used: {advice}"
        )
    try:
        return {"query": to_query(expression)}, method
    except UnsupportedError as error:
        raise UnsupportedError(
            f"STAC API {place(api.endpoint)} has no 'filter' extension, and its 'query' extension, for "
            f"comparisons joined by AND, cannot say {error} in filter {request.filter!r}: {advice}"
        ) from error
