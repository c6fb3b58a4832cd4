"""Hrefs as STAC uses them: absolute or relative to the document that holds them (RFC 3986 §5)."""

from __future__ import annotations

import posixpath
import re

from rasteret_sql.errors import RasteretError
from rasteret_sql.store.address import UNSAFE, is_chain, plain_href
from rasteret_sql.store.nearness import kept_off

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least, so that C:\ is a path

_OPENED = re.compile(r"^(?:(?:file|local|memory):|[A-Za-z][A-Za-z0-9+.-]+::?//|[a-z0-9]+::)", re.IGNORECASE)


def has_scheme(href: str) -> bool:
    """Whether ``href`` is a URL rather than a path."""
    return _SCHEME.match(href) is not None


def is_absolute(href: str) -> bool:
    """Whether ``href`` stands for itself: a URL, or an absolute path (POSIX or Windows)."""
    return has_scheme(href) or href.startswith("/") or re.match(r"^[A-Za-z]:[\\/]", href) is not None


def is_unsafe(href: str) -> bool:
    """Whether a document named it though it may not."""
    return href.startswith(UNSAFE)


def without_mark(href: str) -> str:
    """What a document names, be it allowed to or not."""
    return href.removeprefix(UNSAFE)


def resolve_href(href: str, base: str | None) -> str:
    """``href`` as seen from the document at ``base``.

    Every scheme joins alike (``https``, ``s3``, ``memory``, a local path), where the standard library joins
    only those it knows. The query of ``base`` is dropped: it may hold a signature that is not for ``href``.
    Without a base a relative href stays as it is. What is nearer than ``base`` comes with ``unsafe:`` before
    it, as ``nearness`` has it.
    """
    href = _plain(href)
    if not base:
        return href
    base = _plain(base)
    if has_scheme(href) or (is_absolute(href) and not href.startswith("/")):
        # urn:… and data:… name nothing that is opened
        is_uri = has_scheme(href) and not _OPENED.match(href) and not is_chain(href)
        return href if is_uri else kept_off(href, base)
    root, path_of_base = _split(base)
    folder = posixpath.dirname(path_of_base)
    if href.startswith("//"):
        return kept_off(f"{root.partition('//')[0]}{href}", base) if root else href
    if href.startswith("/"):
        return root + href
    path, separator, tail = href, "", ""
    if root:  # in a local path ? and # are letters like any other
        path, separator, tail = re.match(r"^([^?#]*)([?#]?)(.*)$", href, re.DOTALL).groups()  # type: ignore[union-attr]
    joined = posixpath.normpath(posixpath.join(folder, path)) if path else path_of_base
    if root:
        joined = re.sub(r"^/(\.\./)+", "/", joined if joined.startswith("/") else "/" + joined)
    if path.endswith("/") and not joined.endswith("/"):
        joined += "/"
    return f"{root}{joined}{separator}{tail}"


def _plain(href: str) -> str:
    """As the store would take it; a path of GDAL's that it refuses stays, for the read to say so."""
    try:
        return plain_href(href)
    except RasteretError:
        return href.strip()


def _split(base: str) -> tuple[str, str]:
    """``base`` as ``scheme://authority`` (empty for a path) and the path in it."""
    if not has_scheme(base):
        return "", base.replace("\\", "/") if re.match(r"^[A-Za-z]:\\", base) else base
    scheme, _, rest = base.partition("://")
    authority, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority}", "/" + path
