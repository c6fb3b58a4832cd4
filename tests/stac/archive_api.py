"""A STAC API over items in memory that searches by time, counts, sorts by time, and pages by a token."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from .serving import Answer, Asked, Server, item, landing, page

START = datetime(2024, 1, 1, tzinfo=UTC)


def items_at(moments: Iterable[datetime]) -> list[dict[str, Any]]:
    """An item a moment, numbered."""
    return [item(f"{number:05}", datetime=written(moment)) for number, moment in enumerate(moments)]


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class ArchiveApi:
    """Newest first unless a sort says otherwise; a moment on the edge of an interval is inside."""

    def __init__(self, items: list[dict[str, Any]], *extensions: str, matched: bool = True) -> None:
        self.items = sorted(items, key=lambda i: (i["properties"]["datetime"], i["id"]), reverse=True)
        self._moments = [moment(i["properties"]["datetime"]) for i in reversed(self.items)]
        self.extensions = extensions or ("sort",)
        self.matched = matched
        self.together = self.most_together = 0
        self._lock = threading.Lock()

    def __call__(self, server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(body=landing(server.url, *self.extensions))
        with self._lock:
            self.together += 1
            self.most_together = max(self.together, self.most_together)
        try:
            time.sleep(0.003)  # as long as a network, so that requests meet
            return Answer(body=self._page(asked.body))
        finally:
            with self._lock:
                self.together -= 1

    def _page(self, body: dict[str, Any]) -> dict[str, Any]:
        ends = (body.get("datetime") or "../..").split("/")
        since = 0 if ends[0] == ".." else bisect_left(self._moments, moment(ends[0]))
        until = len(self.items) if ends[1] == ".." else bisect_right(self._moments, moment(ends[1]))
        found = self.items[len(self.items) - until : len(self.items) - since]
        if body.get("sortby", [{}])[0].get("direction") == "asc":
            found = found[::-1]
        first = int(body.get("token", 0))
        last = first + body["limit"]
        link = {"href": "/search", "method": "POST", "body": {**body, "token": last}}
        counted = {"numberMatched": len(found)} if self.matched else {}
        return page(*found[first:last], next=link if last < len(found) else None, **counted)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def days(count: int, hours: float = 24) -> list[datetime]:
    return [START + timedelta(hours=hours * number) for number in range(count)]
