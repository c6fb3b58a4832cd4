"""What a STAC API, or the way to it, refuses: as errors that say it in one line and hold no secret."""

from __future__ import annotations

import json
import re

import requests
import urllib3

from rasteret_sql.errors import AccessError, ArgumentError, NotFoundError, RasteretError, TransportError
from rasteret_sql.settings import settings
from rasteret_sql.store.errors import TRANSIENT_STATUSES, retry_after_seconds
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.scheduling.retry import RETRY_AFTER_MAX_S

_ARGUMENTS = frozenset({400, 413, 414, 422})


def refusal(response: requests.Response, content: bytes, href: str) -> RasteretError:
    """The error for an answer that is not success, with what the server says about it."""
    status = response.status_code
    message = f"STAC API {display_href(href)} answered {status} {response.reason or ''}".rstrip()
    reason = _server_text(content)
    message += f": {reason}" if reason else ""
    error = _error_of(response, status, message)
    error.status = status
    return error


def _error_of(response: requests.Response, status: int, message: str) -> RasteretError:
    if status in _ARGUMENTS:
        return ArgumentError(message)
    if status == 404:
        return NotFoundError(message)
    if status in (401, 403):
        return AccessError(message)
    wait_s = retry_after_seconds(response.headers.get("Retry-After"))
    if wait_s is not None and wait_s > RETRY_AFTER_MAX_S:
        message += f"; it asks to wait {wait_s:.0f} s"
    return TransportError(message, transient=status in TRANSIENT_STATUSES, retry_after_s=wait_s)


def reworded(error: RasteretError, message: str) -> RasteretError:
    """The same error in other words."""
    new = type(error)(message)
    new.status = error.status
    if isinstance(new, TransportError) and isinstance(error, TransportError):
        new.transient, new.retry_after_s = error.transient, error.retry_after_s
    return new


def _server_text(content: bytes) -> str:
    """What the server says about its refusal, in one short line without addresses' secrets."""
    text = content[:100_000].decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = re.sub(r"(?s)<(script|style|head).*?</\1>|<[^>]*>", " ", text)
    if isinstance(answer, dict):
        answer = next(
            (answer[key] for key in ("description", "detail", "message", "title", "code") if answer.get(key)),
            answer,
        )
    if isinstance(answer, list) and all(isinstance(part, dict) and "msg" in part for part in answer):
        answer = "; ".join(f"{'.'.join(map(str, part.get('loc', ())))}: {part['msg']}" for part in answer)
    line = " ".join((answer if isinstance(answer, str) else json.dumps(answer)).split())
    line = re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+", lambda match: display_href(match[0]), line)
    return line if len(line) <= 300 else line[:297] + "..."


def failure(error: Exception, href: str) -> TransportError:
    """What kept an answer from coming, in words without the address that requests' own message holds."""
    limits = settings()
    inner = error.args[0] if error.args else None
    layers = (error, inner, getattr(inner, "reason", None))  # requests wraps urllib3, which wraps the cause
    for cause, what, transient in _FAILURES:
        if any(isinstance(layer, cause) for layer in layers):
            reason = what.format(connect=limits.connect_timeout_s, read=limits.request_timeout_s)
            return TransportError(f"STAC API {display_href(href)}: {reason}", transient=transient)
    reason = "the connection broke before the answer was complete"
    return TransportError(f"STAC API {display_href(href)}: {reason}", transient=True)


# Sorted: a name that is not found is also a connection that fails, and urllib3 calls that a timeout.
_FAILURES: tuple[tuple[type[Exception], str, bool], ...] = (
    (urllib3.exceptions.NameResolutionError, "there is no host of this name, or no network", False),
    (requests.exceptions.ProxyError, "the proxy does not connect", False),
    (requests.exceptions.SSLError, "its certificate or encryption is not accepted", False),
    (requests.exceptions.ConnectTimeout, "no connection within {connect:g} s", True),
    (
        urllib3.exceptions.NewConnectionError,
        "the host cannot be reached: connection refused or no network",
        False,
    ),
    (requests.exceptions.Timeout, "no answer within {read:g} s", True),
    (urllib3.exceptions.TimeoutError, "no answer within {read:g} s", True),
    (requests.exceptions.TooManyRedirects, "it redirects without end", False),
    (requests.exceptions.ContentDecodingError, "the answer is not compressed as its header says", False),
    (requests.exceptions.InvalidSchema, "not an http(s) address", False),
    (requests.exceptions.InvalidURL, "not an http(s) address", False),
    (urllib3.exceptions.LocationParseError, "not an http(s) address", False),
    (ValueError, "not an http(s) address", False),
)
