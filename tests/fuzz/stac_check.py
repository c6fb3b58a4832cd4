"""What must hold for any bytes in place of a STAC document: rows that fit their columns, or a named error."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rasteret_sql.duck.arrow.item_lists import blocks_of
from rasteret_sql.errors import RasteretError, RasteretWarning
from rasteret_sql.notices import Notices
from rasteret_sql.stac.api.http import Answer, ApiIO, Step
from rasteret_sql.stac.api.pages import walk
from rasteret_sql.stac.items.document import open_document
from rasteret_sql.stac.items.item import DATETIMES, ITEM_COLUMNS, item_row, why_not_item
from rasteret_sql.stac.json_text import load
from rasteret_sql.stac.search.checks import Check
from rasteret_sql.stac.search.collections import collection_row
from rasteret_sql.stac.search.negotiation import Agreement
from rasteret_sql.stac.search.ordering import is_ordered, keys_of, ordered
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.search.unknown_names import Names
from tests.fuzz.checks import MESSAGE_CHARACTERS, Finding

API = "https://api.test/search"
LOCAL, REMOTE = "/data/items.json", "s3://bucket/items.json"
REQUEST = SearchRequest(
    catalog="https://api.test/",
    collections=["scenes"],
    bbox=[7, 51, 8, 52],
    datetime="2024",
    filter="cloud_cover < 20 OR platform LIKE 's%' AND updated > TIMESTAMP '2024-01-01' "
    "OR list_contains(instruments, 'msi') OR gsd * 2 > 3",
    sortby="-datetime,cloud_cover,id",
)
AGREEMENT = Agreement(
    method="POST", conditions={}, sent=None, here=REQUEST.expression, sorts=False, notices={}
)
PAGES = 4


class Recorded(ApiIO):
    """Gives the same document for every page, and looks at what is asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__()
        self.document = document
        self.asked = 0

    def ask(self, step: Step, *, attempts: int | None = None) -> Answer:
        self.asked += 1
        if self.asked > PAGES:
            raise RasteretError("more pages than a test gives")
        if step.method not in ("GET", "POST") or not step.href.lower().startswith(("http://", "https://")):
            raise Finding(f"a next link asks for {step.method} {step.href}")
        if step.headers and not step.href.startswith("https://api.test"):
            raise Finding(f"headers {step.headers} go to {step.href}")
        self.session.prepare_request(_request(step))
        return Answer(document=self.document, href=API)


def _request(step: Step) -> Any:
    import requests

    return requests.Request(step.method, step.href, headers=step.headers, json=dict(step.parameters))


def check_stac(data: bytes) -> list[dict[str, Any]]:
    """Read bytes as a document of a disk and of a bucket, as a page of a search, and as a collection."""
    rows = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for href in (LOCAL, REMOTE):
            rows = _all(lambda href=href: open_document(data, href, Notices("stac_read")).rows)  # type: ignore[misc]
            _check_rows(rows)
        try:
            document = load(data, API)
        except (RasteretError, ValueError):
            document = None
        if isinstance(document, dict):
            _all(lambda: _searched(document))
            _all(lambda: [collection_row(document, API)])
    for warning in said:
        if warning.category is not RasteretWarning or len(str(warning.message)) > MESSAGE_CHARACTERS:
            raise Finding(f"said: {str(warning.message)[:300]}")
    return rows


def _all(rows: Any) -> list[dict[str, Any]]:
    try:
        return list(rows())
    except RasteretError as error:
        if len(str(error)) > MESSAGE_CHARACTERS:
            raise Finding(f"a message of {len(str(error))} characters: {str(error)[:200]}") from error
        return []


def _searched(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of a search whose pages are all this document."""
    notices, check, names = Notices("stac_search"), Check(REQUEST, AGREEMENT), Names(REQUEST)
    first = Step(href=API, method="POST", parameters={"limit": 10})
    rows, keys = [], []
    for page in walk(Recorded(document), first, notices, limit=10):
        for item in page.items:
            if why_not_item(item) is None:
                names.note(item)
                if (fault := check.fault(item)) is not None:
                    notices.say(f"{check.asked(fault)} {check.found(fault, item)}"[:MESSAGE_CHARACTERS])
                check.stays(item)
                rows.append(item_row(item, base_href=page.href))
                keys.append(keys_of(item, REQUEST.order))
    is_ordered(keys, REQUEST.order)
    ordered(list(zip(keys, rows, strict=True)), REQUEST.order)
    _check_rows(rows)
    yield from rows


def _check_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if tuple(row) != ITEM_COLUMNS:
            raise Finding(f"a row with {tuple(row)}")
        if row["bbox"] is not None and not all(map(math.isfinite, row["bbox"])):
            raise Finding(f"bbox {row['bbox']}")
        for name in DATETIMES:
            moment = row[name]
            if moment is not None and not (isinstance(moment, datetime) and moment.tzinfo is UTC):
                raise Finding(f"{name} {moment!r}")
        for asset in (row["assets"] or {}).values():
            if asset["extra_fields"] is not None:
                json.loads(asset["extra_fields"], parse_constant=_no_constant)
        json.loads(row["properties"], parse_constant=_no_constant)
        json.dumps(row, default=str, ensure_ascii=False).encode()
    blocks_of(rows)


def _no_constant(name: str) -> Any:
    raise Finding(f"{name} is not JSON")
