"""Byte ranges through fsspec, for every protocol that it knows: memory, ftp, zip inside of others, s3fs, …"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from types import MethodType
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.settings import Settings
from rasteret_sql.store import errors as failures
from rasteret_sql.store.address import family_of
from rasteret_sql.store.content_encoding import compressions, unpacked
from rasteret_sql.store.errors import RangeRefusedError
from rasteret_sql.store.fsspec.errors import translate
from rasteret_sql.store.fsspec.options import Words, filesystem_words
from rasteret_sql.store.fsspec.ranges import Answer, cat, part
from rasteret_sql.store.known_sizes import KnownEnds
from rasteret_sql.store.options import Options
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.store.redact import display_href

FREE_INFO = {"memory"}
"""Protocols whose ``info`` costs no request."""

_making = threading.Lock()


class FsspecReader:
    """Reads one range at a time; of an object's size and ETag what its file system tells beside the bytes."""

    def __init__(self, options: Options, limits: Settings) -> None:
        self._options = options
        self._limits = limits
        self._words: Words | None = None
        self._ends = KnownEnds()

    def read(self, request: ByteRange) -> Block:
        href = request.href
        answer = self._cat(request)
        if encodings := compressions(answer.encoding):
            raise failures.encoded_body(request, encodings)
        data, info = part(answer, request), answer.info
        if not data:
            raise failures.beyond_end(href, request, info.size)
        if len(data) > request.length:
            raise UnsupportedError(
                f"{display_href(href)}: {failures.span(request)} were asked for, but fsspec's file system "
                "for it "
                "reads whole files only; copy the file to where ranges can be read."
            )
        return Block(data=data, info=info)

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        answer = self._cat(ByteRange(href=href, start=0, length=max_bytes + 1), whole=True)
        data, info = answer.data, answer.info
        if len(data) > max_bytes:
            raise failures.too_large(href, info.size, max_bytes)
        if family_of(href) != "gs":  # there it comes unpacked
            data = bytes(unpacked(data, answer.encoding, href, max_bytes=max_bytes))
        return Block(data=data, info=info)

    def _cat(self, request: ByteRange, *, whole: bool = False) -> Answer:
        href = request.href
        try:
            fs, path = self._opened(href)
            answer = cat(family_of(href), fs, path, request.start, self._ends.end(request))
            return replace(answer, info=self._info(fs, path) or answer.info)
        except Exception as error:  # every file system has exceptions of its own
            translated = translate(error, href, None if whole else request)
        if isinstance(translated, RangeRefusedError):
            translated = self._ends.learn(translated, request, lambda: int(fs.info(path)["size"]))
        raise translated from None

    def _opened(self, href: str) -> tuple[Any, str]:
        if self._words is None:
            self._words = filesystem_words(href, self._options, self._limits)
        return open_filesystem(href, self._words)

    @staticmethod
    def _info(fs: fsspec.AbstractFileSystem, path: str) -> ObjectInfo | None:
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        return ObjectInfo(size=fs.info(path).get("size")) if protocol in FREE_INFO else None


def open_filesystem(href: str, words: Words) -> tuple[Any, str]:
    """fsspec's file system for ``href`` and the path in it; fsspec keeps one for the same words.

    Those of clouds try once: retries are ours alone, the same everywhere, and counted. Azure's and Google's
    have no word for that; should their insides change, they would try more often, and still read.
    """
    family = family_of(href)
    with _making:
        if family == "fsspec":
            opened: tuple[Any, str] = url_to_fs(href, **words)
            return opened
        if family in ("local", "http"):
            return _one(family, href, words)
        spelled = f"{family}://{href.partition('://')[2]}"
        if family == "gs":
            return _google(spelled, words)
        fs, path = _one(family, spelled, words)
        if family == "s3":
            fs.retries = 1
        else:
            with suppress(AttributeError):
                fs.service_client._config.retry_policy.total_retries = 0
    return fs, path


def _one(protocol: str, href: str, words: Words) -> tuple[Any, str]:
    """``url_to_fs`` for one file system: it would take a key or path that holds ``::`` for a chain."""
    kind = fsspec.get_filesystem_class(protocol)
    fs = kind(**{**kind._get_kwargs_from_urls(href), **words})
    return fs, fs._strip_protocol(href)


def _google(href: str, words: Words) -> tuple[Any, str]:
    """gcsfs without its extension for zonal buckets, which may ask another service before every read."""
    from gcsfs.core import GCSFileSystem

    fs = GCSFileSystem(**words)
    with suppress(AttributeError):
        fs._request = MethodType(GCSFileSystem._request.__wrapped__, fs)
    return fs, fs._strip_protocol(href)
