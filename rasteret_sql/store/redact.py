"""Addresses without their secrets, for messages and logs."""

from __future__ import annotations

import re
from functools import lru_cache

from rasteret_sql.store.gdal_path import shown

LONGEST_PLACE = 300
_URL = re.compile(
    r"(?P<scheme>(?:/vsi[^:]*/\{?)?[A-Za-z][A-Za-z0-9+.\-]*://)(?P<rest>.*)", re.DOTALL | re.IGNORECASE
)
_LINK = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.\-]*://)")
_PLAIN_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:@]*)(:\d*)?")


@lru_cache(maxsize=4096)
def redact(url: str) -> str:
    """``url`` without user and password, without values of its query and without fragment.

    ``https://u:p@host/a.tif?sig=abc&v=2#x`` becomes ``https://host/a.tif?sig=…&v=…``. The keys stay:
    they tell a signed address from a plain one. A local path is returned as it is. Chained addresses
    of fsspec (``zip://a.tif::https://…``) are redacted link by link.
    """
    return "::".join(_redact_one(link) for link in _LINK.split(url))


def place(href: str) -> str:
    """How a message names a file: redacted, and cut in the middle where it is endless."""
    text = redact(href)
    if len(text) > LONGEST_PLACE:
        half = LONGEST_PLACE // 2
        text = f"{text[:half]}…{text[-half:]}"
    return text


def _redact_one(url: str) -> str:
    if url[:1].isspace() or url[:4].lower() == "/vsi":
        url = shown(url.strip())
    match = _URL.fullmatch(url)
    if match is None:
        return url
    path, question, query = match["rest"].split("#", 1)[0].partition("?")
    authority, slash, below = path.partition("/")
    if not _PLAIN_AUTHORITY.fullmatch(authority):
        # A password may hold a bare '/': then the '@' that ends it comes later than the authority seems to.
        authority, slash, below = path.rpartition("@")[2].partition("/")
    return match["scheme"] + authority + slash + below + (question and "?" + _keys(query))


def _keys(query: str) -> str:
    """The keys of a query; a part without '=' may itself be a token, so it goes too."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{key}=…" if equals else "…" for key, equals, _ in parts)
