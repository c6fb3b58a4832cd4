"""The one rule for what leaves the process: no password, signature, token or key, in any text."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import lru_cache
from typing import Any

LONGEST_KEY = 12
"""Of a key without a value: a longer one may be a token that ends in '=', as Base64 does."""
_URL = re.compile(
    r"(?P<scheme>(?:/vsi[^:]*/\{?)?[A-Za-z][A-Za-z0-9+.\-]*://)(?P<rest>.*)", re.DOTALL | re.IGNORECASE
)
_LINK = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.\-]*://)")
_PLAIN_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:@]*)(:\d*)?")
_URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"`<>|\\]+")
_USER_IN_TEXT = re.compile(r"(?<=://)[^\s/]*@")
_SECRET_IN_TEXT = re.compile(
    r"\b(x-(?:amz|goog|oss)-[\w-]+|sig|[\w-]*signature|[\w-]*token|[\w-]*passw(?:or)?d|[\w-]*secret[\w-]*"
    r"|api[_-]?key|account_?key|subscription-key|credential)=(?=[^\s=…])[^\s&'\"`;,)<>]+",
    re.IGNORECASE,
)
"""Names that stand for a secret wherever they have a value."""


@lru_cache(maxsize=4096)
def redact(url: str) -> str:
    """``url`` without user and password, without values of its query and without fragment.

    ``https://u:p@host/a.tif?sig=abc&v=2#x`` becomes ``https://host/a.tif?sig=…&v=…``. The keys stay:
    they tell a signed address from a plain one. A local path is returned as it is. Chained addresses
    of fsspec (``zip://a.tif::https://…``) are redacted link by link.
    """
    return redact_text("::".join(_redact_one(link) for link in _LINK.split(url)))


def redact_text(text: str) -> str:
    """``text`` with every address in it redacted, and the values of names such as ``sig=`` and ``token=``.

    What is redacted already stays as it is.
    """
    if "://" in text:
        text = _URL_IN_TEXT.sub(_redact_match, _USER_IN_TEXT.sub("", text))
    return _SECRET_IN_TEXT.sub(r"\1=…", text) if "=" in text else text


def redacted(value: Any) -> Any:
    """A value of texts, lists and mappings with all its texts redacted."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: redacted(member) for key, member in value.items()}
    return [redacted(member) for member in value] if isinstance(value, list) else value


class RedactedRepr:
    """``repr`` of a dataclass whose fields may hold addresses."""

    def __repr__(self) -> str:
        shown: list[str] = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)  # type: ignore[arg-type]
            if one.repr
        ]
        return redact_text(f"{type(self).__name__}({', '.join(shown)})")


def _redact_match(match: re.Match[str]) -> str:
    address = match[0]
    plain = address.rstrip(".,;:!)]}")
    return "::".join(_redact_one(link) for link in _LINK.split(plain)) + address[len(plain) :]


def _redact_one(url: str) -> str:
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
    """The keys of a query; a part without '=', or with nothing else behind it, may be a token."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return "&".join(
        f"{key}=…" if equals and (value.strip("=") or (not value and len(key) <= LONGEST_KEY)) else "…"
        for key, equals, value in parts
    )
