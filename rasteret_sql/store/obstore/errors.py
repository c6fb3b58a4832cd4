"""obstore's exceptions -> this package's. Status and cause stand in their text alone, so the text is read."""

from __future__ import annotations

import re

from rasteret_sql.errors import AccessError, ArgumentError, NotFoundError, RasteretError, TransportError
from rasteret_sql.settings import settings
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import family_of
from rasteret_sql.store.clouds.s3 import no_credentials
from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.redact import display_href, redact

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9\-]{1,40})</Region>")
_VERB = re.compile(r"Error performing ([A-Z]+) (\S+) in ")
_RANGES = re.compile(r"Requested (\d+)\.\.(\d+), got (\d+)\.\.(\d+)")
_BEYOND = re.compile(r"Wanted range starting at \d+, but object was only (\d+) bytes long")
_PROVIDER = re.compile(r"credential provider: (\w+)")
_KIND = re.compile(r"kind: (Timeout|Connect|Interrupted|Request|Decode)\b")
_METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "/latest/api/token")
NOWHERE = "http://127.0.0.1:0"
"""The proxy of every host but a reader's own: nothing can listen on port 0."""
_REDIRECTED = (f"{NOWHERE.removeprefix('http://')},", "BadScheme", "TooManyRedirects")
_CERTIFICATE = ("InvalidCertificate", "UnknownIssuer", "certificate verify", "invalid peer certificate")


class RegionError(TransportError):
    """The bucket lives in another region; ``region`` where the answer said in which."""

    def __init__(self, message: str, *, region: str | None) -> None:
        super().__init__(message, transient=True, retry_after_s=0)
        self.region = region


class ThrottledError(TransportError):
    """429 or 503: the server may have said how long to wait, but obstore does not hand that on."""


class OddAnswerError(TransportError):
    """Headers that obstore does not accept, though HTTP may allow them."""


class RedirectedError(OddAnswerError):
    """To another host, which has not been asked, or nowhere."""


def translate(error: Exception, request: ByteRange) -> RasteretError:
    """The error to raise for ``error``; never holds obstore's text with its addresses."""
    href, text = request.href, str(error)
    head = text.partition("\n\nDebug source:")[0]
    if any(sign in text for sign in _REDIRECTED) and family_of(href) == "http":
        return RedirectedError(f"{display_href(href)}: the server redirects to another host.")
    if any(host in text for host in _METADATA):
        return _no_credentials(href)
    if "BareRedirect" in text or _REGION.search(text):
        region = _REGION.search(text)
        return RegionError(
            f"{display_href(href)}: its bucket is not in the region that was asked; set the storage option "
            "region.",
            region=region[1] if region else None,
        )
    if status := _STATUS.search(head):
        return _of_status(request, int(status[1]), head, text)
    if provider := _PROVIDER.search(head):
        return AccessError(
            f"{display_href(href)}: the credentials could not be obtained ({provider[1]}); "
            f"{failures.ACCESS_HINTS[family_of(href)]}."
        )
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{display_href(href)}: there is no such file.")
    if "RangeNotSupported" in text:
        return failures.ignored_range(request, None)
    if beyond := _BEYOND.search(head):
        return failures.beyond_end(href, request, int(beyond[1]))
    if ranges := _RANGES.search(head):
        return _of_ranges(request, *map(int, ranges.groups()))
    if any(sign in text for sign in _CERTIFICATE):
        return failures.bad_certificate(href)
    if "Too many open files" in text:
        return failures.too_many_files(href)
    if kind := _KIND.search(text):
        return _of_kind(href, kind[1], text)
    if isinstance(error, ValueError) and "parse path" in head:
        return ArgumentError(
            f"{display_href(href)}: this name of an object cannot be read (empty or dotted folder name)."
        )
    if "header" in head.lower():
        return OddAnswerError(f"{display_href(href)}: the answer lacks what a range needs: {_clean(head)}")
    return TransportError(f"{display_href(href)}: {_clean(head)}")


def _of_status(request: ByteRange, status: int, head: str, text: str) -> RasteretError:
    href, verb, code = request.href, _VERB.search(head), _CODE.search(text)
    if verb and verb[1] not in ("GET", "HEAD"):
        return AccessError(
            f"{display_href(href)}: the credentials were refused before the file was asked for "
            f"({redact(verb[2])} answered HTTP {status}); {failures.ACCESS_HINTS[family_of(href)]}."
        )
    error = failures.status_error(href, status, request=request, code=code[1] if code else None)
    if 300 <= status < 400 and family_of(href) == "http":  # to what is not on the web
        return RedirectedError(str(error))
    if status in (429, 503) and family_of(href) == "http":
        return ThrottledError(str(error), transient=True)
    return error


def _of_ranges(request: ByteRange, start: int, end: int, got_start: int, got_end: int) -> RasteretError:
    if got_start == start and got_end < end:
        return failures.short_body(request, got_end - got_start, end - start)
    return failures.wrong_range(request, got_start, got_end)


def _of_kind(href: str, kind: str, text: str) -> TransportError:
    if kind == "Timeout" or "TimedOut" in text:
        return failures.timed_out(href, settings().request_timeout_s)
    if kind == "Connect":
        return failures.unreachable(
            href, "no such host" if "dns error" in text else "connection refused or lost"
        )
    return failures.interrupted(href)


def _no_credentials(href: str) -> AccessError:
    if family_of(href) == "s3":
        bucket = href.partition("://")[2].partition("/")[0]
        return AccessError(f"{display_href(href)}: {no_credentials(bucket)}.")
    return AccessError(
        f"{display_href(href)}: this machine's own identity gives no credentials; "
        f"{failures.ACCESS_HINTS[family_of(href)]}."
    )


def _clean(head: str) -> str:
    """The first line of obstore's text, addresses redacted."""
    return re.sub(r"[a-z]+://\S+", lambda match: redact(match[0]), head.splitlines()[0] if head else "")[:300]
