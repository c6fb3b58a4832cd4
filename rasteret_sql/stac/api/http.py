"""HTTP to a STAC API: metered, retried, bounded, with errors that stand alone."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3

from rasteret_sql.errors import (
    ArgumentError,
    LimitError,
    MalformedError,
    NotFoundError,
    RasteretError,
    TransportError,
)
from rasteret_sql.settings import settings
from rasteret_sql.stac.api.concurrency import slot
from rasteret_sql.stac.api.errors import failure, refusal
from rasteret_sql.stac.json_text import load
from rasteret_sql.stac.links import NEARER, origin
from rasteret_sql.stac.values import short
from rasteret_sql.store import request_log
from rasteret_sql.store.access import require
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.content_encoding import GZIP_MAGIC, gunzipped, unpacked
from rasteret_sql.store.nearness import is_nearer
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.scheduling.retry import wait_s

REDIRECTS_MAX = 10
LEARNED_MAX = 64
"""Documents kept of what an API says of itself."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One request to an API."""

    href: str
    method: str = "GET"
    """GET, with ``parameters`` in the query, or POST, with them as its JSON body."""
    headers: Mapping[str, str] | None = None
    """Sent to the origin of ``href`` alone."""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The JSON object that came back."""

    document: dict[str, Any]
    href: str
    """Where it came from, after redirects: what its links are relative to."""


class ApiIO:
    """HTTP with this package's meter, retries, limits and errors. Safe from many threads."""

    def __init__(self) -> None:
        self.post_refused = False
        """Whether the server refused a search by POST that it answers by GET."""
        self._learned: dict[str, dict[str, Any]] = {}
        self.session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=settings().stac_concurrency, max_retries=0)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, adapter)
        self.session.headers["User-Agent"] = "rasteret-sql"
        self.session.headers["Accept"] = "application/geo+json, application/json"
        self.session.headers["Accept-Encoding"] = "gzip, deflate"

    def read(self, href: str, *, attempts: int | None = None) -> Answer:
        """The JSON object at ``href``."""
        return self.ask(Step(href=href), attempts=attempts)

    def learned(self, href: str) -> dict[str, Any]:
        """The JSON object at ``href``, asked for once and in one attempt; empty where there is none."""
        if href not in self._learned:
            try:
                document = self.read(href, attempts=1).document
            except NotFoundError:
                document = {}
            if len(self._learned) >= LEARNED_MAX:
                self._learned.clear()
            self._learned[href] = document
        return self._learned[href]

    def ask(self, step: Step, *, attempts: int | None = None) -> Answer:
        """The answer to one request, tried again after faults that may pass.

        Raises ``MalformedError`` saying what came in place of a JSON object.
        """
        posted = step.method == "POST"
        parse_address(step.href)  # refuses what a document may not name
        require(step.href)
        try:
            asked = self.session.prepare_request(
                requests.Request(
                    step.method,
                    step.href,
                    headers=step.headers,
                    json=step.parameters if posted else None,
                    params=None if posted else step.parameters,
                )
            )
        except (requests.RequestException, ValueError) as error:
            raise ArgumentError(
                f"STAC API {display_href(step.href)}: not an address that can be asked"
            ) from error
        attempts = attempts or settings().max_retries + 1
        for attempt in range(1, attempts + 1):
            try:
                with slot():
                    return self._attempt(asked, step, attempt)
            except TransportError as error:
                wait = wait_s(attempt, error.retry_after_s)
                if not error.transient or attempt == attempts or wait is None:
                    raise
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, asked: requests.PreparedRequest, step: Step, attempt: int) -> Answer:
        started = time.perf_counter()
        byte_count, fault = 0, None
        try:
            content, href = self._send(asked, step)
            byte_count = len(content)
            return Answer(document=_parsed(content, step.href), href=href)
        except RasteretError as error:
            fault = str(error)
            raise
        finally:
            request_log.record(
                kind="stac",
                href=str(asked.url),
                started=started,
                byte_count=byte_count,
                attempt=attempt,
                error=fault,
            )

    def _send(self, asked: requests.PreparedRequest, step: Step) -> tuple[bytes, str]:
        """The content of the answer behind all redirects, and where it was."""
        try:
            for _ in range(REDIRECTS_MAX + 1):
                limits = settings()
                timeout = (limits.connect_timeout_s, limits.request_timeout_s)
                environment = self.session.merge_environment_settings(str(asked.url), {}, True, None, None)
                with self.session.send(
                    asked, timeout=timeout, allow_redirects=False, **environment
                ) as response:
                    location = response.headers.get("Location")
                    if response.status_code not in _REDIRECTS or not location:
                        content = _content(response, step.href)
                        if not 200 <= response.status_code < 300:
                            raise refusal(response, content, step.href)
                        return content, str(asked.url)
                    asked = self._redirected(asked, response, location, step)
            raise requests.TooManyRedirects
        except RasteretError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise failure(error, step.href) from error

    def _redirected(
        self, asked: requests.PreparedRequest, response: requests.Response, location: str, step: Step
    ) -> requests.PreparedRequest:
        """The request to where an answer leads; elsewhere it gets no credentials nor a link's headers."""
        target = urljoin(str(asked.url), requests.utils.requote_uri(location))
        if not re.match(r"https?://[^/]", target, re.IGNORECASE):
            raise TransportError(
                f"STAC API {display_href(step.href)}: redirects to {display_href(target)}: expected an "
                "http(s) address"
            )
        if is_nearer(target, str(asked.url)):
            raise TransportError(
                f"STAC API {display_href(step.href)}: redirects to {display_href(target)}, {NEARER}"
            )
        if asked.method == "POST" and response.status_code not in _KEEPS_METHOD:
            # A client turns such a POST into a GET: the search would come back without its conditions.
            raise TransportError(
                f"STAC API {display_href(step.href)}: redirects the search to {display_href(target)}; "
                "name the API by the address that it redirects to"
            )
        moved = asked.copy()
        moved.url = target
        if origin(target) != origin(str(asked.url)):
            for name in ("Authorization", "Proxy-Authorization", "Cookie", *(step.headers or ())):
                moved.headers.pop(name, None)
        return moved


def _parsed(content: bytes, href: str) -> dict[str, Any]:
    """The JSON object that ``content`` is; ``MalformedError`` says what the answer of ``href`` is instead."""
    name = f"STAC API {display_href(href)}"
    if content[:2] == GZIP_MAGIC:
        content = gunzipped(content, href, max_bytes=settings().max_document_bytes)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{name}: the answer is not UTF-8 text") from error
    try:
        value = load(content, name)
    except RasteretError:
        raise
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


def _content(response: requests.Response, href: str) -> bytes:
    most = settings().max_document_bytes
    # Off the header, so that the transport leaves alone what servers mislabel; ``unpacked`` reads it better.
    encoding = response.raw.headers.pop("Content-Encoding", None)
    parts, total = [], 0
    for part in response.iter_content(1 << 16):
        total += len(part)
        if total > most:
            raise LimitError(
                f"STAC API {display_href(href)}: the answer is larger than {most:,} bytes (setting "
                "max_document_bytes); set a smaller page_size"
            )
        parts.append(part)
    return bytes(unpacked(b"".join(parts), encoding, href, max_bytes=most))
