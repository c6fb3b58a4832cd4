"""Footprints last used: the scenes of a place share a grid, so the next one asks for the same again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from threading import Lock
from typing import Any

from rasteret_sql.raster.zones.footprint import Footprint

CACHE_BYTES = 32 << 20
"""Footprints of zones that are kept for the next raster on the same grid."""
LISTS_KEPT = 4
"""Lists of zones whose footprints are found without looking at each: those of the last vectors."""


class FootprintCache:
    """The footprints last used, up to ``CACHE_BYTES`` of masks; safe from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Footprint | None] = OrderedDict()
        self._bytes = 0
        self._lists: OrderedDict[Hashable, tuple[list[Any], list[Footprint | None]]] = OrderedDict()

    def get(self, keys: Iterable[Hashable]) -> dict[Hashable, Footprint | None]:
        """Those of ``keys`` that are kept."""
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, footprint: Footprint | None) -> None:
        """Keep one, and forget those that were not used for longest."""
        size = _size(key, footprint)
        if size > CACHE_BYTES // 8:
            return
        with self._lock:
            if key not in self._kept:
                self._kept[key] = footprint
                self._bytes += size
            while self._bytes > CACHE_BYTES:
                self._bytes -= _size(*self._kept.popitem(last=False))

    def all_of(
        self, place: Hashable, areas: Sequence[Any], make: Callable[[], list[Footprint | None]]
    ) -> list[Footprint | None]:
        """The footprints of the very areas that were asked about at this place before, else ``make()``."""
        key = (place, *map(id, areas))
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                return self._lists[key][1]
        found = make()
        if sum(map(_bytes, found)) <= CACHE_BYTES // 4:
            with self._lock:
                # areas are kept too, so that their ids stay their own
                self._lists[key] = list(areas), found
                while len(self._lists) > LISTS_KEPT:
                    self._lists.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._lists.clear()
            self._bytes = 0


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
