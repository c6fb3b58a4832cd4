"""Byte ranges through obstore: S3, Google, Azure and plain HTTP, on kept connections, without its retries."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

from rasteret_sql.errors import ArgumentError, MalformedError
from rasteret_sql.settings import Settings
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import Address, parse_address
from rasteret_sql.store.clouds.azure import az_config
from rasteret_sql.store.clouds.config import CloudConfig, http_headers
from rasteret_sql.store.clouds.google import gs_config
from rasteret_sql.store.clouds.s3 import s3_config
from rasteret_sql.store.content_encoding import compressions, unpacked
from rasteret_sql.store.errors import RangeRefusedError
from rasteret_sql.store.etag import etag_or_none
from rasteret_sql.store.known_sizes import KnownEnds
from rasteret_sql.store.obstore.errors import NOWHERE, RegionError, translate
from rasteret_sql.store.options import Options
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import display_href

LONGEST_REQUEST = 20
"""No request may take more than this many times ``request_timeout_s``, however steadily its bytes drip."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAILURES = (BaseError, FileNotFoundError, PermissionError, ValueError, NotImplementedError)
"""What obstore raises for one request."""

started = False
"""Whether obstore's own threads run in this process; they do not survive a fork."""

FindRegion = Callable[[str, str | None], str | None]
Store = S3Store | GCSStore | AzureStore | HTTPStore


class ObstoreReader:
    """Reads the objects of one bucket, container or HTTP origin.

    The store is made by the first read, so that what is wrong with its options is the error of that read.
    ``find_region(bucket, endpoint)`` is asked where an S3 bucket lives when the configured region was wrong;
    the read then fails as transient, to be tried again at once.
    """

    def __init__(
        self, address: Address, options: Options, limits: Settings, *, find_region: FindRegion | None = None
    ) -> None:
        self._family = address.family
        self._root = address.root
        self._options = options
        self._limits = limits
        self._find_region = find_region
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._ends = KnownEnds()

    def prepare(self) -> None:
        """Make the client: its certificates take 10 ms."""
        self._opened()

    def read(self, request: ByteRange) -> Block:
        key = _object_key(parse_address(request.href))
        store = self._opened()
        try:
            answer = obstore.get(store, key, options={"range": (request.start, self._ends.end(request))})
            meta, encoding = answer.meta, answer.attributes.get("Content-Encoding")
            expected = max(0, min(request.length, meta["size"] - request.start))
            data, received = _body(answer, expected)
        except FAILURES as error:
            raise self._translated(error, request, store) from None
        if encoding and (encodings := compressions(encoding)):
            raise failures.encoded_body(request, encodings)
        if received > expected:
            raise MalformedError(
                f"{display_href(request.href)}: the server sent more than the {expected:,} bytes that it "
                "announced."
            )
        if received < expected:
            raise failures.short_body(request, received, expected)
        return Block(data=data, info=_info(meta))

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        whole = ByteRange(href=href, start=0, length=max_bytes)
        store = self._opened()
        try:
            answer = obstore.get(store, _object_key(parse_address(href)))
            meta, encoding = answer.meta, answer.attributes.get("Content-Encoding")
            data = memoryview(answer.bytes()) if meta["size"] <= max_bytes else None
        except FAILURES as error:
            raise self._translated(error, whole, store) from None
        if data is None:
            raise failures.too_large(href, meta["size"], max_bytes)
        return Block(data=unpacked(data, encoding, href, max_bytes=max_bytes), info=_info(meta))

    def _opened(self) -> Store:
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._store = self._make()
        return self._store

    def _make(self, region: str | None = None) -> Store:
        global started
        started = True
        base = self._root.partition("://")[2].partition("@")[0]
        client: dict[str, Any] = {
            "timeout": timedelta(seconds=self._limits.request_timeout_s * LONGEST_REQUEST),
            "read_timeout": timedelta(seconds=self._limits.request_timeout_s),
            "connect_timeout": timedelta(seconds=self._limits.connect_timeout_s),
        }
        # Retries are ours alone: the same everywhere, counted, and with Retry-After.
        common: dict[str, Any] = {
            "client_options": client,
            "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        }
        if self._family == "http":
            headers = http_headers(self._options)
            client.update(allow_http=True, **({"default_headers": headers} if headers else {}))
            if _is_loopback(_host(self._root)) and self._root.startswith("http:"):
                # reading the certificates of all authorities takes 4 ms with Python's lock held; between two
                # programs of one machine without TLS there is nothing to verify
                client.update(allow_invalid_certificates=True)
            # obstore follows redirects: to another host this leads nowhere, before anything is sent
            client.update(proxy_url=NOWHERE, proxy_excludes=_host(self._root))
            try:
                return HTTPStore.from_url(self._root, **common)
            except FAILURES as error:
                raise ArgumentError(
                    f"{display_href(self._root)} is not a URL: {_first_line(error)}"
                ) from None
        kind, configure = _CLOUDS[self._family]
        found = configure(self._root.partition("://")[2], self._options)
        client.update(
            allow_http=found.allow_http, **({"default_headers": found.headers} if found.headers else {})
        )
        config = {**found.config, **({"region": region} if region else {})}
        if found.credentials is not None:
            common["credential_provider"] = found.credentials
        try:
            store: Store = kind(base, config=config, **common)
        except FAILURES as error:
            raise ArgumentError(
                f"The storage options of {display_href(self._root)} make no usable client: "
                f"{_first_line(error)}"
            ) from None
        return store

    def _translated(self, error: Exception, request: ByteRange, store: Store) -> Exception:
        translated = translate(error, request)
        if isinstance(translated, RegionError) and isinstance(store, S3Store):
            region = translated.region
            if region is None and self._find_region is not None:
                endpoint = store.config.get("endpoint")
                region = self._find_region(
                    self._root.partition("://")[2], str(endpoint) if endpoint else None
                )
            if region is None or region == store.config.get("region"):
                translated.transient = False
            else:
                with self._lock:
                    self._store = self._make(region)
        if isinstance(translated, RangeRefusedError):
            key = _object_key(parse_address(request.href))
            return self._ends.learn(translated, request, lambda: obstore.head(store, key)["size"])
        return translated


def _body(answer: Any, expected: int) -> tuple[memoryview, int]:
    """The body in one piece, and how long it is: a server that sends more than announced is not followed."""
    chunks = iter(answer.stream(min_chunk_size=expected))
    data = memoryview(next(chunks, b""))
    return data, data.nbytes + sum(len(more) for more in islice(chunks, 1))


_CLOUDS: dict[str, tuple[Any, Callable[[str, Options], CloudConfig]]] = {
    "s3": (S3Store, s3_config),
    "gs": (GCSStore, gs_config),
    "az": (AzureStore, az_config),
}


def _object_key(address: Address) -> str:
    return address.key.lstrip("/") if address.family == "http" else address.key


def _info(meta: Mapping[str, Any]) -> ObjectInfo:
    changed = meta["last_modified"]
    # obstore says 1970 for an answer without Last-Modified.
    return ObjectInfo(
        size=meta["size"],
        etag=etag_or_none(meta["e_tag"]),
        last_modified=None if changed == EPOCH else changed,
    )


def _host(root: str) -> str:
    """The host of ``https://host:port`` as obstore looks for it: an address without brackets, in full."""
    host = urlsplit(root).hostname or ""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))  # 127.1
    except (OSError, UnicodeError):
        return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
