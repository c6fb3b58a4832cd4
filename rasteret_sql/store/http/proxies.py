"""The proxies of the environment."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

_PROXIES: dict[str, str | None] = {}


def proxy_of(origin: str) -> str | None:
    """The proxy of HTTP_PROXY, HTTPS_PROXY and NO_PROXY for ``scheme://host:port``; looked up once."""
    if origin not in _PROXIES:
        scheme, _, host = origin.partition("://")
        _PROXIES[origin] = None if proxy_bypass(host) else getproxies().get(scheme)
    return _PROXIES[origin]
