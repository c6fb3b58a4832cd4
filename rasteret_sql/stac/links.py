"""Links of STAC documents: which of them are followed, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from rasteret_sql.errors import MalformedError
from rasteret_sql.stac.href import has_scheme, is_unsafe, resolve_href, without_mark
from rasteret_sql.stac.values import short
from rasteret_sql.store.address import family_of, is_chain, scheme_of
from rasteret_sql.store.redact import display_href

Link = Mapping[str, Any]
Origin = tuple[str, str, int | None]

NEARER = "a host that is nearer than its own; the setting allow_private_hosts allows it"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NETWORK = frozenset({"http", "s3", "gs", "az"})
"""Families of stores that lie no nearer to the reader than a web server does."""


def links_of(document: Mapping[str, Any]) -> list[Link]:
    """The links of a document that have a relation."""
    links = document.get("links")
    named = links if isinstance(links, list) else []
    return [link for link in named if isinstance(link, Mapping) and isinstance(link.get("rel"), str)]


def has_rel(link: Link, rel: str) -> bool:
    """Whether the link's relation is ``rel``; relations have no case (RFC 8288 §2.1.1)."""
    return str(link["rel"]).strip().casefold() == rel


def has_href(link: Link) -> bool:
    """Whether the link leads anywhere."""
    href = link.get("href")
    return isinstance(href, str) and href.strip() != ""


def web_href(link: Link, base: str, name: str) -> str:
    """The http(s) address that ``link`` of the document at ``base`` leads to.

    The user and password of ``base`` stay with its own origin. Raises ``MalformedError`` for anything else;
    ``name`` is what the message calls the link.
    """
    if not has_href(link):
        raise MalformedError(f"{name} has no href: found {short(link.get('href'))}")
    href = resolve_href(str(link["href"]).strip(), base)
    if is_unsafe(href) and family_of(named := without_mark(href)) == "http":
        raise MalformedError(f"{name} leads to {short(display_href(named), 200)}, {NEARER}")
    try:
        parts = urlsplit(href)
        valid = parts.scheme.lower() in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise MalformedError(
            f"{name} leads to {short(display_href(without_mark(href)), 200)}: expected an http(s) address, "
            "the only "
            "kind of link that is followed from an API"
        )
    return _with_user_of(base, href) if origin(href) == origin(base) else href


def member_href(link: Link, base: str, name: str) -> str:
    """Where ``link`` of a static document leads; one from the network names nothing nearer than itself.

    Raises ``MalformedError`` for a link of a remote document to a local path or another protocol.
    """
    href = resolve_href(str(link["href"]), base)
    if not is_remote(base) or leads_away(href, base):
        return href
    named = without_mark(href)
    if family_of(named) == "http":
        raise MalformedError(f"{name} leads to {short(display_href(named), 200)}, {NEARER}")
    raise MalformedError(
        f"{name} leads to {short(display_href(named), 200)}: a document from the network can only link to "
        "http(s), s3, gs and az addresses"
    )


def is_remote(href: str) -> bool:
    """Whether a document came over the network."""
    return has_scheme(href) and family_of(href) not in ("local", "memory")


def leads_away(href: str, base: str) -> bool:
    """Whether ``href`` is on the network too: on the web, in an object store, or where ``base`` is."""
    if not has_scheme(href) or is_chain(href):
        return False
    return family_of(href) in _NETWORK or scheme_of(href) == scheme_of(base)


def origin(url: str) -> Origin:
    """Scheme, host and port of an http(s) address (RFC 6454)."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, (parts.hostname or "").rstrip("."), parts.port or _DEFAULT_PORTS.get(scheme)
    except ValueError:
        return "", url, None


def without_secrets(url: str) -> str:
    """An address without user and query: both may hold a key that is not for what is relative to it."""
    plain = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^([^:/]+://)[^/@]*@", r"\1", plain)


def _with_user_of(base: str, href: str) -> str:
    user = urlsplit(base).netloc.rpartition("@")[0]
    parts = urlsplit(href)
    if not user or "@" in parts.netloc:
        return href
    return parts._replace(netloc=f"{quote(user, safe=':%')}@{parts.netloc}").geturl()
