"""The request that a ``next`` link describes (STAC API, Item Search: paging), as far as it is followed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rasteret_sql.errors import MalformedError
from rasteret_sql.notices import Notices
from rasteret_sql.stac.api.http import Step
from rasteret_sql.stac.links import Link, origin, web_href
from rasteret_sql.stac.values import short
from rasteret_sql.store.redact import display_href

METHODS = ("GET", "POST")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OF_THE_CONNECTION = frozenset({
    "connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers that say how a message travels, and not what it asks for."""


def next_step(link: Link, step: Step, first: Step, base: str, name: str, notices: Notices) -> Step:
    """The request after ``step``, whose answer came from ``base`` and has ``link``.

    It is followed by GET and POST and over http(s) alone. Its headers go to the origin that sent it; that it
    leads to another origin is reported. ``first`` has the parameters that a link with ``merge`` changes.
    Raises ``MalformedError`` naming the link for anything else.
    """
    method = link.get("method")
    method = "GET" if method is None else method.strip().upper() if isinstance(method, str) else method
    if method not in METHODS:
        raise MalformedError(
            f"{name} asks for method {short(link.get('method'))}: only GET and POST are sent for a next page"
        )
    href = web_href(link, base, name)
    headers = _headers(link, name)
    if origin(href) != origin(base):
        dropped = f", without the headers that it sets ({', '.join(headers)})" if headers else ""
        notices.say(
            f"{name} leads to another origin, {display_href(href)}; it is followed{dropped}",
            reason=f"{display_href(base)} next origin",
        )
        headers = {}
    return Step(
        href=href,
        method=method,
        headers=headers or None,
        parameters=_parameters(link, first, name) if method == "POST" else {},
    )


def by_get(step: Step) -> Step | None:
    """The GET that asks what a POST does; None where its body is more than texts, numbers and lists."""
    parameters = {}
    for name, value in step.parameters.items():
        if value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values):
            return None
        parameters[name] = ",".join(map(str, values))
    return Step(href=step.href, headers=step.headers, parameters=parameters)


def _parameters(link: Link, first: Step, name: str) -> Mapping[str, Any]:
    body = link.get("body")
    if body is not None and not isinstance(body, dict):
        raise MalformedError(f"{name} has a body that is not an object: found {short(body)}")
    try:
        json.dumps(body, allow_nan=False)
    except ValueError as error:
        raise MalformedError(f"{name} has a body with a number that JSON lacks: {short(body)}") from error
    return {**first.parameters, **(body or {})} if link.get("merge") else body or {}


def _headers(link: Link, name: str) -> dict[str, str]:
    given = link.get("headers")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise MalformedError(f"{name} has headers that are not an object: found {short(given)}")
    headers = {}
    for key, value in given.items():
        values = value if isinstance(value, list) else [value]
        plain = all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values)
        text = ", ".join(str(v).strip() for v in values) if plain else ""
        sendable = plain and _TOKEN.fullmatch(key) and _FIELD_VALUE.fullmatch(text)
        if not sendable or key.lower() in _OF_THE_CONNECTION:
            raise MalformedError(f"{name} sets a header that is not sent: {short({key: value})}")
        headers[key] = text
    return headers
