"""Byte ranges through fsspec, for every protocol that it knows: memory, ftp, zip inside of others, s3fs, …"""

from __future__ import annotations

import errno
import threading
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from rasteret_sql.errors import (
    AccessError,
    ArgumentError,
    NotFoundError,
    RasteretError,
    TransportError,
    UnsupportedError,
)
from rasteret_sql.settings import settings
from rasteret_sql.store import failures
from rasteret_sql.store.address import family_of, scheme_of
from rasteret_sql.store.options import Options
from rasteret_sql.store.port import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import place
from rasteret_sql.store.s3_config import NO_S3_CREDENTIALS

FREE_INFO = {"memory"}
"""Protocols whose ``info`` costs no request."""
EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""Family -> the extra of this package that brings its file system."""
TRANSIENT_ERRNOS = {
    errno.EBUSY, errno.EIO, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED,
    errno.EPIPE, errno.EAGAIN, errno.EHOSTUNREACH, errno.ENETUNREACH,
}  # fmt: skip
"""s3fs says EBUSY for 503 and SlowDown, EIO for 500."""
TRANSIENT_NAMES = ("Timeout", "Connection", "Disconnected", "Payload", "IncompleteRead")
"""Parts of the class names of transient faults in botocore, aiohttp and ftplib."""

_making = threading.Lock()


class FsspecReader:
    """Reads through ``cat_file``. fsspec gives bytes alone: no ETag, and a size only where it is free."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def read(self, request: ByteRange) -> Block:
        href = request.href
        try:
            fs, path = open_filesystem(href, self._options)
            data = fs.cat_file(path, start=request.start, end=request.end)
            info = self._info(fs, path)
        except Exception as error:  # every file system has exceptions of its own
            raise translate(error, href, request) from None
        if not data:
            raise failures.beyond_end(href, request, info.size)
        if len(data) > request.length:
            raise UnsupportedError(
                f"{place(href)}: {failures.span(request)} were asked for, but fsspec's file system for it "
                "reads whole files only; copy the file to where ranges can be read."
            )
        return Block(data=data, info=info)

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        try:
            fs, path = open_filesystem(href, self._options)
            data = fs.cat_file(path, start=0, end=max_bytes + 1)
            info = self._info(fs, path)
        except Exception as error:
            raise translate(error, href, None) from None
        if len(data) > max_bytes:
            raise failures.too_large(href, info.size, max_bytes)
        return Block(data=data, info=info)

    @staticmethod
    def _info(fs: fsspec.AbstractFileSystem, path: str) -> ObjectInfo:
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        return ObjectInfo(size=fs.info(path).get("size")) if protocol in FREE_INFO else ObjectInfo()


def open_filesystem(href: str, options: Options) -> tuple[Any, str]:
    """fsspec's file system for ``href`` and the path in it; fsspec keeps one for the same options."""
    words: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    family = family_of(href)
    if family == "s3":
        client = dict(words.pop("client_kwargs", {}))
        if region := words.pop("region", None):
            client.setdefault("region_name", region)
        config = dict(words.pop("config_kwargs", {}))
        config.setdefault("retries", {"total_max_attempts": 1})
        config.setdefault("max_pool_connections", settings().max_concurrency)
        words.update(client_kwargs=client, config_kwargs=config)
    with _making:
        fs, path = url_to_fs(href, **words)
        if family == "s3":
            # Retries are ours alone: the same everywhere, and counted.
            fs.retries = 1
    return fs, path


def translate(error: Exception, href: str, request: ByteRange | None) -> RasteretError:
    """The error to raise for ``error``; its text is left out, as it may hold addresses with signatures."""
    name = type(error).__name__
    if isinstance(error, RasteretError):
        return error
    if told := _http_answer(error):
        return failures.status_error(href, request=request, **told)
    if isinstance(error, ImportError):
        extra = EXTRAS.get(family_of(href))
        what = f"pip install 'rasteret-sql[{extra}]'" if extra else f"pip install what it names: {error}"
        return ArgumentError(
            f"{place(href)}: fsspec's file system for {scheme_of(href)!r} is not installed; {what}."
        )
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return ArgumentError(
            f"{place(href)}: neither this package nor fsspec knows the protocol {scheme_of(href)!r}."
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError | KeyError):
        return NotFoundError(f"{place(href)}: there is no such file.")
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        bucket = href.partition("://")[2].partition("/")[0]
        return AccessError(f"{place(href)}: {NO_S3_CREDENTIALS.replace('BUCKET', bucket)}.")
    if isinstance(error, PermissionError):
        hint = failures.ACCESS_HINTS.get(family_of(href), "check the storage options")
        return AccessError(f"{place(href)}: access was refused; {hint}.")
    if isinstance(error, OSError) and error.errno == errno.EINVAL and "range" in str(error).lower():
        return failures.beyond_end(href, request, None)
    if isinstance(error, TimeoutError):
        return failures.timed_out(href, settings().request_timeout_s)
    if "EndpointConnection" in name or "Connector" in name or isinstance(error, ConnectionRefusedError):
        return failures.unreachable(href, "no such host, or connection refused")
    if isinstance(error, ConnectionError | EOFError) or any(part in name for part in TRANSIENT_NAMES):
        return failures.interrupted(href)
    if isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS:
        return TransportError(
            f"{place(href)}: the server failed, or asks to slow down ({errno.errorcode[error.errno]}).",
            transient=True,
        )
    return TransportError(f"{place(href)}: fsspec could not read it ({name}).")


def _http_answer(error: BaseException) -> dict[str, Any] | None:
    """Status and code of S3's answer, which s3fs keeps in the botocore error behind its own."""
    for cause in (error, error.__cause__):
        response = getattr(cause, "response", None)
        if isinstance(response, dict) and "ResponseMetadata" in response:
            about, code = response["ResponseMetadata"], str(response.get("Error", {}).get("Code", ""))
            return {
                "status": int(about.get("HTTPStatusCode", 0)),
                "code": code if code.isalpha() else None,
                "retry_after": about.get("HTTPHeaders", {}).get("retry-after"),
            }
    return None
