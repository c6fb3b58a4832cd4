"""HTTP to a STAC API: metered, retried, bounded, with errors that stand alone; pages followed with care."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from pystac_client.stac_api_io import StacApiIO

from rasteret_sql.errors import (
    ArgumentError,
    LimitError,
    MalformedError,
    RasteretError,
    TransportError,
)
from rasteret_sql.settings import settings
from rasteret_sql.stac.api_errors import WAIT_MAX_S, failure, refusal
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.stac.pages import Pages
from rasteret_sql.stac.together import slot
from rasteret_sql.stac.values import short
from rasteret_sql.store import meter
from rasteret_sql.store.redact import place

ANSWER_BYTES_MAX = 512 << 20
"""Largest answer that is read: a page of the largest allowed size stays well below."""
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class ApiIO(StacApiIO):
    """pystac-client's I/O with this package's meter, retries, limits and errors. Safe from many threads."""

    def __init__(self) -> None:
        super().__init__(max_retries=None)
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=settings().stac_concurrency, max_retries=0)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, adapter)
        self.session.headers["User-Agent"] = "rasteret-sql"
        self.session.headers["Accept"] = "application/geo+json, application/json"

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> str:
        """The text of the answer to one request, tried again after faults that may pass."""
        method = (method or "GET").upper()
        try:
            asked = self.session.prepare_request(
                requests.Request(
                    method,
                    href,
                    headers=headers,
                    json=parameters if method in _BODY_METHODS else None,
                    params=None if method in _BODY_METHODS else parameters,
                )
            )
        except (requests.RequestException, ValueError) as error:
            raise ArgumentError(f"STAC API {place(href)}: not an address that can be asked") from error
        attempts = settings().max_retries + 1
        for attempt in range(1, attempts + 1):
            try:
                with slot():
                    return self._attempt(asked, href, attempt)
            except TransportError as error:
                wait_s = error.retry_after_s if error.retry_after_s is not None else _backoff_s(attempt)
                if not error.transient or attempt == attempts or wait_s > WAIT_MAX_S:
                    raise
                time.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON object at ``source``; ``MalformedError`` says what else is there."""
        href = str(source.href if hasattr(source, "href") else source)
        return _parsed(self.read_text(source, *args, **kwargs), href)

    def get_pages(
        self, url: str, method: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The pages of one search that hold items, along ``next`` links; ``Pages`` says what is refused."""
        step = {"href": url, "method": method or "GET", "headers": None, "parameters": dict(parameters or {})}
        yield from self.follow(self._page(step), step)

    def follow(self, page: dict[str, Any], step: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """``page``, the answer to ``step``, and the pages after it."""
        pages, first = Pages(step["href"]), step["parameters"]
        pages.ask(step)
        while True:
            link = pages.take(page)
            if page["features"]:
                yield page
            if link is None:
                break
            step = _next_step(link, step, first)
            pages.ask(step)
            page = self._page(step)
        pages.finish()

    def _page(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return self.read_json(
            step["href"], method=step["method"], headers=step["headers"], parameters=step["parameters"]
        )

    def _attempt(self, asked: requests.PreparedRequest, href: str, attempt: int) -> str:
        started = time.perf_counter()
        byte_count, fault = 0, None
        try:
            content = self._send(asked, href)
            byte_count = len(content)
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            fault = "the answer is not UTF-8 text"
            raise MalformedError(f"STAC API {place(href)}: {fault}") from error
        except RasteretError as error:
            fault = str(error)
            raise
        finally:
            meter.record(
                kind="stac",
                href=str(asked.url),
                started=started,
                byte_count=byte_count,
                attempt=attempt,
                error=fault,
            )

    def _send(self, asked: requests.PreparedRequest, href: str) -> bytes:
        limits = settings()
        timeout = (limits.connect_timeout_s, limits.request_timeout_s)
        environment = self.session.merge_environment_settings(str(asked.url), {}, True, None, None)
        try:
            with self.session.send(asked, timeout=timeout, **environment) as response:
                content = _content(response, href)
        except requests.RequestException as error:
            raise failure(error, href) from error
        if response.request.method != asked.method:
            # A client turns a redirected POST into a GET: the search would come back without its conditions.
            raise TransportError(
                f"STAC API {place(href)}: redirects the search to {place(response.url)}; "
                "name the API by the address that it redirects to"
            )
        if not 200 <= response.status_code < 300:
            raise refusal(response, content, href)
        return content


def _parsed(text: str, href: str) -> dict[str, Any]:
    """The JSON object that ``text`` is; ``MalformedError`` says what the answer of ``href`` is instead."""
    name = f"STAC API {place(href)}"
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise MalformedError(f"{name}: its JSON is nested too deeply to be read") from error
    except ValueError as error:
        raise MalformedError(f"{name}: expected JSON, found {_kind(text, error)}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"{name}: expected a JSON object, found {short(value)}")
    return value


def _kind(text: str, error: ValueError) -> str:
    start = text.lstrip()[:60]
    if start.startswith(("{", "[")):
        return f"damaged JSON: {error}"
    if re.match(r"<(!doctype\s+html|html)", start, re.IGNORECASE):
        return f"an HTML page: {start!r}"
    return repr(start) if start else "nothing"


def _next_step(link: Mapping[str, Any], step: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """The request that a ``next`` link describes (STAC API, Item Search: paging)."""
    method = str(link.get("method") or "GET").upper()
    body: dict[str, Any] = link["body"] if isinstance(link.get("body"), dict) else {}
    return {
        "href": resolve_href(str(link["href"]), step["href"]),
        "method": method,
        "headers": link.get("headers") if isinstance(link.get("headers"), dict) else None,
        "parameters": ({**first, **body} if link.get("merge") else body) if method in _BODY_METHODS else {},
    }


def _content(response: requests.Response, href: str) -> bytes:
    parts, total = [], 0
    for part in response.iter_content(1 << 16):
        total += len(part)
        if total > ANSWER_BYTES_MAX:
            raise LimitError(
                f"STAC API {place(href)}: the answer is larger than {ANSWER_BYTES_MAX >> 20} MiB; "
                "set a smaller page_size"
            )
        parts.append(part)
    return b"".join(parts)


def _backoff_s(attempt: int) -> float:
    """Doubling waits with jitter, so that many threads do not come back at once."""
    return min(0.25 * 2.0 ** (attempt - 1), 8.0) * random.uniform(0.5, 1.0)
