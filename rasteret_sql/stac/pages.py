"""The pages of one search: that they are pages, that they end, and that together they are complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rasteret_sql.errors import MalformedError
from rasteret_sql.stac.values import member_names, short
from rasteret_sql.store.redact import place

EMPTY_PAGES_MAX = 10
"""A server may filter after paging, so an empty page may have a next one; this many in a row are a loop."""


class Pages:
    """Watches the pages that one server gives for one search.

    ``ask`` before each request, ``take`` with each answer, ``finish`` after the last: each raises
    ``MalformedError`` when a ``next`` link leads back to an earlier request, a page repeats an earlier one,
    empty pages do not end, an answer is no page, or fewer items came than the server says match.
    """

    def __init__(self, url: str) -> None:
        self._name = f"STAC search at {place(url)}"
        self._asked: set[str] = set()
        self._given: set[tuple[tuple[Any, Any], ...]] = set()
        self._item_count = 0
        self._empty_in_a_row = 0
        self._matched: int | None = None

    def ask(self, step: Mapping[str, Any]) -> None:
        """Note the request of one page."""
        asked = json.dumps([step["href"], step["method"], step["parameters"]], sort_keys=True, default=str)
        if asked in self._asked:
            raise MalformedError(
                f"{self._name}: the next link of page {len(self._asked)} leads back to an earlier page, "
                f"after {self._item_count:,} items"
            )
        self._asked.add(asked)

    def take(self, page: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Note one answer; gives its ``next`` link."""
        features, number = page.get("features"), len(self._asked)
        if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
            found = f"type {short(page.get('type'))} with {member_names(page)}"
            raise MalformedError(f"{self._name}: page {number} is not a FeatureCollection: found {found}")
        identities = tuple((feature.get("collection"), feature.get("id")) for feature in features)
        if identities and identities in self._given:
            raise MalformedError(
                f"{self._name}: page {number} repeats an earlier page, after {self._item_count:,} items"
            )
        self._given.add(identities)
        self._item_count += len(features)
        self._empty_in_a_row = 0 if features else self._empty_in_a_row + 1
        if self._empty_in_a_row > EMPTY_PAGES_MAX:
            raise MalformedError(
                f"{self._name}: {self._empty_in_a_row} empty pages in a row, each with a next link, "
                f"after {self._item_count:,} items"
            )
        self._matched = matched(page, self._matched)
        return next_link(page)

    def finish(self) -> None:
        """Check that all came that the server counted."""
        if self._matched is not None and self._item_count < self._matched:
            raise MalformedError(
                f"{self._name}: the server says that {self._matched:,} items match, but gave "
                f"{self._item_count:,} and no next page; narrow the search, or take these by max_items := …"
            )


def next_link(page: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The link to the page after ``page``."""
    links = page.get("links")
    candidates = links if isinstance(links, list) else []
    return next((link for link in candidates if isinstance(link, dict) and _is_next(link)), None)


def _is_next(link: Mapping[str, Any]) -> bool:
    return link.get("rel") == "next" and isinstance(link.get("href"), str)


def matched(page: Mapping[str, Any], before: int | None) -> int | None:
    """``numberMatched`` (OGC API Features) or the older ``context.matched``, of the newest page that says."""
    context = page.get("context")
    for value in (page.get("numberMatched"), context.get("matched") if isinstance(context, dict) else None):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return before
