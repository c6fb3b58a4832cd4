"""Planned chips and tiles as Arrow columns: what the chips of a raster share is converted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of, list_array, struct_array
from rasteret_sql.duck.arrow.duck_types import DuckType, declared

Row = dict[str, Any]
MAX_ROWS_ONE_BY_ONE = 64
"""So many rows are converted one by one: ``take`` would load pyarrow.compute."""


class PlannedRow(NamedTuple):
    """A planned chip or tile by the names of its columns."""

    shared: Row
    """The very same object for all chips that have these values."""
    own: Row
    """Values of this chip alone, which come before shared ones."""

    def __getitem__(self, name: str) -> Any:  # type: ignore[override]
        return self.own[name] if name in self.own else self.shared[name]


def planned_array(planned: Sequence[Sequence[PlannedRow] | None], duck_type: str) -> pa.Array:
    """One list per row of the vector, NULL for None; ``duck_type`` is the STRUCT of their columns."""
    rows = [row for some in planned for row in some or ()]
    numbers: dict[int, int] = {}
    which = [numbers.setdefault(id(row.shared), len(numbers)) for row in rows]
    distinct: list[Row] = [{}] * len(numbers)
    for number, row in zip(which, rows, strict=True):
        distinct[number] = row.shared
    columns = _Columns(distinct, which)
    return list_array(planned, columns.struct(declared(duck_type), distinct, [row.own for row in rows]))


class _Columns:
    """Which of the shared rows stands behind each row."""

    def __init__(self, distinct: Sequence[Row], which: Sequence[int]) -> None:
        self._which = which
        self._few = len(which) <= MAX_ROWS_ONE_BY_ONE or len(distinct) == len(which)
        self._taken = None if self._few else array_of(which, "BIGINT")

    def struct(self, kind: DuckType, distinct: Sequence[Row], own: Sequence[Row]) -> pa.Array:
        """The columns of a STRUCT side by side."""
        names = set().union(*own)
        return struct_array(
            {name: self._column(name, child, distinct, own, names) for name, child in kind.children.items()}
        )

    def _column(
        self, name: str, kind: DuckType, distinct: Sequence[Row], own: Sequence[Row], names: set[str]
    ) -> pa.Array:
        if name == "source":
            shared = [row.get(name, {}) for row in distinct]
            return self.struct(kind, shared, [row.get(name, {}) for row in own])
        if name in names:
            which = self._which
            return array_of(
                [row[name] if name in row else distinct[which[i]].get(name) for i, row in enumerate(own)],
                kind,
            )
        values = [row.get(name) for row in distinct]
        if self._few:
            return array_of([values[number] for number in self._which], kind)
        return array_of(values, kind).take(self._taken)
