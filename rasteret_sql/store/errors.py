"""What went wrong with one request, said the same way whichever transport met it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rasteret_sql.errors import (
    AccessError,
    LimitError,
    MalformedError,
    NotFoundError,
    RasteretError,
    TransportError,
    UnsupportedError,
)
from rasteret_sql.store.address import family_of
from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.redact import display_href

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]
from rasteret_sql.store.clouds.requester_pays import payer_advice_of

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529})
ACCESS_CODES = frozenset(
    {
        "AuthenticationFailed",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "PublicAccessNotPermitted",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Error codes of S3 and Azure that come with various statuses and all mean the credentials."""

WHOLE_OBJECT_MAX = 1 << 20
"""Bytes worth reading from a server that ignores ranges."""

ACCESS_HINTS = {
    "s3": "check the storage options (key, secret, token, profile, or anon for a public bucket; "
    "requester_pays where the reader is billed)",
    "gs": "check the storage option token, or GOOGLE_APPLICATION_CREDENTIALS",
    "az": "check the storage options (account_key, sas_token, connection_string); signatures expire",
    "http": "a signed URL may have expired, and an index keeps hrefs without signatures: search again "
    "(cog_index, refresh_index), or register_signer; other servers want the storage option bearer_token or "
    "headers",
}


ELSEWHERE_HINT = (
    "The item may name the same file elsewhere, in its alternate assets: cog_index and stac_search take "
    "alternate := 's3', and register_catalog a rule for such hrefs."
)

AZURE_BLOB_HINT = (
    "a signature in the URL may have expired; a container of the Planetary Computer without a signer takes "
    "rasteret_sql.register_signer(its URL, 'planetary-computer')"
)


class RangeRefusedError(TransportError):
    """A server does not like a range, perhaps because it reaches beyond the end of the file."""


def status_error(
    href: str,
    status: int,
    *,
    request: ByteRange | None = None,
    code: str | None = None,
    retry_after: str | None = None,
    size: int | None = None,
) -> RasteretError:
    """The error for an HTTP status; ``code`` is the store's own word for it, if it had one."""
    status_text = f"HTTP {status}" + (f", {code}" if code else "")
    if status == 416 or code == "InvalidRange":
        return beyond_end(href, request, size)
    if status in (404, 410):
        return NotFoundError(f"{display_href(href)}: there is no such file ({status_text}).")
    if status in (401, 403, 407) or code in ACCESS_CODES:
        return AccessError(f"{display_href(href)}: access was refused ({status_text}); {access_hint(href)}.")
    if status == 400 and code == "InvalidArgument":
        what = span(request) if request else "its bytes"
        return RangeRefusedError(
            f"{display_href(href)}: {what} were asked for, but the server refuses that ({status_text})."
        )
    if status in TRANSIENT_STATUSES:
        wait = retry_after_seconds(retry_after)
        what = "the server asks to slow down" if status in (429, 503) else "the server failed"
        asked = f" and to wait {wait:g} s" if wait and status in (429, 503) else ""
        return TransportError(
            f"{display_href(href)}: {what}{asked} ({status_text}).", transient=True, retry_after_s=wait
        )
    return TransportError(
        f"{display_href(href)}: the server answered {status_text}; expected 206 with the bytes asked for."
    )


class BeyondEndError(MalformedError):
    """A range begins where the file has ended; ``size`` where the server said how long it is."""

    def __init__(self, message: str, *, size: int | None) -> None:
        super().__init__(message)
        self.size = size


def access_hint(href: str) -> str:
    """What to do when ``href`` may not be read."""
    family = family_of(href)
    if family == "http" and ".blob.core.windows.net/" in href:
        return AZURE_BLOB_HINT
    advice = payer_advice_of(href) if family == "s3" else None
    return advice or ACCESS_HINTS.get(family, "check its credentials")


def beyond_end(href: str, request: ByteRange | None, size: int | None) -> BeyondEndError:
    """A range that begins where the file has ended."""
    has = f"the file has {size:,} bytes" if size is not None else "the file ends before that"
    if request is None:
        return BeyondEndError(
            f"{display_href(href)}: the server has no bytes for this request; {has}.", size=size
        )
    return BeyondEndError(f"{display_href(href)}: {span(request)} were asked for, but {has}.", size=size)


def too_large(href: str, size: int | None, max_bytes: int) -> LimitError:
    """A whole file was wanted, and it is too long for that."""
    has = f"has {size:,} bytes" if size is not None else f"goes on after {max_bytes:,} bytes"
    return LimitError(f"{display_href(href)} {has}; at most {max_bytes:,} bytes are read as one document.")


def short_body(request: ByteRange, got: int, expected: int) -> TransportError:
    """An answer cut off on its way."""
    return TransportError(
        f"{display_href(request.href)}: the answer for {span(request)} was cut short: "
        f"{got:,} of {expected:,} bytes came.",
        transient=True,
    )


def wrong_range(request: ByteRange, start: int, end: int) -> MalformedError:
    """The server answered another range than the one asked for."""
    return MalformedError(
        f"{display_href(request.href)}: {span(request)} were asked for, but the server sent bytes "
        f"{start:,} to {end - 1:,}."
    )


class IgnoredRangeError(TransportError):
    """A range was requested, and the whole file came: of a server that does ranges a slip, which passes."""


def ignored_range(request: ByteRange, size: int | None) -> IgnoredRangeError:
    """The whole file came, too long to take the bytes out of it."""
    whole = f"the whole file ({size:,} bytes)" if size is not None else "the whole file"
    return IgnoredRangeError(
        f"{display_href(request.href)}: {span(request)} were asked for, but the server does not do byte "
        "ranges "
        f"and sends {whole}; download it, or serve it from a store with range requests.",
        transient=True,
    )


def web_page(request: ByteRange) -> AccessError:
    """Somebody who has to sign in gets a page that says so, with status 200."""
    return AccessError(
        f"{display_href(request.href)}: {span(request)} were asked for, but the server sent a web page "
        "(text/html), "
        f"perhaps to sign in. {ELSEWHERE_HINT} Otherwise: {access_hint(request.href)}."
    )


def encoded_body(request: ByteRange, encodings: Sequence[str]) -> UnsupportedError:
    """The stored bytes are wrapped in a compression of HTTP's."""
    return UnsupportedError(
        f"{display_href(request.href)}: the server sends it with Content-Encoding "
        f"{', '.join(encodings)!r}, so byte "
        "ranges do not address the file's own bytes; store it without that encoding."
    )


def timed_out(href: str, seconds: float) -> TransportError:
    """No byte came for as long as the settings allow."""
    return TransportError(
        f"{display_href(href)}: no answer within {seconds:g} s (setting request_timeout_s).", transient=True
    )


def unreachable(href: str, why: str) -> TransportError:
    """No connection: the name does not resolve, nobody listens, or the way there is cut."""
    return TransportError(f"{display_href(href)}: cannot connect to its server ({why}).", transient=True)


OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


def too_many_files(href: str) -> TransportError:
    """This process may open nothing more; with fewer requests in flight it may."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if resource else "unknown"
    return TransportError(
        f"{display_href(href)}: too many open files: this process may have {limit} of them (ulimit -n). "
        "Raise that "
        "limit, or lower the setting max_concurrency.",
        transient=True,
    )


def interrupted(href: str) -> TransportError:
    """The connection broke in the middle."""
    return TransportError(
        f"{display_href(href)}: the connection broke before the whole answer was there.", transient=True
    )


def bad_certificate(href: str) -> TransportError:
    """TLS could not verify the server."""
    return TransportError(
        f"{display_href(href)}: the certificate of its server is not trusted; "
        "expected one signed by a known authority."
    )


def span(request: ByteRange) -> str:
    """``bytes 0 to 99``."""
    return f"bytes {request.start:,} to {request.end - 1:,}"


def retry_after_seconds(value: str | None) -> float | None:
    """``Retry-After`` (RFC 9110, 10.2.3), a number of seconds or a date, as seconds from now."""
    if value is None:
        return None
    if value.strip().isdecimal() and len(value) < 10:
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date - datetime.now(UTC)).total_seconds()) if date.tzinfo else None
