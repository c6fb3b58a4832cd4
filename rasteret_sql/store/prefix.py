"""One normal form of addresses, by which all prefixes are compared: storage options, signers, allowed paths.

A prefix covers an address only where both lie below it as written and with everything decoded that a server
may decode: ``..`` and ``%2e%2e``, twice encoded or behind a backslash, never lead out of a prefix.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from rasteret_sql.store.address import FAMILIES, is_chain

DEFAULT_PORTS = {"http": "80", "https": "443"}
MAX_DECODINGS = 8
"""Times that an address may be encoded over again; what is left then stays encoded."""
_PARAMETERS = re.compile(r"((?:^|/)\.{1,2});[^/]*")
"""``..;x=1`` is ``..`` to servers that know path parameters."""
_DOTTED = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


@lru_cache(maxsize=4096)
def forms(href: str) -> tuple[str, str]:
    """The address as written and decoded: scheme and host in one spelling, dot segments resolved in both.

    Of an http(s) address without user, fragment and default port; a chain of file systems stays as it is.
    """
    if href in FAMILIES and href:
        href += "://"
    scheme, colon, rest = href.partition("://")
    if is_chain(href):
        return href, href
    if not colon:
        return _resolved(href), _resolved(href)
    family = FAMILIES.get(scheme.lower(), "fsspec")
    scheme = family if family in ("s3", "gs", "az") else scheme.lower()
    authority, slash, path = rest.partition("/")
    tail = ""
    if family == "http":
        authority, slash, path, tail = _http(scheme, rest)
    root = f"{scheme}://{authority}"
    if not slash:
        return root + tail, root + tail
    return root + _resolved(f"/{path}") + tail, root + _resolved(f"/{_decoded(path)}") + tail


def normal_prefix(href: str) -> str:
    """The first form: what a registry of prefixes knows a prefix by."""
    return forms(href)[0]


def covers(prefix: str, href: str) -> bool:
    """Whether ``href`` lies below ``prefix``; a name is never cut in its middle."""
    (written, decoded), (below_written, below_decoded) = forms(prefix), forms(href)
    return _below(written, below_written) and _below(decoded, below_decoded)


def _below(prefix: str, href: str) -> bool:
    if not href.startswith(prefix):
        return False
    return len(href) == len(prefix) or prefix.endswith("/") or href[len(prefix)] in "/?#"


def _http(scheme: str, rest: str) -> tuple[str, str, str, str]:
    rest = re.sub(r"[\t\r\n]", "", rest).partition("#")[0]
    place, question, query = rest.partition("?")
    authority, slash, path = place.replace("\\", "/").partition("/")
    host, colon, port = authority.rpartition("@")[2].lower().partition(":")
    if host.startswith("["):
        host, _, port = authority.rpartition("@")[2].lower().partition("]")
        host, port, colon = host + "]", port.removeprefix(":"), port[:1]
    host = host.rstrip(".")
    port = "" if port == DEFAULT_PORTS[scheme] else port
    return f"{host}:{port}" if colon and port else host, slash, path, f"{question}{query}"


def _decoded(path: str) -> str:
    for _ in range(MAX_DECODINGS):
        if "%" not in path:
            break
        path = unquote(path)
    path = re.sub("/+", "/", path.replace("\\", "/"))  # some servers merge slashes before dots
    return _PARAMETERS.sub(r"\1", path)


def _resolved(path: str) -> str:
    """Without dot segments (RFC 3986, 5.2.4); names that merely begin with dots stay."""
    if not _DOTTED.search(path):
        return path
    kept: list[str] = []
    *folders, last = path.split("/")
    for name in folders:
        if name == "..":
            if len(kept) > 1 or (kept and kept[0]):
                kept.pop()
        elif name != ".":
            kept.append(name)
    if last == "..":
        if len(kept) > 1:
            kept.pop()
        last = ""
    elif last == ".":
        last = ""
    return "/".join([*kept, last])
