"""The port through which every byte comes: one Protocol, and the values that cross it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class ByteRange:
    """Bytes ``[start, start + length)`` of one object."""

    href: str
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectInfo:
    """What a store says of an object beside its bytes. None where it does not say."""

    size: int | None = None
    etag: str | None = None
    last_modified: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The answer to one ``ByteRange``."""

    data: bytes | memoryview
    """The bytes; a view where the transport allows it, so that nothing is copied."""
    info: ObjectInfo
    redirected_to: str | None = None
    """The URL that answered with a whole object, where redirects led to another one than was asked."""


class RangeReader(Protocol):
    """Reads byte ranges of the objects below one root (a bucket, a host, a file system).

    One call is one request on the wire; nothing is retried, cached or coalesced here.
    A range that starts inside the object and ends after it gives the bytes there are; one that starts
    at or after the end raises ``MalformedError``. A server that ignores the range and sends the whole
    object gives the wanted part only when that costs no more than 1 MiB, else raises
    ``IgnoredRangeError``, which is transient. A missing object raises ``NotFoundError``, a refused one
    ``AccessError``, and every other failure ``TransportError`` (with ``transient`` set where trying again may
    help). Safe to call from many threads at once.
    """

    def read(self, request: ByteRange) -> Block: ...


class SignedReader(Protocol):
    """Reads http(s) URLs exactly as they are given, with headers of one request."""

    def read(self, request: ByteRange, *, headers: Mapping[str, str]) -> Block: ...

    def read_all(self, href: str, *, max_bytes: int, headers: Mapping[str, str]) -> Block: ...
