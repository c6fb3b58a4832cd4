"""Searching STAC APIs: one request, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from rasteret_sql.errors import RasteretError
from rasteret_sql.interruption import check
from rasteret_sql.notices import Notices
from rasteret_sql.progress import Advance, progress
from rasteret_sql.stac.api.concurrency import together
from rasteret_sql.stac.api.landing_page import open_api
from rasteret_sql.stac.catalogs.asset_choice import AssetChoice
from rasteret_sql.stac.items.item import item_row
from rasteret_sql.stac.search.matching_items import Found, Located
from rasteret_sql.stac.search.negotiation import sorting_here
from rasteret_sql.stac.search.ordering import Keys, is_ordered, keys_of, ordered
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.store.redact import display_href

__all__ = ["SearchRequest", "search", "search_many"]

Row = dict[str, Any]


def search(
    request: SearchRequest, *, notices: Notices | None = None, alone: bool = True
) -> Iterator[dict[str, Any]]:
    """The rows (``item.item_row``) of all items that match, page by page, in the order of the server.

    Nothing is sent for a request that cannot match. What the API cannot do, or did not do, is done here, with
    a notice: a filter item by item, an order once all items are here. ``alone`` says that no other search
    runs beside it, so that it may show its progress.

    Raises ``UnsupportedError`` for a filter with functions that nobody knows, ``ArgumentError`` when the API
    refuses an argument (with its own words), ``TransportError`` when it cannot be reached, and
    ``MalformedError`` when its answers are not pages or do not end.
    """
    if request.is_empty:
        return
    notices = notices or Notices("stac_search")
    choice = AssetChoice(request.target, request.alternate)
    matching = Found(open_api(request.target.endpoint), request, notices)
    with ExitStack() as stack:
        bar = _Bar(stack, alone)
        if not request.order:
            for located in _cut(matching, bar, partial(_say_cut, notices, request)):
                yield choice.of(_row(located, notices))
        else:
            yield from map(choice.of, _in_order(matching, notices, bar))
        choice.notice(notices)
    matching.say_unknown_names()


def _in_order(matching: Found, notices: Notices, bar: _Bar) -> Iterator[Row]:
    """Rows as ``sortby`` asks, sorted here where the server does not."""
    request = matching.request
    if matching.agreement.sorts:
        cuts: list[str] = []
        rows = _keyed(_cut(matching, bar, cuts.append), matching, notices)
        if is_ordered((keys for keys, _ in rows), request.order):
            for cut in cuts:
                _say_cut(notices, request, cut)
            yield from (row for _, row in rows)
            return
        name = display_href(matching.api.endpoint)
        notice = f"STAC API {name} sorts otherwise than asked: {sorting_here(request)}"
        if not request.limited:
            notices.say(notice, reason=f"{name} sort")
        if request.max_items is not None:
            rows = _keyed(_everything(matching, bar), matching, notices)
    else:
        rows = _keyed(_everything(matching, bar), matching, notices)
    if request.max_items is not None and len(rows) > request.max_items:
        _say_cut(notices, request, f"{len(rows):,} items match")
    yield from ordered(rows, request.order)[: request.max_items]


def _everything(matching: Found, bar: _Bar) -> Iterator[Located]:
    for page in matching.pages(None):
        check()
        bar.advance(matching, None, len(page))
        yield from page


def _cut(matching: Found, bar: _Bar, report: Callable[[str], None]) -> Iterator[Located]:
    """The first ``max_items`` items; ``report`` gets what more there is."""
    most, count = matching.request.max_items, 0
    for page in matching.pages(most):
        check()
        bar.advance(matching, most, len(page))
        taken = page if most is None else page[: most - count]
        yield from taken
        count += len(taken)
        if most is None or count < most:
            continue
        if matching.matched is not None and matching.matched > count:
            report(f"{matching.matched:,} items match")
        elif len(taken) < len(page) or (matching.matched is None and matching.has_more):
            report("more may match")
        return


def _say_cut(notices: Notices, request: SearchRequest, what: str) -> None:
    if not request.limited:
        notices.say(f"cut to max_items := {request.max_items:,}, but {what}", reason="max_items")


def _keyed(items: Iterator[Located], matching: Found, notices: Notices) -> list[tuple[Keys, Row]]:
    order = matching.request.order
    return [(keys_of(located[0], order), _row(located, notices)) for located in items]


def _row(located: Located, notices: Notices) -> Row:
    item, base = located
    return item_row(item, base_href=base, say=lambda kind, message: notices.say(message, f"item {kind}"))


class _Bar:
    """Progress of a search of many pages, in items."""

    def __init__(self, stack: ExitStack, wanted: bool) -> None:
        self._stack, self._wanted = stack, wanted
        self._advance: Advance | None = None

    def advance(self, matching: Found, most: int | None, count: int) -> None:
        if self._advance is None and self._wanted and matching.matched is not None:
            total = matching.matched if most is None else min(matching.matched, most)
            self._advance = self._stack.enter_context(progress(total, unit="items", what="stac_search"))
        if self._advance is not None:
            self._advance(count)


def search_many(
    requests: Sequence[SearchRequest],
    *,
    notices: Notices | None = None,
    gather: Callable[[Iterator[Row]], Any] = list,
) -> list[Any | RasteretError]:
    """What ``gather`` makes of the rows of each request, or the error that ended it, in their order.

    At most ``stac_concurrency`` run at once. Requests that ask the same are sent once and share one answer.
    """
    notices = notices or Notices("stac_search")
    distinct = {request.key: request for request in requests}

    def answer(request: SearchRequest) -> Any | RasteretError:
        try:
            return gather(search(request, notices=notices, alone=len(distinct) == 1))
        except RasteretError as error:
            return error

    answers = dict(zip(distinct, together(answer, distinct.values()), strict=True))
    return [answers[request.key] for request in requests]
