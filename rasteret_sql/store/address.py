"""Splits an href into who serves it and what is asked of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.store.gdal_path import href_of
from rasteret_sql.store.redact import place

FAMILIES = {
    "s3": "s3", "s3a": "s3", "s3n": "s3",
    "gs": "gs", "gcs": "gs",
    "az": "az", "azure": "az", "abfs": "az", "abfss": "az", "adl": "az",
    "http": "http", "https": "http",
    "file": "local", "local": "local", "": "local",
}  # fmt: skip
"""URL scheme -> kind of store. Every other scheme is left to fsspec."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_CHAIN = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)(?:://.*?::|::(?=[A-Za-z][A-Za-z0-9+.\-]*://))", re.DOTALL)
"""fsspec's chains: ``zip://a.tif::s3://bucket/x.zip``, ``simplecache::https://host/a.tif``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """One href, split."""

    href: str
    scheme: str
    """In lower case; empty for a plain path."""
    family: str
    """A value of ``FAMILIES``, or ``fsspec``."""
    root: str
    """What one connection pool serves: ``s3://bucket``, ``https://host:port``; empty for local files."""
    key: str
    """The object below the root: bucket keys as given, HTTP path and query as sent, local paths absolute."""


def scheme_of(href: str) -> str:
    """The URL scheme in lower case, empty for a plain path; of a chain (``zip::s3://…``) the first."""
    match = _SCHEME.match(href) or _CHAIN.match(href)
    return match[1].lower() if match else ""


def family_of(href: str) -> str:
    """The kind of store that serves ``href``."""
    return FAMILIES.get(scheme_of(href), "fsspec")


def is_chain(href: str) -> bool:
    """Whether ``href`` is one file system of fsspec inside another."""
    match = _CHAIN.match(href)
    return match is not None and match[1].lower() not in FAMILIES


def plain_href(href: str) -> str:
    """``href`` without blanks around it, and what it stands for where it is a path of GDAL's (``/vsis3/…``).

    A local file whose name begins or ends with a blank keeps it. Raises for paths of GDAL's that nothing
    here stands for.
    """
    plain = href.strip()
    if plain != href and family_of(plain) == "local" and os.path.lexists(href):
        return href
    if plain[:4].lower() != "/vsi":
        return plain
    try:
        return href_of(plain)
    except RasteretError as error:
        raise type(error)(f"{place(href)}: {error}") from None


def parse_address(href: str) -> Address:
    """Split ``plain_href(href)``. Raises ``ArgumentError`` for one without bucket, host or object name."""
    href = plain_href(href)
    scheme = scheme_of(href)
    # what a path of a file means may change with the working directory
    return _parse(href, scheme) if FAMILIES.get(scheme) == "local" else _parse_remote(href, scheme)


def _parse(href: str, scheme: str) -> Address:
    family = FAMILIES.get(scheme, "fsspec")
    if "\0" in href or not href.strip():
        raise ArgumentError(f"{place(href)!r} is not an address of a file: it is empty or holds a NUL.")
    root, key = _SPLIT[family](href)
    if not key or (family != "local" and not root):
        raise ArgumentError(f"{place(href)!r} names no file: expected {_EXPECTED[family]}.")
    return Address(href=href, scheme=scheme, family=family, root=root, key=key)


_parse_remote = lru_cache(maxsize=4096)(_parse)
"""Each is asked for a few times for every request."""


def _split_bucket(href: str) -> tuple[str, str]:
    scheme, _, rest = href.partition("://")
    bucket, _, key = rest.partition("/")
    return (f"{FAMILIES[scheme.lower()]}://{bucket}" if bucket else ""), key


def _split_container(href: str) -> tuple[str, str]:
    """``az://container/key``, or Hadoop's ``abfss://container@account.dfs.core.windows.net/key``."""
    rest = href.partition("://")[2]
    container, _, key = rest.partition("/")
    return (f"az://{container}" if container.partition("@")[0] else ""), key


def _split_http(href: str) -> tuple[str, str]:
    try:
        parts = urlsplit(href.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", ""
    if not host:
        return "", ""
    if ":" in host:
        host = f"[{host}]"
    user = parts.netloc.rpartition("@")[0]
    root = f"{parts.scheme.lower()}://{user + '@' if user else ''}{host}{f':{port}' if port else ''}"
    return root, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _split_local(href: str) -> tuple[str, str]:
    scheme = scheme_of(href)
    path = href
    if scheme:
        path = href[len(scheme) + 3 :]
        if path.startswith("localhost/"):
            path = path[len("localhost") :]
        decoded = unquote(path)
        # A file URL escapes (RFC 8089), fsspec's does not: the name as written wins where it exists.
        if decoded != path and not os.path.lexists(path):
            path = decoded
    return "", os.path.abspath(os.path.expanduser(path)) if path else ""


def _split_fsspec(href: str) -> tuple[str, str]:
    return (href.partition("://")[0] + "://" if "://" in href else href), href


_SPLIT = {
    "s3": _split_bucket,
    "gs": _split_bucket,
    "az": _split_container,
    "http": _split_http,
    "local": _split_local,
    "fsspec": _split_fsspec,
}
_EXPECTED = {
    "s3": "s3://bucket/key",
    "gs": "gs://bucket/key",
    "az": "az://container/key or abfss://container@account.dfs.core.windows.net/key",
    "http": "https://host/path",
    "local": "a path of a file",
    "fsspec": "protocol://path",
}
