"""How near an address is, and what a document that came over a network may name: nothing nearer than itself.

A catalogue on the internet that names ``file:///etc/passwd``, or a host of the reader's own network, would
have the reader open what its author cannot. Names are judged as they are written; no name server is asked.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from enum import IntEnum
from urllib.parse import urlsplit

from rasteret_sql.errors import RasteretError
from rasteret_sql.settings import settings
from rasteret_sql.store.address import UNSAFE, family_of, is_chain, links_of, plain_href
from rasteret_sql.store.options import Options, options_for


class Nearness(IntEnum):
    """Farthest first."""

    PUBLIC = 0
    PRIVATE = 1
    """A host of a private or link-local network, or one whose name no name server outside knows."""
    LOOPBACK = 2
    """This machine, over its network."""
    LOCAL = 3
    """This machine's files and memory, and every chain of file systems."""


PRIVATE_NAMES = (".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")
ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "gs": ("STORAGE_EMULATOR_HOST",),
    "az": ("AZURITE_BLOB_STORAGE_URL",),
}
"""Variables that move a cloud's buckets to another server."""


def kept_off(href: str, base: str) -> str:
    """``href`` as the document at ``base`` may name it: where that is nearer than ``base``, with ``unsafe:``
    before it, which nothing here opens.
    """
    return f"{UNSAFE}{href}" if is_nearer(href, base) else href


def is_nearer(href: str, base: str) -> bool:
    """Whether the document at ``base`` may not name ``href``."""
    limit = _of_base(base)
    if limit is Nearness.LOCAL:
        return False
    degree = nearness(href)
    if settings().allow_private_hosts and degree is not Nearness.LOCAL:
        return False
    return degree > limit


def nearness(href: str) -> Nearness:
    """Of what is opened for ``href``."""
    try:
        plain = plain_href(href)
    except RasteretError:
        return Nearness.PUBLIC  # nothing is opened
    family = family_of(plain)
    if family == "local" or is_chain(plain) or plain.startswith("memory:"):
        return Nearness.LOCAL
    if family in ENDPOINTS:
        return Nearness.PUBLIC  # a bucket's name cannot say on which server it is
    return of_host(_host(plain))


def of_host(host: str) -> Nearness:
    """Of a host by its name or address, in any way of writing that addresses have."""
    name = host.strip("[]").rstrip(".").lower()
    address = _address(name)
    if address is not None:
        if address.is_loopback or address.is_unspecified:
            return Nearness.LOOPBACK
        return Nearness.PUBLIC if address.is_global else Nearness.PRIVATE
    if name == "localhost" or name.endswith(".localhost") or name.startswith("localhost."):
        return Nearness.LOOPBACK
    return Nearness.PRIVATE if "." not in name or name.endswith(PRIVATE_NAMES) else Nearness.PUBLIC


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:  # 127.1, 0x7f000001, 017700000001: what resolvers take, too
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, UnicodeError, ValueError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        return inner or address
    return address


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address inside of ``64:ff9b::/96`` (RFC 6052)."""
    prefix = ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in prefix else None


def _host(href: str) -> str:
    try:
        return urlsplit(href.replace("\\", "/")).hostname or ""
    except ValueError:
        return ""


def _of_base(base: str) -> Nearness:
    """Of a document: as far away as the farthest server that it may have come from."""
    if base.startswith(UNSAFE):
        return Nearness.PUBLIC
    try:
        links = links_of(plain_href(base))
    except RasteretError:
        return Nearness.PUBLIC
    return min((_of_server(link) for link in links if not link.endswith("://")), default=Nearness.PUBLIC)


def _of_server(href: str) -> Nearness:
    family = family_of(href)
    names = ENDPOINTS.get(family)
    if names is None:
        return nearness(href)
    endpoint = _endpoint(family, options_for(href)) or next(filter(None, map(os.environ.get, names)), None)
    if not endpoint:
        return Nearness.PUBLIC
    return of_host(_host(endpoint if "://" in endpoint else f"http://{endpoint}"))


def _endpoint(family: str, options: Options) -> str | None:
    if family == "az":
        text = str(options.get("connection_string") or "")
        parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
        host = options.get("account_host") or parts.get("BlobEndpoint")
    else:
        host = options.get("endpoint_url") or options.get("client_kwargs", {}).get("endpoint_url")
    return None if host is None else str(host)
