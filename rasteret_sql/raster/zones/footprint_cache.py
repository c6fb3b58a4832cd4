"""Footprints last used: the scenes of a place share a grid, so the next one asks for the same again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from rasteret_sql.cache import Lru
from rasteret_sql.raster.zones.footprint import Footprint

CACHE_BYTES = 32 << 20
"""Footprints of zones that are kept for the next raster on the same grid."""
LISTS_KEPT = 4
"""Lists of zones whose footprints are found without looking at each: those of the last vectors."""


class FootprintCache:
    """The footprints last used, up to ``CACHE_BYTES`` of masks; safe from many threads."""

    def __init__(self) -> None:
        self._kept = Lru[Hashable, tuple[Footprint | None]](CACHE_BYTES, lambda key, kept: _size(key, *kept))
        self._lists = Lru[Hashable, tuple[list[Any], list[Footprint | None]]](LISTS_KEPT)

    def get(self, keys: Iterable[Hashable]) -> dict[Hashable, Footprint | None]:
        """Those of ``keys`` that are kept."""
        kept = ((key, self._kept.get(key)) for key in keys)
        return {key: one[0] for key, one in kept if one is not None}

    def put(self, key: Hashable, footprint: Footprint | None) -> None:
        """Keep one, and forget those that were not used for longest."""
        if _size(key, footprint) <= CACHE_BYTES // 8:
            self._kept.put(key, (footprint,))

    def all_of(
        self, place: Hashable, areas: Sequence[Any], make: Callable[[], list[Footprint | None]]
    ) -> list[Footprint | None]:
        """The footprints of the very areas that were asked about at this place before, else ``make()``."""
        key = (place, *map(id, areas))
        kept = self._lists.get(key)
        if kept is not None:
            return kept[1]
        made = make()
        if sum(map(_bytes, made)) <= CACHE_BYTES // 4:
            self._lists.put(key, (list(areas), made))  # areas too, so that their ids stay their own
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._lists.clear()


def _size(key: Any, footprint: Footprint | None) -> int:
    """Bytes that a kept footprint takes with the WKB in its key, about."""
    return len(key[0]) * 2 + _bytes(footprint)


def _bytes(footprint: Footprint | None) -> int:
    if footprint is None:
        return 1000
    drawn = 0 if footprint.outline is None else 4 * footprint.outline.x.nbytes
    beyond = 0 if footprint.beyond is None else _bytes(footprint.beyond)
    return 1000 + drawn + beyond + (0 if footprint.whole is None else footprint.whole.nbytes)


CACHE = FootprintCache()
