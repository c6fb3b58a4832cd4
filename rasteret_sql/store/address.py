"""Splits an href into who serves it and what is asked of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from rasteret_sql.errors import ArgumentError, RasteretError, RefusedError
from rasteret_sql.store.gdal_path import href_of
from rasteret_sql.store.redact import display_href

FAMILIES = {
    "s3": "s3", "s3a": "s3", "s3n": "s3",
    "gs": "gs", "gcs": "gs",
    "az": "az", "azure": "az", "abfs": "az", "abfss": "az", "adl": "az",
    "http": "http", "https": "http",
    "file": "local", "local": "local", "": "local",
}  # fmt: skip
"""URL scheme -> kind of store. Every other scheme is left to fsspec."""

UNSAFE = "unsafe:"
"""Before an href that a document names though it may not; see ``nearness``."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_BUCKET = re.compile(r"[^/?#@\\\s%]+")
_CONTAINER = re.compile(rf"{_BUCKET.pattern}(?:@[A-Za-z0-9.:_-]+)?")
"""What may follow a bucket in a URL would lead to another host, or to another path of it."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
_BARE = re.compile(r"[A-Za-z]+")
_LINE_ENDS = re.compile(r"[\t\r\n]")
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
    match = _SCHEME.match(href)
    if match is None:
        return "fsspec" if _CHAIN.match(href) else "local"
    return FAMILIES.get(match[1].lower(), "fsspec")


def is_chain(href: str) -> bool:
    """Whether ``href`` is one file system of fsspec inside another."""
    return family_of(href) == "fsspec" and _CHAIN.match(href) is not None


def links_of(href: str) -> list[str]:
    """The links of a chain, as fsspec takes it apart; the href itself where it is not a chain."""
    if not is_chain(href):
        return [href]
    return [f"{link}://" if _BARE.fullmatch(link) else link for link in href.split("::")]


def plain_href(href: str) -> str:
    """``href`` without blanks around it, and what it stands for where it is a path of GDAL's (``/vsis3/…``).

    A local file whose name begins or ends with a blank keeps it. Raises for paths of GDAL's that nothing
    here stands for.
    """
    plain = href.strip()
    if plain != href and family_of(plain) == "local" and os.path.lexists(href):
        return href
    if plain[:4].lower() == "http":
        return _LINE_ENDS.sub("", plain)  # every reader of URLs leaves them out
    if plain[:4].lower() != "/vsi":
        return plain
    try:
        return href_of(plain)
    except RasteretError as error:
        raise type(error)(f"{display_href(href)}: {error}") from None


def parse_address(href: str) -> Address:
    """Split ``plain_href(href)``. Raises ``ArgumentError`` for one without bucket, host or object name."""
    href = plain_href(href)
    scheme = scheme_of(href)
    # what a path of a file means may change with the working directory
    return _parse(href, scheme) if family_of(href) == "local" else _parse_remote(href, scheme)


def _parse(href: str, scheme: str) -> Address:
    family = family_of(href)
    if href.startswith(UNSAFE):
        raise _named_by_a_stranger(href)
    if "\0" in href or not href.strip():
        raise ArgumentError(
            f"{display_href(href)!r} is not an address of a file: it is empty or holds a NUL."
        )
    root, key = _SPLIT[family](href)
    if "\0" in key:  # %00 in a file URL
        raise ArgumentError(f"{display_href(href)!r} is not an address of a file: it holds an escaped NUL.")
    if not key or (family != "local" and not root):
        raise ArgumentError(f"{display_href(href)!r} names no file: expected {_EXPECTED[family]}.")
    return Address(href=href, scheme=scheme, family=family, root=root, key=key)


def _named_by_a_stranger(href: str) -> RefusedError:
    named = href.removeprefix(UNSAFE)
    what = "a chain of file systems" if is_chain(named) else "a host that is nearer than its own"
    way = "allow such hosts (setting allow_private_hosts)"
    if family_of(named) == "local" or named.startswith("memory:"):
        what, way = "a local file", "read it by its own name"
    return RefusedError(
        f"{display_href(href)}: a document that came over the network names {what}, which is not read. If "
        "that is "
        f"meant, {way}."
    )


_parse_remote = lru_cache(maxsize=4096)(_parse)
"""Each is asked for a few times for every request."""


def _split_bucket(href: str) -> tuple[str, str]:
    scheme, _, rest = href.partition("://")
    bucket, _, key = rest.partition("/")
    bucket = bucket if _BUCKET.fullmatch(bucket) else ""
    return (f"{FAMILIES[scheme.lower()]}://{bucket}" if bucket else ""), key


def _split_container(href: str) -> tuple[str, str]:
    """``az://container/key``, or Hadoop's ``abfss://container@account.dfs.core.windows.net/key``."""
    rest = href.partition("://")[2]
    container, _, key = rest.partition("/")
    return (f"az://{container}" if _CONTAINER.fullmatch(container) else ""), key


def _split_http(href: str) -> tuple[str, str]:
    try:
        parts = urlsplit(href.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", ""
    if not host:
        return "", ""
    if "\\" in parts.netloc:  # readers of URLs differ about whose it then is
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
    elif _URI.match(path) and not os.path.lexists(path):
        return "", ""  # urn:…, data:…, doi:… are not paths
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
