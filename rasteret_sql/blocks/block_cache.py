"""Blocks kept for the process: bounded by bytes, and each block decoded by one thread at a time.

A block that is read for the first time is kept as it was stored: its bytes are there, and new memory for
pixels that may never be asked for again costs more than inflating them once more. When it is asked for again,
its pixels are kept.
"""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from rasteret_sql.cache import Lru
from rasteret_sql.codec.part import Part
from rasteret_sql.settings import settings


@dataclass(frozen=True, slots=True)
class Piece:
    """The decoded pixels of a part of a block, shape (rows, columns, samples); nobody may change them."""

    part: Part
    pixels: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """The bytes of a block, or of its front, from which a part of it can be decoded."""

    part: Part
    data: memoryview
    byte_count: int
    """What is kept alive: the answer in which the bytes lie."""


class AbandonedError(Exception):
    """Whoever was to decode a block stopped before, for reasons of its own: whoever waits for it reads it."""


class Claim:
    """A part of one block that its holder decodes; others wait for ``future``, if there are any.

    Where the bytes are kept, they are ``stored``, and ``part`` is what they hold.
    """

    __slots__ = ("future", "part", "stored")

    def __init__(self, part: Part, stored: Stored | None = None) -> None:
        self.part = part
        self.stored = stored
        self.future: Future[Piece] | None = None


class BlockCache:
    """Least recently used parts of blocks up to ``tile_cache_bytes``, stored or decoded; thread-safe.

    ``claim`` answers with the piece that is kept; with the future of one that somebody decodes; or with a
    claim, which the caller must settle with ``store`` or ``fail``. Wait for futures after having done the own
    work: then two queries that need the same block at the same time fetch it once, and never wait for each
    other in a circle.
    """

    def __init__(self) -> None:
        self._kept = Lru[tuple[Hashable, Part], Piece | Stored](
            lambda: settings().tile_cache_bytes, lambda _, kept: _byte_count(kept), self._dropped
        )
        self._lock = self._kept.lock
        self._parts: dict[Hashable, list[Part]] = {}
        """The parts of each block that are kept; none of them covers another."""
        self._pending: dict[Hashable, list[Claim]] = {}

    def claim(self, key: Hashable, part: Part) -> Piece | Future[Piece] | Claim:
        """Who has, or gets, the pixels of ``part`` of a block."""
        with self._lock:
            for pending in self._pending.get(key, ()):
                if pending.part.covers(part):
                    pending.future = pending.future or Future()
                    return pending.future
            claim = Claim(part)
            for kept_part in self._parts.get(key, ()):
                if kept_part.covers(part) and (kept := self._kept.get((key, kept_part))) is not None:
                    if isinstance(kept, Piece):
                        return kept
                    claim = Claim(kept_part, kept)
                    break
            self._pending.setdefault(key, []).append(claim)
            return claim

    def holds(self, key: Hashable, part: Part) -> bool:
        """Whether ``part`` of a block is there now; it is not claimed."""
        with self._lock:
            return any(kept.covers(part) for kept in self._parts.get(key, ()))

    def store(
        self, key: Hashable, claim: Claim, pixels: npt.NDArray[Any], keep: Stored | bool = False
    ) -> Piece:
        """Settle a claim with pixels, which nobody may change any more.

        For later claims it keeps the stored bytes, if ``keep`` has them, or the pixels.
        """
        pixels.flags.writeable = False
        piece = Piece(claim.part, pixels)
        kept = keep if isinstance(keep, Stored) else piece
        with self._lock:
            self._settled(key, claim)
            if keep:
                self._keep(key, claim.part, kept)
            self._kept.shrink()
        if claim.future is not None:
            claim.future.set_result(piece)
            claim.future = None  # the claim may live on; its pixels need not
        return piece

    def store_bytes(self, key: Hashable, claim: Claim, keep: Stored | None) -> bool:
        """Settle a claim whose pixels are where they were wanted; False where others wait for them too.

        For later claims it keeps the stored bytes, if there are any to keep.
        """
        with self._lock:
            if claim.future is not None:
                return False
            self._settled(key, claim)
            if keep is not None:
                self._keep(key, claim.part, keep)
            self._kept.shrink()
        return True

    def _keep(self, key: Hashable, part: Part, kept: Piece | Stored) -> None:
        if _byte_count(kept) > self._kept.limit:
            return
        for covered in [one for one in self._parts.get(key, ()) if part.covers(one)]:
            self._kept.pop((key, covered))
            self._dropped((key, covered))
        self._kept.put((key, part), kept)
        self._parts.setdefault(key, []).append(part)

    def fail(self, key: Hashable, claim: Claim, error: BaseException) -> None:
        """Settle a claim with an error, if it is open; nothing is kept, so the next reader tries again."""
        with self._lock:
            if not self._settled(key, claim):
                return
        if claim.future is not None:
            claim.future.set_exception(error)

    def _dropped(self, entry: tuple[Hashable, Part]) -> None:
        key, part = entry
        parts = self._parts[key]
        parts.remove(part)
        if not parts:
            del self._parts[key]

    def _settled(self, key: Hashable, claim: Claim) -> bool:
        claims = self._pending.get(key, [])
        if claim not in claims:
            return False
        claims.remove(claim)
        if not claims:
            del self._pending[key]
        return True

    def clear(self) -> None:
        """Forget every kept piece."""
        with self._lock:
            self._kept.clear()
            self._parts.clear()

    @property
    def byte_count(self) -> int:
        return self._kept.size


def _byte_count(kept: Piece | Stored) -> int:
    return kept.byte_count if isinstance(kept, Stored) else kept.pixels.nbytes


BLOCKS = BlockCache()
