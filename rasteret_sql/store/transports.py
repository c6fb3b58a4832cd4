"""The transports of hrefs: which one reads an href, and one reader (so one pool of connections) a root."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Protocol, runtime_checkable

from rasteret_sql.errors import TransportError
from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.settings import Settings, settings
from rasteret_sql.store import request_log
from rasteret_sql.store.address import Address, parse_address
from rasteret_sql.store.clouds.config import http_headers
from rasteret_sql.store.errors import IgnoredRangeError
from rasteret_sql.store.http.proxies import proxy_of
from rasteret_sql.store.obstore.errors import OddAnswerError, RedirectedError, ThrottledError
from rasteret_sql.store.options import Options, options_for
from rasteret_sql.store.protocol import Block, ByteRange, SignedReader

_PLAIN_TARGET = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.\-~+=,@:!$&'()*;]+)+")
"""HTTP paths that obstore sends exactly as they are given."""

SAFE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "user-agent", "accept-language"})
"""Headers that obstore may have: when a redirect leads to another port of its host it drops the first three,
and takes every other along."""

ODD_FILES = 8
"""Files that obstore could not read before it is no longer tried for their origin."""


class Reader(Protocol):
    """A ``RangeReader`` that reads whole small objects too."""

    def read(self, request: ByteRange) -> Block: ...

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        """The whole object in one request; ``LimitError`` when it is longer than ``max_bytes``."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A reader whose first read is quicker after ``prepare``, which makes no request."""

    def prepare(self) -> None: ...


class _HttpOrigin:
    """One HTTP origin: obstore for what it can do exactly, aiohttp for the rest.

    A file whose range was ignored, or answered oddly, is read by aiohttp from then on; the read that found
    out fails as transient, to be tried again at once. So is every file of an origin that throttles, or
    that has ``ODD_FILES`` of those. Redirects to another host are followed by aiohttp alone, whose rule
    (``http/redirects.py``) says which may be.
    """

    def __init__(self, address: Address, options: Options, limits: Settings) -> None:
        from rasteret_sql.store.obstore.reader import ObstoreReader

        self._fast = ObstoreReader(address, options, limits)
        self._arguments = (address, options, limits)
        self._exact_only = (
            "@" in address.root
            or not SAFE_HEADERS.issuperset(name.lower() for name in http_headers(options))
            or proxy_of(address.root) is not None  # which obstore cannot have beside NOWHERE
        )
        self._odd: set[str] = set()

    def read(self, request: ByteRange) -> Block:
        exact = self._exact_only or request.href in self._odd
        if exact or not _PLAIN_TARGET.fullmatch(parse_address(request.href).key):
            return self._exact().read(request)
        try:
            return self._fast.read(request)
        except ThrottledError:
            self._exact_only = True
            raise
        except RedirectedError:
            self._remember(request.href)
            return self._exact().read(request)
        except (IgnoredRangeError, OddAnswerError) as error:
            self._remember(request.href)
            raise TransportError(str(error), transient=True, retry_after_s=0) from None

    def _remember(self, href: str) -> None:
        self._odd.add(href)
        self._exact_only |= len(self._odd) >= ODD_FILES

    def prepare(self) -> None:
        if not self._exact_only:
            self._fast.prepare()

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        return self._exact().read_all(href, max_bytes=max_bytes)

    def _exact(self) -> Reader:
        # aiohttp takes 0.2 s to import, which most processes never need.
        return _reader("aiohttp", *self._arguments)


_lock = fork_safe_lock()
_readers: dict[tuple[str, str, str, str, Settings], Reader] = {}
_left_behind: list[object] = []
_obstore_died_in_fork = False


def reader_of(address: Address, limits: Settings) -> Reader:
    """The reader of what needs no signature."""
    return _reader(_transport(address, limits), address, options_for(address.href), limits)


def exact_reader(url: str) -> SignedReader:
    """The reader of an http(s) URL that is to be sent exactly as it is, whoever signed it."""
    from rasteret_sql.store.http.reader import HttpReader

    reader = _reader("aiohttp", parse_address(url), options_for(url), settings())
    assert isinstance(reader, HttpReader)
    return reader


def _transport(address: Address, limits: Settings) -> str:
    """A key of ``_MAKERS``."""
    if address.family in ("local", "fsspec"):
        return address.family
    without_obstore = limits.transport == "fsspec" or _obstore_died_in_fork
    if address.family == "http":
        return "aiohttp" if without_obstore else "http"
    # An object's key may hold '//', which obstore cannot say.
    return "fsspec" if without_obstore or "//" in f"/{address.key}" else "obstore"


def _reader(transport: str, address: Address, options: Options, limits: Settings) -> Reader:
    words = json.dumps(options, sort_keys=True, default=repr) if options else ""
    key = (transport, address.family, address.root, words, limits)
    reader = _readers.get(key)
    if reader is None:
        made = _MAKERS[transport](address, options, limits)
        with _lock:
            reader = _readers.setdefault(key, made)
    return reader


def _local(address: Address, options: Options, limits: Settings) -> Reader:
    from rasteret_sql.store.local import LocalReader

    return LocalReader()


def _aiohttp(address: Address, options: Options, limits: Settings) -> Reader:
    from rasteret_sql.store.http.reader import HttpReader

    return HttpReader(address, options, limits)


def _fsspec(address: Address, options: Options, limits: Settings) -> Reader:
    from rasteret_sql.store.fsspec.reader import FsspecReader

    return FsspecReader(options, limits)


def _obstore(address: Address, options: Options, limits: Settings) -> Reader:
    from rasteret_sql.store.obstore.reader import ObstoreReader

    return ObstoreReader(address, options, limits, find_region=find_region)


_MAKERS: dict[str, Callable[[Address, Options, Settings], Reader]] = {
    "local": _local,
    "http": _HttpOrigin,
    "aiohttp": _aiohttp,
    "fsspec": _fsspec,
    "obstore": _obstore,
}


def find_region(bucket: str, endpoint: str | None) -> str | None:
    """The region of an S3 bucket, as S3 tells everybody: a header of its answer to HEAD. One request."""
    from rasteret_sql.store.http.reader import HttpReader

    url = f"{(endpoint or 'https://s3.amazonaws.com').rstrip('/')}/{bucket}"
    reader = _reader("aiohttp", parse_address(url), {}, settings())
    assert isinstance(reader, HttpReader)
    started = perf_counter()
    try:
        headers = reader.headers_of(url)
    except TransportError as error:
        request_log.record(kind="region", href=url, started=started, error=str(error))
        return None
    request_log.record(kind="region", href=url, started=started)
    return headers.get("x-amz-bucket-region")


@in_forked_child
def _after_fork() -> None:
    """obstore's threads do not exist in the child, where its first request would hang for ever."""
    global _readers, _obstore_died_in_fork
    # Not collected: closing the parent's connections is the parent's business.
    _left_behind.append(_readers)
    _readers = {}
    obstore_reader = sys.modules.get("rasteret_sql.store.obstore.reader")
    _obstore_died_in_fork |= bool(obstore_reader and obstore_reader.started)
