"""Decoded blocks, kept for the process: bounded by bytes, and each block decoded once at a time."""

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


class AbandonedError(Exception):
    """Whoever was to decode a block stopped before, for reasons of its own: whoever waits for it reads it."""


class Claim:
    """A part of one block that its holder decodes; others wait for ``future``, if there are any."""

    __slots__ = ("future", "part")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.future: Future[Piece] | None = None


class BlockCache:
    """Least recently used pieces of blocks up to ``tile_cache_bytes``; safe from many threads.

    ``claim`` answers with the piece that is kept; with the future of one that somebody decodes; or with a
    claim, which the caller must settle with ``store`` or ``fail``. Wait for futures after having done the own
    work: then two queries that need the same block at the same time fetch it once, and never wait for each
    other in a circle.
    """

    def __init__(self) -> None:
        self._kept = Lru[tuple[Hashable, Part], Piece](
            lambda: settings().tile_cache_bytes, lambda _, piece: piece.pixels.nbytes, self._dropped
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
            for kept in self._parts.get(key, ()):
                if kept.covers(part) and (piece := self._kept.get((key, kept))) is not None:
                    return piece
            claim = Claim(part)
            self._pending.setdefault(key, []).append(claim)
            return claim

    def store(self, key: Hashable, claim: Claim, pixels: npt.NDArray[Any], *, keep: bool) -> Piece:
        """Settle a claim with pixels, which nobody may change any more; ``keep`` them for later claims."""
        pixels.flags.writeable = False
        piece = Piece(claim.part, pixels)
        with self._lock:
            self._settled(key, claim)
            if keep and pixels.nbytes <= self._kept.limit:
                for part in [part for part in self._parts.get(key, ()) if claim.part.covers(part)]:
                    self._kept.pop((key, part))
                    self._dropped((key, part))
                self._kept.put((key, claim.part), piece)
                self._parts.setdefault(key, []).append(claim.part)
            self._kept.shrink()
        if claim.future is not None:
            claim.future.set_result(piece)
            claim.future = None  # the claim may live on; its pixels need not
        return piece

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


BLOCKS = BlockCache()
