"""Follows redirects of GET as aiohttp would, except that no credentials go to another host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from rasteret_sql.errors import TransportError, UnsupportedError
from rasteret_sql.store.clouds.config import http_headers
from rasteret_sql.store.http.proxies import proxy_of
from rasteret_sql.store.nearness import is_nearer
from rasteret_sql.store.options import options_for
from rasteret_sql.store.redact import display_href

MAX_REDIRECTS = 10
STATUSES = frozenset({301, 302, 303, 307, 308})


@asynccontextmanager
async def get(
    session: aiohttp.ClientSession, url: URL, *, own: Mapping[str, str], wanted: Mapping[str, str], href: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to GET ``url``, behind all redirects.

    ``own`` headers and the user of the URL go to its own origin (scheme, host and port) alone: a client that
    drops ``Authorization`` on the way elsewhere would still hand on keys of other names. Another origin gets
    what the storage options have for it. ``wanted`` goes everywhere. ``href`` is how errors name the file.
    """
    origin, user, password = url.origin(), url.user, url.password
    for _ in range(MAX_REDIRECTS + 1):
        at_home = url.origin() == origin
        sent = own if at_home else http_headers(options_for(str(url)))
        if at_home and user is not None:
            url = url.with_user(user).with_password(password)
        proxy = proxy_of(str(url.origin()))
        async with session.get(url, headers={**sent, **wanted}, allow_redirects=False, proxy=proxy) as answer:
            location = answer.headers.get("Location") if answer.status in STATUSES else None
            if location is None:
                yield answer
                return
        url = _next(url, location, href)
    raise TransportError(f"{display_href(href)}: more than {MAX_REDIRECTS} redirects; expected a file.")


def _next(url: URL, location: str, href: str) -> URL:
    try:
        target = url.join(URL(location, encoded=True))
        if target.scheme in ("http", "https") and target.host:
            if not is_nearer(str(target), str(url)):
                return target
            raise UnsupportedError(
                f"{display_href(href)}: the server redirects to {display_href(str(target))}, a host that "
                "is nearer than "
                "its own; the setting allow_private_hosts allows it."
            )
    except ValueError:
        pass
    raise UnsupportedError(
        f"{display_href(href)}: the server redirects to something that is not an HTTP address."
    )
