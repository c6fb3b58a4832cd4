"""Headers of the index rows seen last: a join hands a row over in several vectors, each with other areas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

import pyarrow as pa

from rasteret_sql.cache import Lru
from rasteret_sql.duck.arguments.equal_rows import equal_rows, taken
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.header import Header

MAX_BYTES = 32 << 20
"""Of the rows that are kept; those of Sentinel-2 take 2 kB each."""

Key = tuple[str | None, bool]
"""The href of a row, and whether its overviews are looked at."""
Made = Sequence[Header | RasteretError]


class _Vector(NamedTuple):
    rows: pa.StructArray
    numbers: dict[Key, int]
    """Where the row of a key is; errors have none."""
    headers: Made


class KeptHeaders:
    """The rows of the last vectors and their headers; safe from many threads.

    A row is compared with the kept one as a whole, so that a row that has changed is read again.
    """

    def __init__(self) -> None:
        self._vectors = Lru[int, _Vector](MAX_BYTES, lambda number, vector: int(vector.rows.nbytes))
        self._numbers = count()

    def of(
        self,
        rows: pa.StructArray,
        keys: Sequence[Key],
        make: Callable[[pa.StructArray, Sequence[int]], Made],
    ) -> list[Header | RasteretError]:
        """The header of each row: a kept one, or one of those that are made of the other rows.

        ``make`` gets these rows and their numbers.
        """
        found = self._found(rows, keys)
        missing = [number for number in range(len(rows)) if number not in found]
        if missing:
            fresh = taken(rows, missing) if found else rows
            made = make(fresh, missing)
            self._keep(fresh, [keys[number] for number in missing], made)
            found.update(zip(missing, made, strict=True))
        return [found[number] for number in range(len(rows))]

    def _found(self, rows: pa.StructArray, keys: Sequence[Key]) -> dict[int, Header | RasteretError]:
        numbers = {key: number for number, key in enumerate(keys)}
        found: dict[int, Header | RasteretError] = {}
        for which, vector in reversed(self._vectors.items()):
            known = numbers.keys() & vector.numbers.keys()
            if not known:
                continue
            here, there = [numbers[key] for key in known], [vector.numbers[key] for key in known]
            same = equal_rows(rows, here, vector.rows, there)
            found.update(
                (number, vector.headers[kept])
                for number, kept, equal in zip(here, there, same, strict=True)
                if equal
            )
            self._vectors.get(which)  # used last
            numbers = {key: number for key, number in numbers.items() if number not in found}
            if not numbers:
                break
        return found

    def _keep(self, rows: pa.StructArray, keys: Sequence[Key], made: Made) -> None:
        numbers = {key: number for number, key in enumerate(keys) if isinstance(made[number], Header)}
        self._vectors.put(next(self._numbers), _Vector(rows, numbers, made))
