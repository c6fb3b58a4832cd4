"""The items of one search of one API, as pages of what matches, each item once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pystac_client.item_search import ItemSearch

from rasteret_sql.errors import ArgumentError
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.stac.api import Api
from rasteret_sql.stac.checks import Check
from rasteret_sql.stac.filters import SortField
from rasteret_sql.stac.negotiation import Agreement, negotiate, renegotiate
from rasteret_sql.stac.pages import matched, next_link
from rasteret_sql.stac.request import SearchRequest
from rasteret_sql.stac.slices import Slices
from rasteret_sql.store.redact import place

Item = dict[str, Any]
Page = dict[str, Any]


class Found:
    """What one API answers to one request."""

    def __init__(self, api: Api, request: SearchRequest, notices: Notices) -> None:
        self.api = api
        self.request = request
        self.agreement: Agreement = negotiate(api, request)
        self.matched: int | None = None
        """How many items match, where the server says so and applies the whole filter."""
        self.has_more = False
        """There may be a page after the last one that was given."""
        self._notices = notices
        self.base_href = api.search_hrefs[self.agreement.method]
        """What relative hrefs are relative to."""

    @property
    def order(self) -> tuple[SortField, ...]:
        """What the API sorts by; nothing where it leaves that to us."""
        return self.request.order if self.agreement.sorts else ()

    def pages(self, at_most: int | None) -> Iterator[list[Item]]:
        """The items that match, page by page; pages are asked for only as large as ``at_most`` needs."""
        limit = self.request.page_size or settings().stac_page_size
        if at_most is not None and self.agreement.here is None:
            limit = min(limit, at_most)
        walk = self._walk(limit)
        try:
            first = next(walk, None)
        except ArgumentError as error:
            again = renegotiate(self.api, self.request, self.agreement, str(error))
            if again is None:
                raise
            self.agreement = again
            walk = self._walk(limit)
            first = next(walk, None)
        for reason, notice in self.agreement.notices.items():
            self._notices.say(notice, reason)
        if first is None:
            return
        check = Check(self.request, self.agreement)
        self.matched = None if self.agreement.here is not None else matched(first, None)
        slices = Slices(self, first, walk, limit, at_most)
        for page in slices.pages():
            self.has_more = slices.is_cut or next_link(page) is not None
            yield self._kept(page["features"], check)

    def _walk(self, limit: int) -> Iterator[Page]:
        return self.asked(limit=limit, interval=self.request.interval)

    def asked(self, *, limit: int, interval: str | None, newest: bool | None = None) -> Iterator[Page]:
        """The pages of the search with another ``interval``; ``newest`` sorts by time alone instead."""
        request, agreement = self.request, self.agreement
        order = [key.as_json() for key in self.order]
        if newest is not None:
            order = [{"field": "properties.datetime", "direction": "desc" if newest else "asc"}]
        search = ItemSearch(
            self.api.search_hrefs[agreement.method],
            method=agreement.method,
            stac_io=self.api.io,
            limit=limit,
            ids=None if request.ids is None else list(request.ids),
            collections=None if request.collections is None else list(request.collections),
            bbox=None if request.bbox is None else list(request.bbox),
            intersects=None if request.intersects is None else dict(request.intersects),
            datetime=interval,
            sortby=order or None,
            **agreement.conditions,
        )
        return self.api.io.get_pages(search.url, agreement.method, search.get_parameters())

    def _kept(self, items: list[Item], check: Check) -> list[Item]:
        kept = []
        for item in items:
            if not _is_item(item):
                kept.append(item)  # what is wrong with it is said where it becomes a row
                continue
            fault = check.fault(item)
            if fault is not None:
                self.matched = None
                self._notices.say(
                    f"STAC API {place(self.api.endpoint)} gives items that do not match {fault} := …; "
                    "they are left out here",
                    reason=f"{self.api.endpoint} {fault}",
                )
            elif check.stays(item):
                kept.append(item)
        return kept


def _is_item(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "Feature" and isinstance(item.get("properties") or {}, Mapping)
