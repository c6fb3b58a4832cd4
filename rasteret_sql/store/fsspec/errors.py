"""Exceptions of fsspec's file systems -> this package's; never their text, which may hold signatures."""

from __future__ import annotations

import errno
import re
from typing import Any

from rasteret_sql.errors import AccessError, ArgumentError, NotFoundError, RasteretError, TransportError
from rasteret_sql.settings import settings
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import family_of, scheme_of
from rasteret_sql.store.clouds.s3 import no_credentials
from rasteret_sql.store.content_encoding import COMPRESSIONS, encoded_document
from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.redact import display_href

EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""Family -> the extra of this package that brings its file system."""
TRANSIENT_ERRNOS = {
    errno.EBUSY, errno.EIO, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED,
    errno.EPIPE, errno.EAGAIN, errno.EHOSTUNREACH, errno.ENETUNREACH,
}  # fmt: skip
"""s3fs says EBUSY for 503 and SlowDown, EIO for 500."""
UNREACHABLE_NAMES = ("EndpointConnection", "Connector", "ServiceRequestError")
INTERRUPTED_NAMES = (
    "Timeout", "Connection", "Disconnected", "Payload", "IncompleteRead", "ServiceResponse",
    "ChunkedEncoding",
)  # fmt: skip
"""Parts of the class names of transient faults in botocore, aiohttp, requests, Azure's client and ftplib."""
NO_CREDENTIALS_NAMES = {"ClientAuthenticationError", "CredentialUnavailableError", "DefaultCredentialsError"}
_CODE = re.compile(r"\w{1,64}")


def translate(error: Exception, href: str, request: ByteRange | None) -> RasteretError:
    """The error to raise for ``error``."""
    name = type(error).__name__
    if isinstance(error, RasteretError):
        return error
    if type(error).__module__.startswith("aiohttp") and "content-encoding" in str(error).lower():
        return _undecodable(error, href, request)
    if answer := http_answer(error):
        return failures.status_error(href, request=request, **answer)
    if isinstance(error, ImportError):
        extra = EXTRAS.get(family_of(href))
        what = f"pip install 'rasteret-sql[{extra}]'" if extra else f"pip install what it names: {error}"
        return ArgumentError(
            f"{display_href(href)}: fsspec's file system for {scheme_of(href)!r} is not installed; {what}."
        )
    if isinstance(error, ValueError) and "Content-Range" in str(error) and request is not None:
        return failures.ignored_range(request, None)  # Azure's client looks into it
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return ArgumentError(
            f"{display_href(href)}: neither this package nor fsspec knows the protocol {scheme_of(href)!r}."
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError | KeyError):
        return NotFoundError(f"{display_href(href)}: there is no such file.")
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        bucket = href.partition("://")[2].partition("/")[0]
        return AccessError(f"{display_href(href)}: {no_credentials(bucket)}.")
    if name in NO_CREDENTIALS_NAMES or type(error).__module__.startswith("google.auth"):
        hint = failures.ACCESS_HINTS.get(family_of(href), "check the storage options")
        return AccessError(f"{display_href(href)}: the credentials could not be obtained ({name}); {hint}.")
    if isinstance(error, PermissionError):
        hint = failures.ACCESS_HINTS.get(family_of(href), "check the storage options")
        return AccessError(f"{display_href(href)}: access was refused; {hint}.")
    if isinstance(error, OSError) and error.errno == errno.EINVAL and "range" in str(error).lower():
        return failures.beyond_end(href, request, None)
    return _of_transport(error, name, href)


def _of_transport(error: Exception, name: str, href: str) -> TransportError:
    if any(sign in str(error) for sign in ("Errno 24", "Too many open files")):
        return failures.too_many_files(href)
    if isinstance(error, TimeoutError) or name.endswith(("ReadTimeoutError", "ResponseTimeoutError")):
        return failures.timed_out(href, settings().request_timeout_s)
    if isinstance(error, ConnectionRefusedError) or any(part in name for part in UNREACHABLE_NAMES):
        return failures.unreachable(href, "no such host, or connection refused")
    if isinstance(error, ConnectionError | EOFError) or any(part in name for part in INTERRUPTED_NAMES):
        return failures.interrupted(href)
    if isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS:
        return TransportError(
            f"{display_href(href)}: the server failed, or asks to slow down "
            f"({errno.errorcode[error.errno]}).",
            transient=True,
        )
    return TransportError(f"{display_href(href)}: fsspec could not read it ({name}).")


def _undecodable(error: Exception, href: str, request: ByteRange | None) -> RasteretError:
    """aiohttp unpacks what gcsfs reads, and fails in the middle of a file or without the library for it."""
    named = tuple(name for name in re.findall(r"[\w-]+", str(error).lower()) if name in COMPRESSIONS) or (
        "?",
    )
    if request is not None:
        return failures.encoded_body(request, named[:1])
    return encoded_document(href, named[0])


def http_answer(error: BaseException) -> dict[str, Any] | None:
    """Status, code and Retry-After of the store's answer, where the exception or its cause has kept them."""
    for cause in (error, error.__cause__):
        for reader in (_of_botocore, _of_azure, _of_google, _of_aiohttp):
            if cause is not None and (answer := reader(cause)):
                return answer
    return None


def _answer(status: object, code: object = None, headers: Any = None) -> dict[str, Any] | None:
    if not isinstance(status, int):
        return None
    text = str(getattr(code, "value", code) or "")
    return {
        "status": status,
        "code": text if _CODE.fullmatch(text) and not text.isdecimal() else None,
        "retry_after": headers.get("retry-after") if headers is not None else None,
    }


def _of_botocore(error: BaseException) -> dict[str, Any] | None:
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or "ResponseMetadata" not in response:
        return None
    about = response["ResponseMetadata"]
    return _answer(
        about.get("HTTPStatusCode", 0), response.get("Error", {}).get("Code"), about.get("HTTPHeaders")
    )


def _of_azure(error: BaseException) -> dict[str, Any] | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return _answer(getattr(error, "status_code", None), getattr(error, "error_code", None), headers)


def _of_google(error: BaseException) -> dict[str, Any] | None:
    """gcsfs says the status of 403 and 502 by the kind of exception alone, and keeps no headers."""
    if type(error).__name__ == "ProxyError":
        return _answer(502)
    if type(error) is OSError and str(error).startswith("Forbidden: "):
        return _answer(403)
    if type(error).__module__.startswith("gcsfs"):
        return _answer(getattr(error, "code", None))
    return None


def _of_aiohttp(error: BaseException) -> dict[str, Any] | None:
    if not type(error).__module__.startswith("aiohttp"):
        return None
    return _answer(getattr(error, "status", None), headers=getattr(error, "headers", None))
