"""Planned chips and tiles as Arrow columns: what several of them share is converted once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of, list_array, nulls, struct_array
from rasteret_sql.duck.arrow.duck_types import DuckType, declared

Row = dict[str, Any]
MAX_ROWS_ONE_BY_ONE = 64
"""So many rows are converted one by one: ``take`` would load pyarrow.compute."""


class PlannedRow(NamedTuple):
    """A planned chip or tile by the names of its columns; what comes first hides what comes later."""

    own: Row
    """Values of this chip alone."""
    place: Row
    """Those of all chips of an area on one grid, the very same object for them."""
    raster: Row
    """Those of all chips of a raster, the very same object for them."""

    def __getitem__(self, name: str) -> Any:  # type: ignore[override]
        return next(row[name] for row in self if name in row)

    @property
    def sized(self) -> Row:
        """The values that say how large it is."""
        return self.place or self.own


def alone(row: Row) -> PlannedRow:
    """A chip that shares nothing."""
    return PlannedRow(row, {}, {})


def planned_array(planned: Sequence[Sequence[PlannedRow] | None], duck_type: str) -> pa.Array:
    """One list per row of the vector, NULL for None; ``duck_type`` is the STRUCT of their columns."""
    rows = [row for some in planned for row in some or ()]
    layers = [_Layer.of(values) for values in zip(*rows, strict=True)] or [_Layer.of([])]
    return list_array(planned, _struct(layers, declared(duck_type)))


class _Layer:
    """Values of all rows, of which several have the same."""

    def __init__(self, distinct: Sequence[Row], which: Sequence[int]) -> None:
        self._distinct = distinct
        self._which = which
        """Which of the distinct ones is that of each row."""
        self.names = set().union(*distinct)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Layer:
        """Of the rows one by one."""
        by_id = {id(row): row for row in rows}
        numbers = {key: number for number, key in enumerate(by_id)}
        return cls(list(by_id.values()), [numbers[id(row)] for row in rows])

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, row: int) -> Row:
        return self._distinct[self._which[row]]

    def nested(self, name: str) -> _Layer:
        """The values of a STRUCT in a column."""
        return _Layer([row.get(name, {}) for row in self._distinct], self._which)

    def array(self, name: str, kind: DuckType) -> pa.Array:
        """A column, NULL where a row has no such value."""
        values = [row.get(name) for row in self._distinct]
        if len(values) == len(self):
            return array_of(values, kind)
        if len(self) <= MAX_ROWS_ONE_BY_ONE:
            return array_of([values[number] for number in self._which], kind)
        return array_of(values, kind).take(self._taken)

    @cached_property
    def _taken(self) -> pa.Array:
        return array_of(self._which, "BIGINT")


def _struct(layers: Sequence[_Layer], kind: DuckType) -> pa.Array:
    """The columns of a STRUCT side by side."""
    return struct_array({name: _column(layers, name, child) for name, child in kind.children.items()})


def _column(layers: Sequence[_Layer], name: str, kind: DuckType) -> pa.Array:
    holders = [layer for layer in layers if name in layer.names]
    if not holders:
        return nulls(len(layers[0]), kind)
    if name == "source":
        return _struct([layer.nested(name) for layer in holders], kind)
    if len(holders) == 1:
        return holders[0].array(name, kind)
    rows = range(len(holders[0]))
    return array_of([_first(name, [layer[row] for layer in holders]) for row in rows], kind)


def _first(name: str, rows: Sequence[Row]) -> Any:
    return next((row[name] for row in rows if name in row), None)
