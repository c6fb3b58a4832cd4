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
        column: pa.StructArray,
        rows: dict[int, Key],
        make: Callable[[pa.StructArray, Sequence[int]], Made],
    ) -> dict[int, Header | RasteretError]:
        """The header of each of the ``rows`` of a column: a kept one, or one made of the others.

        ``make`` gets the others side by side, and their numbers.
        """
        found = self._found(column, rows)
        missing = [row for row in rows if row not in found]
        if missing:
            fresh = taken(column, missing)
            made = make(fresh, missing)
            self._keep(fresh, [rows[row] for row in missing], made)
            found.update(zip(missing, made, strict=True))
        return found

    def _found(self, column: pa.StructArray, rows: dict[int, Key]) -> dict[int, Header | RasteretError]:
        wanted = {key: row for row, key in rows.items()}
        found: dict[int, Header | RasteretError] = {}
        for which, vector in reversed(self._vectors.items()):
            known = wanted.keys() & vector.numbers.keys()
            if not known:
                continue
            pairs = sorted((wanted[key], vector.numbers[key]) for key in known)
            here, there = [row for row, _ in pairs], [number for _, number in pairs]
            same = equal_rows(column, here, vector.rows, there)
            for row, number, equal in zip(here, there, same, strict=True):
                if equal:
                    found[row] = vector.headers[number]
            self._vectors.get(which)  # used last
            wanted = {key: row for key, row in wanted.items() if row not in found}
            if not wanted:
                break
        return found

    def _keep(self, rows: pa.StructArray, keys: Sequence[Key], made: Made) -> None:
        numbers = {key: number for number, key in enumerate(keys) if isinstance(made[number], Header)}
        self._vectors.put(next(self._numbers), _Vector(rows, numbers, made))
