"""Hrefs that their catalogue signs: what of them is kept, and how they are read in the meantime.

An index keeps the href without its signature, which is over in an hour, and another one at the next search.
The signed href is remembered by this process, as long as it is valid, and read in its place.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from rasteret_sql.cache import Lru
from rasteret_sql.errors import AccessError
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.signing.reader import Signed
from rasteret_sql.store.signing.signed_url import expires_at

MAX_REMEMBERED = 131_072
"""Signed hrefs; the one that was remembered first is forgotten first."""
ADVICE = (
    "its catalogue signs hrefs anew at each search, and an index keeps them without: search again in this "
    "process (refresh_index, which reads no file again, or cog_index), or give its prefix a signer "
    "(register_signer)"
)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way of signing a URL in its query."""

    needs: frozenset[str]
    """Keys, in lower case, of which a query that is signed this way has all."""
    drops: re.Pattern[str]
    """The keys that belong to the signature, in lower case."""


def _scheme(needs: str, drops: str) -> Scheme:
    return Scheme(needs=frozenset(needs.split()), drops=re.compile(drops))


_AZURE = (
    "sig|s[veptri]|ss|srt|st|sip|spr|sdd|scid|ses|sk(oid|tid|t|e|s|v)|s(a|u)oid|s(du|dd)(oid|tid)|"
    "rsc[cdelt]|tn|[se][pr]k"
)
SCHEMES = (
    _scheme("x-amz-signature", r"x-amz-.*|x-id|response-.*"),
    _scheme("x-goog-signature", r"x-goog-.*|response-.*"),
    _scheme("x-oss-signature", r"x-oss-.*|response-.*"),
    _scheme("q-signature", r"q-.*|x-cos-.*|response-.*"),
    _scheme("sig sv", _AZURE),
    _scheme("signature key-pair-id", r"signature|key-pair-id|policy|expires|hash-algorithm"),
    _scheme("signature awsaccesskeyid", r"signature|awsaccesskeyid|expires|x-amz-.*|response-.*"),
    _scheme("signature googleaccessid", r"signature|googleaccessid|expires|response-.*"),
    _scheme("signature ossaccesskeyid", r"signature|ossaccesskeyid|expires|security-token|response-.*"),
    _scheme("signature accesskeyid", r"signature|accesskeyid|expires|x-obs-.*|response-.*"),
    _scheme("signature", r"signature|expires|keyname"),
    _scheme("sig", r"sig|expires|se|exp"),
    *(
        _scheme(key, rf"{re.escape(key)}|expires|exp")
        for key in (
            "token", "access_token", "auth_token", "id_token", "authorization", "jwt", "api_key", "apikey",
            "api-key", "subscription-key", "hdnea", "hdnts", "__token__", "__gda__",
        )
    ),
)  # fmt: skip
"""Amazon, Google, Alibaba, Tencent; Azure's shared access; CloudFront; older ones; keys and tokens alone."""
_HTTP = re.compile(r"(https?://)([^/?#]*@)?([^?#]*)(?:\?([^#]*))?(#.*)?", re.IGNORECASE | re.DOTALL)

_signed = Lru[str, str](lambda: MAX_REMEMBERED)


def unsigned(href: str) -> str:
    """``href`` without user, password and what signs its query; itself where nothing of that is there."""
    match = _HTTP.fullmatch(href) if "?" in href or "@" in href else None
    if match is None:
        return href
    start, _, path, query, fragment = match.groups()
    parts = query.split("&") if query else []
    keys = [part.partition("=")[0].lower() for part in parts]
    for scheme in SCHEMES:
        if scheme.needs.issubset(keys):
            kept = [
                (key, part) for key, part in zip(keys, parts, strict=True) if not scheme.drops.fullmatch(key)
            ]
            keys, parts = [key for key, _ in kept], [part for _, part in kept]
    return f"{start}{path}{'?' if parts else ''}{'&'.join(parts)}{fragment or ''}"


def remember(href: str) -> str:
    """What an index keeps of ``href``; where that is less, ``href`` is remembered for reading it."""
    bare = unsigned(href)
    if bare != href:
        _signed.put(bare, href)
    return bare


class PresignedSigner:
    """Gives the hrefs that were remembered."""

    advice = ADVICE

    def sign(self, href: str) -> Signed:
        signed = _signed.get(href) or href
        end = expires_at(signed)
        if end is not None and end <= time.time():
            raise AccessError(f"{display_href(href)}: the signature of this href has expired; {ADVICE}.")
        return Signed(href=signed)

    def refused(self, href: str, signed: Signed) -> bool:
        return False

    def forget(self) -> None:
        _signed.clear()


SIGNER = PresignedSigner()


def presigned(href: str) -> PresignedSigner | None:
    """What reads ``href`` where a signed form of it is remembered."""
    return SIGNER if href in _signed else None
