"""A large search cut along time into slices that are paged at once, and put together in order.

A STAC API gives the address of a page with the page before it, so one search is one page at a time. Its
first page says how many items match; where many more follow, the rest of its time is requested in slices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError, wait
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from rasteret_sql.interruption import check
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.concurrency import submit
from rasteret_sql.stac.api.landing_page import Api
from rasteret_sql.stac.api.pages import Item, Page, Seen
from rasteret_sql.stac.filter.evaluate.temporal import FIRST, LAST, Span, moment_of, span_of_text
from rasteret_sql.stac.filter.filters import SortField
from rasteret_sql.stac.search.request import SearchRequest

PAGES_IN_A_ROW = 5
"""A search with no more pages is read page after page: cutting it would save nothing."""
SLICES_A_PAGE = 1.5
"""Scenes crowd on some days, so slices are made for less than a page."""
MAX_SLICES = 1024
PAGES_A_SLICE = 3
"""A slice that turns out longer is cut again."""
SHORTEST = timedelta(seconds=4)
LOOK_UP_S = 0.1

Slice = tuple[datetime, datetime]
Running = tuple[Slice, "Future[list[Page] | int]"]


class Asking(Protocol):
    """A search that can be requested another time."""

    api: Api
    request: SearchRequest

    @property
    def order(self) -> tuple[SortField, ...]:
        """What the API sorts by; nothing where it leaves that to us."""

    def asked(self, *, limit: int, interval: str | None, newest: bool | None = None) -> Iterator[Page]:
        """Pages of the search in ``interval``; ``newest`` sorts by time alone."""


class Slices:
    """The pages of one search after its first one, in the order that the first one shows."""

    def __init__(
        self, search: Asking, first: Page, walk: Iterator[Page], limit: int, at_most: int | None
    ) -> None:
        self._search, self._first, self._walk, self._limit = search, first, walk, limit
        self._matched = first.matched or 0
        self._at_most = at_most
        self._seen = Seen()
        self._page_size = len(first.items)
        self.is_cut = False

    def pages(self) -> Iterator[Page]:
        """Every page of the search, cut or not; items that come twice are given once."""
        yield self._unseen(self._first)
        plan = self._plan() if self._is_large() else None
        if plan is not None:
            self.is_cut = True
            yield from self._sliced(*plan)
            if self._seen.count >= self._matched:
                return
        # Not cut; or items lie outside the times that the slices know, and only the walk finds them.
        for page in self._walk:
            yield self._unseen(page) if plan is not None else page

    def _unseen(self, page: Page) -> Page:
        return replace(page, items=self._seen.new(page.items))

    def _is_large(self) -> bool:
        wanted = self._matched if self._at_most is None else min(self._matched, self._at_most)
        order = self._search.order
        by_time = not order or order[0].field == "properties.datetime"
        return (
            self._first.has_next
            and wanted > PAGES_IN_A_ROW * self._page_size
            and by_time
            and settings().stac_concurrency > 1
        )

    def _plan(self) -> tuple[list[Slice], bool] | None:
        """The slices in their order, and whether the newest is first; None where time does not help."""
        moments = [_moment_of(item) for item in self._first.items]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(moments):
            return None
        falling, rising = known == sorted(known, reverse=True), known == sorted(known)
        order, interval = self._search.order, self._search.request.interval
        if order and not (falling if order[0].descending else rising):
            return None  # it does not sort; and the order of all is another than that of slices
        if not (falling or rising) and self._at_most is not None:
            return None
        newest_first = order[0].descending if order else falling or not rising
        start, end = span_of_text(interval) if interval else (FIRST, LAST)
        if falling or rising:  # what came already is a part that need not be asked for again
            start, end = (start, known[-1]) if newest_first else (known[-1], end)
        oldest = self._edge(newest=False) if start == FIRST else start
        newest = self._edge(newest=True) if end == LAST else end
        if oldest is None or newest is None or newest - oldest < SHORTEST:
            return None
        left = self._matched - self._page_size
        slices = _cut((oldest, newest), left * SLICES_A_PAGE / self._page_size)
        return (slices[::-1] if newest_first else slices), newest_first

    def _edge(self, *, newest: bool) -> datetime | None:
        """The time of the newest or the oldest item, rounded outwards to a second."""
        if not self._search.api.has("sort"):
            return None
        interval = self._search.request.interval
        page = next(self._search.asked(limit=1, interval=interval, newest=newest), None)
        moment = _moment_of(page.items[0]) if page else None
        try:
            return None if moment is None else moment + timedelta(seconds=1 if newest else -1)
        except OverflowError:  # at the end of the calendar
            return LAST if newest else FIRST

    def _sliced(self, slices: list[Slice], newest_first: bool) -> Iterator[Page]:
        waiting, running = deque(slices), deque[Running]()
        try:
            while waiting or running:
                while waiting and len(running) < self._ahead():
                    running.append(self._started(waiting.popleft()))
                cut, future = running.popleft()
                answer = _result(future)
                if isinstance(answer, int):
                    parts = _cut(cut, min(answer * SLICES_A_PAGE / self._page_size, 16))
                    ordered = parts[::-1] if newest_first else parts
                    running.extendleft(reversed([self._started(part) for part in ordered]))
                    continue
                for page in answer:
                    yield self._unseen(page)
        except GeneratorExit:  # no more is wanted: nothing of ours is left on its way
            wait([future for _, future in running if not future.cancel()])
            raise
        finally:
            for _, future in running:
                future.cancel()

    def _ahead(self) -> int:
        """How many slices are fetched or wait to be taken: no more than ``at_most`` seems to need."""
        most = settings().stac_concurrency + 2
        if self._at_most is None:
            return most
        left = max(0, self._at_most - self._seen.count)
        return min(most, 1 + round(left * SLICES_A_PAGE / self._page_size))

    def _started(self, cut: Slice) -> Running:
        return cut, submit(self._fetch, cut, pool="parts")

    def _fetch(self, cut: Slice) -> list[Page] | int:
        """The pages of one slice, or how many items it has when it should be cut again."""
        interval = "/".join(moment.isoformat().replace("+00:00", "Z") for moment in cut)
        walk = self._search.asked(limit=self._limit, interval=interval)
        first = next(walk, None)
        if first is None:
            return []
        count = first.matched or 0
        if count > PAGES_A_SLICE * self._page_size and cut[1] - cut[0] >= SHORTEST:
            return count
        return [first, *walk]


def _moment_of(item: Item) -> datetime | None:
    properties = item.get("properties")
    return moment_of(properties.get("datetime")) if isinstance(properties, dict) else None


def _cut(span: Span, count: float) -> list[Slice]:
    """``span`` in about ``count`` parts that touch at whole seconds: an item there is found in both."""
    start, end = span
    number = max(2, min(MAX_SLICES, round(count), int((end - start) / timedelta(seconds=2))))
    inner = [(start + (end - start) * k / number).replace(microsecond=0) for k in range(1, number)]
    edges = [start, *(edge for edge in inner if start < edge < end), end]
    return list(pairwise(edges))


def _result(future: Future[list[Page] | int]) -> list[Page] | int:
    while True:
        check()
        try:
            return future.result(timeout=LOOK_UP_S)
        except TimeoutError:
            if future.done():
                raise
