"""The pages of one search: that they are pages, that they end, and each item of them once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from rasteret_sql.errors import InterruptionError, LimitError, MalformedError, RasteretError
from rasteret_sql.notices import Notices
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.errors import reworded
from rasteret_sql.stac.api.http import Answer, ApiIO, Step
from rasteret_sql.stac.api.next_link import by_get, next_step
from rasteret_sql.stac.api.page_size import with_advice
from rasteret_sql.stac.links import Link, has_rel, links_of
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.redact import display_href

EMPTY_PAGES_MAX = 10
"""A server may filter after paging, so an empty page may have a next one; this many in a row are a loop."""
REMEMBERED = 500_000
"""So many items at least are known again, and twice as many at most, about 100 bytes each; older ones are
forgotten. An item comes twice on neighbouring pages, where items arrive while they are paged by offset."""

POST_REFUSED = frozenset({403, 405, 501})
"""Answers to a POST that a GET may get past."""

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of a search."""

    items: list[Item]
    """Those that no earlier page had."""
    href: str
    """Where the page came from: what its items' hrefs are relative to."""
    has_next: bool = False
    matched: int | None = None
    """How many items match, by what the server says of itself: an estimate or an older count, maybe."""


class Seen:
    """The items that came before, by collection and id."""

    def __init__(self) -> None:
        self._newest: set[bytes] = set()
        self._older: set[bytes] = set()
        self.count = 0

    def new(self, items: list[Item]) -> list[Item]:
        """Those that have not come before."""
        return [item for item in items if self._is_new(_digest([item.get("collection"), item.get("id")]))]

    def _is_new(self, identity: bytes) -> bool:
        if identity in self._newest or identity in self._older:
            return False
        if len(self._newest) >= REMEMBERED:
            self._newest, self._older = set(), self._newest
        self._newest.add(identity)
        self.count += 1
        return True


def walk(
    io: ApiIO,
    first: Step,
    notices: Notices,
    *,
    limit: int | None = None,
    answer: Answer | None = None,
    is_part: bool = False,
) -> Iterator[Page]:
    """The pages of one search that hold items, along their ``next`` links.

    ``answer`` is that to ``first`` where it is here already, and ``limit`` how many items a page should have.
    Raises ``MalformedError`` when a ``next`` link leads back to an earlier request or cannot be
    followed, a page repeats an earlier one, pages without new items do not end, or an answer is not a page,
    and ``LimitError`` for a search without end. Fewer items than the server counts are a notice, unless this
    is only a part of the search.
    """
    pages = _Pages(first, notices, limit)
    step: Step | None = first
    while step is not None:
        pages.ask(step)
        if answer is None:
            step, answer = pages.asking(io, step)
        page, link = pages.take(answer, step)
        if page.items:
            yield page
        step, answer = pages.after(step, link, answer.href), None
    if not is_part:
        pages.finish()


class _Pages:
    """Watches the pages that one server gives for one search."""

    def __init__(self, first: Step, notices: Notices, limit: int | None) -> None:
        self._name = f"STAC search at {display_href(first.href)}"
        self._first, self._notices, self._limit = first, notices, limit
        self._asked: set[bytes] = set()
        self._given: set[bytes] = set()
        self._seen = Seen()
        self._idle_in_a_row = self._empty_in_a_row = 0
        self._matched: int | None = None
        self._last_count = 0
        self._other: Link | None = None
        """A ``next`` link of the latest page by GET, beside one by POST."""
        self._base = first.href
        self._posts = True
        """No POST of a later page was refused so far."""

    def ask(self, step: Step) -> None:
        """Note the request of one page."""
        asked = _digest([step.href, step.method, step.parameters])
        if asked in self._asked:
            raise MalformedError(
                f"{self._name}: the next link of page {len(self._asked)} leads back to an earlier page, "
                f"after {self._seen.count:,} items{self._way_out()}"
            )
        self._asked.add(asked)

    def asking(self, io: ApiIO, step: Step) -> tuple[Step, Answer]:
        """The request that ``step`` became, and its answer.

        Where POST is refused after the first page, GET asks the same, if it can. An error says which page led
        there, and how to ask for smaller ones.
        """
        number = len(self._asked)
        posts = number > 1 and step.method == "POST"
        if posts and not self._posts:
            step = self._get(step) or step
        try:
            return step, io.ask(step)
        except InterruptionError:
            raise
        except RasteretError as error:
            is_refused = posts and error.status in POST_REFUSED
            get = self._get(step) if is_refused and step.method == "POST" else None
            answer = None if get is None else _asked(io, get)
            if get is not None and answer is not None:
                self._posts = False
                return get, answer
            advised = with_advice(error, self._limit)
            if number == 1:
                raise advised from error
            advice = (
                "It asks for POST, which the server refuses, and GET is refused too or cannot say the same: "
                "search without filter, intersects and sortby, or with a larger page_size"
                if is_refused
                else "Where a proxy is before the server, its links may name a wrong host or path"
            )
            raise reworded(
                advised,
                f"{self._name}: the next link of page {number - 1} cannot be followed, after "
                f"{self._seen.count:,} items: {advised}. {advice}; max_items := … takes the items before",
            ) from error

    def _get(self, step: Step) -> Step | None:
        """GET in place of a later page's POST: by a link of the page before, or with the same parameters."""
        if self._other is not None:
            name = f"{self._name}: the next link of page {len(self._asked) - 1}"
            with suppress(MalformedError):
                return next_step(self._other, step, self._first, self._base, name, self._notices)
        return by_get(step)

    def take(self, answer: Answer, step: Step) -> tuple[Page, Link | None]:
        """One answer as a page, and the link to the page after it."""
        items = self._items(answer.document)
        new = self._seen.new(items)
        self._check_repeats(items, new)
        self._last_count = len(items)
        self._matched = matched(answer.document, self._matched)
        if self._seen.count > settings().max_search_items:
            raise LimitError(
                f"{self._name}: more than {settings().max_search_items:,} items; narrow the search, or take "
                "the first by max_items := … (setting max_search_items)"
            )
        link = next_link(answer.document, step.method)
        self._other, self._base = next_link(answer.document), answer.href
        if self._other is not None and _method(self._other) != "GET":
            self._other = None
        return Page(items=new, href=answer.href, has_next=link is not None, matched=self._matched), link

    def after(self, step: Step, link: Link | None, base: str) -> Step | None:
        """The request that ``link`` of the answer to ``step`` describes, once the page before is taken."""
        if link is None:
            return None
        name = f"{self._name}: the next link of page {len(self._asked)}"
        try:
            return next_step(link, step, self._first, base, name, self._notices)
        except RasteretError as error:
            raise reworded(error, f"{error}{self._way_out()}") from error

    def _way_out(self) -> str:
        """How a search, which alone asks for pages of a size, ends before a link that is wrong."""
        count = self._seen.count
        return f"; max_items := {count} takes the items before" if count and self._limit is not None else ""

    def _items(self, document: Mapping[str, Any]) -> list[Item]:
        features, number = document.get("features"), len(self._asked)
        if "features" not in document:
            shown = f"type {short(document.get('type'))} with {member_names(document)}"
            raise MalformedError(f"{self._name}: page {number} is not a FeatureCollection: found {shown}")
        if features is not None and not isinstance(features, list):
            raise MalformedError(
                f"{self._name}: page {number}: 'features' must be a list, found {short(features)}"
            )
        items = [feature for feature in features or () if isinstance(feature, dict)]
        if features is None or len(items) < len(features):
            wrong = next((f for f in features or () if not isinstance(f, dict)), None)
            self._notices.say(
                f"{self._name}: page {number} has {short(wrong)} "
                f"{'in place of' if features is None else 'among'} its 'features', which is left out",
                reason=f"{self._name} features",
            )
        return items

    def _check_repeats(self, items: list[Item], new: list[Item]) -> None:
        number, count = len(self._asked), self._seen.count
        identities = _digest([[item.get("collection"), item.get("id")] for item in items])
        if len(items) > 1 and identities in self._given:
            raise MalformedError(
                f"{self._name}: page {number} repeats an earlier page, after {count:,} items{self._way_out()}"
            )
        self._given.add(identities)
        self._empty_in_a_row = 0 if items else self._empty_in_a_row + 1
        self._idle_in_a_row = 0 if new else self._idle_in_a_row + 1
        if self._idle_in_a_row > EMPTY_PAGES_MAX:
            kind = "empty pages" if self._empty_in_a_row > EMPTY_PAGES_MAX else "pages without a new item"
            raise MalformedError(
                f"{self._name}: {self._idle_in_a_row} {kind} in a row, each with a next link, "
                f"after {count:,} items"
            )

    def finish(self) -> None:
        """Compare what came with what the server counted.

        A count is advice: servers estimate it, or keep it for a day. That the last page has no next link is
        the server's word that all pages were read.
        """
        count = self._seen.count
        if self._matched is None or count >= self._matched:
            return
        full = self._limit is not None and self._last_count >= self._limit
        advice = (
            "its last page is as full as was requested, so the server may stop at a limit of its own: narrow "
            "the search (bbox, datetime, collections) to see whether there are more"
            if full
            else "these are all, if that number is an estimate or was counted earlier"
        )
        self._notices.say(
            f"{self._name}: the server says that {self._matched:,} items match, but gave {count:,} and no "
            f"next page; {advice}",
            reason=f"{self._name} matched",
        )


def next_link(page: Mapping[str, Any], method: str = "GET") -> Link | None:
    """The link to the page after ``page``; of several that by which this page was requested."""
    links = [link for link in links_of(page) if has_rel(link, "next")]
    same = [link for link in links if _method(link) == method]
    return next(iter(same or links), None)


def _asked(io: ApiIO, step: Step) -> Answer | None:
    """The answer to ``step``; None where there is an error in its place."""
    try:
        return io.ask(step)
    except InterruptionError:
        raise
    except RasteretError:
        return None


def _method(link: Link) -> str:
    return str(link.get("method") or "GET").strip().upper()


def matched(page: Mapping[str, Any], before: int | None = None) -> int | None:
    """``numberMatched`` (OGC API Features) or the older ``context.matched``, of the newest page that says."""
    context = page.get("context")
    for value in (page.get("numberMatched"), context.get("matched") if isinstance(context, dict) else None):
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return before


def _digest(value: Any) -> bytes:
    """Equal for equal JSON; of two values that differ nobody will ever see the same."""
    written = json.dumps(value, sort_keys=True, default=str).encode()
    return blake2b(written, digest_size=16).digest()
