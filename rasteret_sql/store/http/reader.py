"""Byte ranges over HTTP through aiohttp, on fsspec's event loop: for addresses to be sent exactly as given.

Signed URLs, odd escapes, servers without ranges and servers that ask to wait come here; obstore is
three times as fast, but encodes paths itself, drops queries and hides the headers of a refusal.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import ssl
import threading
import weakref
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from fsspec.asyn import get_loop
from yarl import URL

from rasteret_sql.errors import ArgumentError, MalformedError, RasteretError
from rasteret_sql.forks import in_forked_child
from rasteret_sql.settings import Settings
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import Address, parse_address
from rasteret_sql.store.clouds.config import http_headers
from rasteret_sql.store.content_encoding import compressions, unpacked
from rasteret_sql.store.etag import etag_or_none
from rasteret_sql.store.http import redirects
from rasteret_sql.store.http.proxies import proxy_of
from rasteret_sql.store.options import Options
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import display_href

LONGEST_REQUEST = 20
"""As in ``obstore.reader``: times ``request_timeout_s``."""
NO_HEADERS: Mapping[str, str] = {}
ERROR_BODY = 4096
"""Bytes of a refusal that are read for the store's own word for it."""
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d+)-(\d+)/(\d+|\*)\s*")
_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")
_OPEN: weakref.WeakSet[aiohttp.ClientSession] = weakref.WeakSet()

T = TypeVar("T")


class HttpReader:
    """Reads the files of one HTTP origin."""

    def __init__(self, address: Address, options: Options, limits: Settings) -> None:
        self._headers = http_headers(options)
        self._limits = limits
        self._timeout = aiohttp.ClientTimeout(
            total=limits.request_timeout_s * LONGEST_REQUEST,
            sock_connect=limits.connect_timeout_s,
            sock_read=limits.request_timeout_s,
        )
        self._lock = threading.Lock()
        self._session: aiohttp.ClientSession | None = None

    def read(self, request: ByteRange, *, headers: Mapping[str, str] = NO_HEADERS) -> Block:
        return self._run(request.href, self._read(request, headers))

    def read_all(self, href: str, *, max_bytes: int, headers: Mapping[str, str] = NO_HEADERS) -> Block:
        data, info, encoding, url = self._run(href, self._read_all(href, max_bytes, headers))
        unpacked_data = unpacked(data, encoding, href, max_bytes=max_bytes)
        return Block(data=unpacked_data, info=info, redirected_to=None if url == _url(href) else str(url))

    def headers_of(self, href: str) -> dict[str, str]:
        """Headers of the answer to HEAD, keys in lower case, whatever its status; no redirect is followed."""

        async def head() -> dict[str, str]:
            url = _url(href)
            async with (await self._opened()).head(
                url, allow_redirects=False, proxy=proxy_of(str(url.origin()))
            ) as answer:
                return {key.lower(): value for key, value in answer.headers.items()}

        return self._run(href, head())

    def _run(self, href: str, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, get_loop()).result()
        except RasteretError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Their texts hold the address with its signature, so they are not chained.
            raise _translate(href, error, self._limits) from None

    async def _opened(self) -> aiohttp.ClientSession:
        with self._lock:
            if self._session is None or self._session.closed:
                self._session = aiohttp.ClientSession(
                    headers={"Accept-Encoding": "identity"},
                    connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                    timeout=self._timeout,
                    auto_decompress=False,
                    requote_redirect_url=False,
                    read_bufsize=1 << 20,
                )
                _OPEN.add(self._session)
            return self._session

    async def _get(
        self, href: str, wanted: Mapping[str, str], headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        own = {**self._headers, **headers}
        return redirects.get(await self._opened(), _url(href), own=own, wanted=wanted, href=href)

    async def _read(self, request: ByteRange, headers: Mapping[str, str]) -> Block:
        wanted = {"Range": f"bytes={request.start}-{request.end - 1}"}
        async with await self._get(request.href, wanted, headers) as answer:
            if answer.status == 206:
                return await _partial(request, answer)
            if answer.status == 200:
                return await _part_of_whole(request, answer)
            raise await _refusal(request.href, request, answer)

    async def _read_all(
        self, href: str, max_bytes: int, headers: Mapping[str, str]
    ) -> tuple[memoryview, ObjectInfo, str, URL]:
        async with await self._get(href, {}, headers) as answer:
            if answer.status != 200:
                raise await _refusal(href, None, answer)
            size = answer.content_length
            if size is not None and size > max_bytes:
                raise failures.too_large(href, size, max_bytes)
            data = await _take(answer, max_bytes + 1)
            if len(data) > max_bytes:
                raise failures.too_large(href, None, max_bytes)
            return memoryview(data), _info(answer, len(data)), _encoding(answer), answer.url


async def _partial(request: ByteRange, answer: aiohttp.ClientResponse) -> Block:
    """The body of a 206, checked against what its headers announce (RFC 9110, 15.3.7)."""
    content_range = answer.headers.get("Content-Range")
    match = _CONTENT_RANGE.fullmatch(content_range or "")
    if match is None:
        raise MalformedError(
            f"{display_href(request.href)}: {failures.span(request)} were asked for, but the answer does "
            "not say "
            f"which bytes it holds (Content-Range: {(content_range or 'none')[:80]})."
        )
    start, end = int(match[1]), int(match[2]) + 1
    size = None if match[3] == "*" else int(match[3])
    if start != request.start or end > request.end:
        raise failures.wrong_range(request, start, end)
    _check_encoding(request, answer)
    data = await _take(answer, end - start + 1)
    if len(data) > end - start:
        raise MalformedError(
            f"{display_href(request.href)}: the server sent more than the {end - start:,} bytes that it "
            "announced."
        )
    expected = end - start if size is None else min(request.length, size - start)
    if len(data) < expected:
        raise failures.short_body(request, len(data), expected)
    return Block(data=memoryview(data), info=_info(answer, size))


async def _part_of_whole(request: ByteRange, answer: aiohttp.ClientResponse) -> Block:
    """The wanted bytes of a 200 that holds the whole file, where reading so far is cheap."""
    size = answer.content_length
    end = request.end if size is None else min(request.end, size)
    if end > failures.WHOLE_OBJECT_MAX:
        raise failures.ignored_range(request, size)
    _check_encoding(request, answer)
    data = await _take(answer, end)
    if answer.content_type == "text/html" and data.lstrip().startswith(b"<"):
        raise failures.web_page(request)
    if len(data) <= request.start:
        raise failures.beyond_end(request.href, request, len(data))
    if size is not None and len(data) < end:
        raise failures.short_body(request, len(data) - request.start, end - request.start)
    return Block(data=memoryview(data)[request.start :], info=_info(answer, size))


async def _take(answer: aiohttp.ClientResponse, most: int) -> bytearray:
    """At most ``most`` bytes of the body; what lies behind them is not read."""
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk[: most - len(data)] if len(data) + len(chunk) > most else chunk
        if len(data) >= most:
            break
    return data


async def _refusal(href: str, request: ByteRange | None, answer: aiohttp.ClientResponse) -> RasteretError:
    body = bytes(await _take(answer, ERROR_BODY))
    code, size = _CODE.search(body), re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
    return failures.status_error(
        href,
        answer.status,
        request=request,
        code=code[1].decode() if code else None,
        retry_after=answer.headers.get("Retry-After"),
        size=int(size[1]) if size else None,
    )


def _check_encoding(request: ByteRange, answer: aiohttp.ClientResponse) -> None:
    if encodings := compressions(_encoding(answer)):
        raise failures.encoded_body(request, encodings)


def _encoding(answer: aiohttp.ClientResponse) -> str:
    return ", ".join(answer.headers.getall("Content-Encoding", ()))


def _info(answer: aiohttp.ClientResponse, size: int | None) -> ObjectInfo:
    return ObjectInfo(
        size=size,
        etag=etag_or_none(answer.headers.get("ETag")),
        last_modified=_date(answer.headers.get("Last-Modified")),
    )


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _url(href: str) -> URL:
    """The address as given; only what may not stand in a URL (spaces, other alphabets) is escaped."""
    address = parse_address(href)
    exact = quote(address.root + address.key, safe="%/:=&?~#+!$,;'@()*[]|")
    try:
        return URL(exact, encoded=True)
    except ValueError as error:
        raise ArgumentError(f"{display_href(href)} is not a URL.") from error


def _translate(href: str, error: Exception, limits: Settings) -> RasteretError:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, OSError) and cause.errno in failures.OUT_OF_DESCRIPTORS:
        return failures.too_many_files(href)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return failures.unreachable(href, f"no connection within {limits.connect_timeout_s:g} s")
    if isinstance(error, TimeoutError):
        return failures.timed_out(href, limits.request_timeout_s)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return failures.bad_certificate(href)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return failures.unreachable(href, "no such host")
    if isinstance(error, aiohttp.ClientConnectorError):
        return failures.unreachable(href, "connection refused or lost")
    return failures.interrupted(href)


async def _close(session: aiohttp.ClientSession) -> None:
    await session.close()


def _close_all() -> None:
    """At exit: a session left open would say so on stderr."""
    for session in list(_OPEN):
        try:
            asyncio.run_coroutine_threadsafe(_close(session), get_loop()).result(1)
        except Exception:  # whatever it is, the process is ending
            return


atexit.register(_close_all)
in_forked_child(_OPEN.clear)
