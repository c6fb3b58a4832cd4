"""Areas of the vectors seen last: a join of fields and scenes hands over the same fields for every scene."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from rasteret_sql.cache import Lru

Area = TypeVar("Area")
LONGEST = 4 << 20
"""Bytes or characters of one vector's areas; more are not kept."""
VECTORS = 4


class KeptAreas(Generic[Area]):
    """The last few vectors of texts or WKB and what they were read into; safe from many threads."""

    def __init__(self) -> None:
        self._kept = Lru[Hashable, list[Area]](VECTORS)

    def of(
        self, values: Sequence[Any], crs: Sequence[str | None], read: Callable[[], list[Area]]
    ) -> list[Area]:
        """The areas of one vector; of equal values the same ones."""
        if not all(value is None or isinstance(value, str | bytes) for value in values):
            return read()
        if sum(map(len, filter(None, values))) > LONGEST:
            return read()
        key = tuple(values), tuple(crs)
        kept = self._kept.get(key)
        if kept is not None:
            return list(kept)
        areas = read()
        self._kept.put(key, list(areas))
        return areas
