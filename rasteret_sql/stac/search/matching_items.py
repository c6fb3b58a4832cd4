"""The items of one search of one API, as pages of what matches, each item once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pystac_client.item_search import ItemSearch
from pystac_client.stac_api_io import StacApiIO

from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.http import Step
from rasteret_sql.stac.api.landing_page import Api
from rasteret_sql.stac.api.pages import POST_REFUSED, Page, walk
from rasteret_sql.stac.filter.filters import SortField
from rasteret_sql.stac.items.item import why_not_item
from rasteret_sql.stac.links import origin, without_secrets
from rasteret_sql.stac.search.checks import Check
from rasteret_sql.stac.search.negotiation import Agreement, negotiate, renegotiate
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.search.slices import Slices
from rasteret_sql.stac.search.unknown_names import Names
from rasteret_sql.store.redact import display_href

Item = dict[str, Any]
Located = tuple[Item, str]
"""An item, and the address that its hrefs are relative to."""

_GET_REFUSED = frozenset({401, 403, 404, 405, 501})
_ASKS_NOTHING = StacApiIO()
"""pystac-client writes the parameters of a search, and this package sends them."""


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
        self._names = Names(request)
        self._refusal: RasteretError | None = None
        """What the server said to POST, while GET is tried."""

    @property
    def order(self) -> tuple[SortField, ...]:
        """What the API sorts by; nothing where it leaves that to us."""
        return self.request.order if self.agreement.sorts else ()

    def pages(self, at_most: int | None) -> Iterator[list[Located]]:
        """The items that match, page by page; pages are requested only as large as ``at_most`` needs."""
        limit = self.request.page_size or settings().stac_page_size
        if at_most is not None and self.agreement.here is None:
            limit = min(limit, at_most)
        first, pages = self._begun(limit)
        self._say_agreement()
        if first is None:
            return
        check = Check(self.request, self.agreement)
        self.matched = None if self.agreement.here is not None else first.matched
        slices = Slices(self, first, pages, limit, at_most)
        for page in slices.pages():
            self.has_more = slices.is_cut or page.has_next
            base = without_secrets(page.href)
            yield [(item, base) for item in self._kept(page, check)]

    def say_unknown_names(self) -> None:
        """Once all is here: the names in the search that no item has."""
        self._names.say(self.api, self._notices)

    def asked(
        self, *, limit: int, interval: str | None, newest: bool | None = None, is_part: bool = True
    ) -> Iterator[Page]:
        """The pages of the search with another ``interval``; ``newest`` sorts by time alone instead."""
        agreement = self.agreement
        body = self.request.body(limit=limit) | {"datetime": interval}
        body["sortby"] = [key.as_json() for key in self.order] or None
        if newest is not None:
            body["sortby"] = [{"field": "properties.datetime", "direction": "desc" if newest else "asc"}]
        search = ItemSearch(
            self.api.search_hrefs[agreement.method],
            method=agreement.method,
            stac_io=_ASKS_NOTHING,
            **body,
            **agreement.conditions,
        )
        step = Step(href=search.url, method=agreement.method, parameters=search.get_parameters())
        return walk(self.api.io, step, self._notices, limit=limit, is_part=is_part)

    def _begun(self, limit: int) -> tuple[Page | None, Iterator[Page]]:
        """The first page, and the pages after it, in whatever way the server can be asked."""
        while True:
            pages = self.asked(limit=limit, interval=self.request.interval, is_part=False)
            try:
                return next(pages, None), pages
            except RasteretError as error:
                self.agreement = self._other_agreement(error)

    def _other_agreement(self, error: RasteretError) -> Agreement:
        """Another way to ask after a refusal; raises where there is none."""
        if error.status in POST_REFUSED and self.agreement.method == "POST":
            self._refusal = error
            self.api.post_is_refused(True)
            return negotiate(self.api, self.request)
        if error.status in _GET_REFUSED and self._refusal is not None:
            self.api.post_is_refused(False)
            raise self._refusal
        again = None
        if isinstance(error, ArgumentError):
            again = renegotiate(self.api, self.request, self.agreement, str(error))
        if again is None:
            raise error
        return again

    def _say_agreement(self) -> None:
        for reason, notice in self.agreement.notices.items():
            self._notices.say(notice, reason)
        search = self.api.search_hrefs[self.agreement.method]
        if origin(search) != origin(self.api.href):
            self._notices.say(
                f"STAC API {display_href(self.api.endpoint)} is searched at another origin, "
                f"{display_href(search)}, as its "
                "landing page says",
                reason=f"{self.api.endpoint} search origin",
            )

    def _kept(self, page: Page, check: Check) -> list[Item]:
        name, kept = f"STAC API {display_href(self.api.endpoint)}", []
        for item in page.items:
            reason = why_not_item(item)
            if reason is not None:
                self._notices.say(
                    f"{name} gives something that is left out: {reason}", reason=f"{name} not an item"
                )
                continue
            self._names.note(item)
            fault = check.fault(item)
            if fault is not None:
                self.matched = None
                self._notices.say(
                    f"{name} gives items that do not match {check.asked(fault)}, such as "
                    f"{check.found(fault, item)}; they are left out here",
                    reason=f"{self.api.endpoint} {fault}",
                )
            elif check.stays(item):
                kept.append(item)
        return kept
