"""The rasters of an expression: one raster whose bands are the names, or several under names of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import duck_type, fields_of, text_like
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.chip import Chip, clip, read_each
from rasteret_sql.raster.read.plan import ReadRequest
from rasteret_sql.raster.source import Raster

WHOLE = ""
"""The name of a raster that was given alone."""


@dataclass(frozen=True)
class Column:
    """Rasters of one type: chips, index rows or hrefs."""

    array: pa.Array
    overviews: bool
    """Whether other levels than the full resolution may be read."""
    needed: Sequence[int] | None = None
    """Where the rasters are that are requested; the headers of others are not read. None: all."""

    @cached_property
    def chips(self) -> list[Chip | None] | None:
        return chips_of(self.array) if is_chip(self.array.type) else None

    @cached_property
    def headers(self) -> list[Header | RasteretError | None]:
        if self.needed is None or len(self.needed) == len(self.array):
            return rasters(self.array, [self.overviews] * len(self.array))
        some = self.array.take(pa.array(self.needed, pa.int64()))
        headers: list[Header | RasteretError | None] = [None] * len(self.array)
        for at, header in zip(self.needed, rasters(some, [self.overviews] * len(some)), strict=True):
            headers[at] = header
        return headers


@dataclass(frozen=True, kw_only=True)
class NamedRaster:
    """One raster of one row."""

    column: Column
    at: int

    @property
    def chip(self) -> Chip | None:
        """Its pixels, where they were given."""
        return None if self.column.chips is None else self.column.chips[self.at]

    @property
    def header(self) -> Header | None:
        """Its header, where it is a file; raises what opening it raised."""
        header = None if self.column.chips is not None else self.column.headers[self.at]
        if isinstance(header, RasteretError):
            raise header
        return header

    @property
    def raster(self) -> Raster | None:
        """Either of them; None where it is NULL."""
        return self.chip if self.column.chips is not None else self.header

    @property
    def known(self) -> Raster:
        """The same where it is known not to be NULL."""
        assert self.raster is not None, "rows whose rasters are NULL were left out"
        return self.raster


NamedRasters = Mapping[str, NamedRaster]
"""The rasters of one row."""


Needed = Callable[[int, Sequence[str]], Collection[str]]
"""Of the number of a row and the names of its rasters, the names that are requested."""


def named_rasters(
    column: pa.Array, *, overviews: bool, needed: Needed | None = None
) -> list[NamedRasters | None]:
    """Every row's rasters by name, in their order; None where the row is NULL.

    A STRUCT or MAP of rasters gives their names; anything else is one raster, under the name ``WHOLE``.
    Headers of rasters that are not ``needed`` may be missing.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column)
    if pa.types.is_map(kind):
        return _of_map(column, overviews, needed)
    if is_named(kind):
        return _of_struct(column, overviews)
    one = Column(column, overviews)
    return [
        {WHOLE: NamedRaster(column=one, at=row)} if there else None
        for row, there in enumerate(present(column))
    ]


def is_named(kind: Any) -> bool:
    """Whether values of this type are several rasters under names."""
    plain = pa.types.is_struct(kind) and not is_chip(kind) and not is_row(kind)
    return bool(plain or pa.types.is_map(kind))


def is_row(kind: Any) -> bool:
    """Whether values of this type are rows of an index, whatever else they have: href is a text."""
    names = fields_of(kind)
    if "href" not in names or "tile_offsets" in names:
        return "tile_offsets" in names
    href = kind.field("href").type
    return pa.types.is_null(href) or text_like(href)


def _of_struct(column: pa.Array, overviews: bool) -> list[NamedRasters | None]:
    parts = {
        field.name: Column(column.field(i), overviews)
        for i, field in enumerate(column.type)
        if _require(field.name, field.type)
    }
    return [
        {name: NamedRaster(column=part, at=row) for name, part in parts.items()} if there else None
        for row, there in enumerate(present(column))
    ]


def _require(name: str, kind: Any) -> bool:
    if pa.types.is_null(kind) or pa.types.is_struct(kind) or text_like(kind):
        return True
    raise ArgumentError(
        f"rasters: {name} is of type {duck_type(kind)}; a chip, a row of an index or an href was expected"
    )


def _of_map(column: pa.Array, overviews: bool, needed: Needed | None) -> list[NamedRasters | None]:
    if not text_like(column.type.key_type):
        raise ArgumentError(
            f"rasters: the keys of the MAP are of type {duck_type(column.type.key_type)}; names are VARCHAR"
        )
    _require("the value of the MAP", column.type.item_type)
    if len(column) > 1 and all_same(column):
        return _of_same_map(column, overviews, needed)
    keys, starts = column.keys.to_pylist(), column.offsets.to_pylist()
    spans = [
        range(starts[row], starts[row + 1]) if there else None for row, there in enumerate(present(column))
    ]
    places = None
    if needed is not None:
        places = [at for row, span in enumerate(spans) if span for at in _needed(row, span, keys, needed)]
    items = Column(column.items, overviews, places)
    return [
        None if span is None else {keys[at]: NamedRaster(column=items, at=at) for at in span}
        for span in spans
    ]


def _of_same_map(column: pa.Array, overviews: bool, needed: Needed | None) -> list[NamedRasters | None]:
    """The rasters of one row for all, where a join repeats it."""
    rows = range(len(column))

    def of_any(_: int, keys: Sequence[str]) -> set[str]:
        return {name for row in rows for name in (keys if needed is None else needed(row, keys))}

    return _of_map(column.slice(0, 1), overviews, of_any) * len(column)


def _needed(row: int, span: range, keys: Sequence[str], needed: Needed) -> list[int]:
    names = needed(row, [keys[at] for at in span])
    return [at for at in span if keys[at] in names]


def read_rasters(wanted: Sequence[tuple[NamedRaster, ReadRequest]]) -> list[Chip | None]:
    """The chip of each raster, files together in one batch; None where there is no overlap."""
    chips: list[Chip | None] = [None] * len(wanted)
    files: list[int] = []
    for i, (raster, request) in enumerate(wanted):
        if raster.chip is None:
            files.append(i)
        else:
            chips[i] = clip(raster.chip, replace(request, level=None, resolution=None))
    headers = [wanted[i][0].header for i in files]
    for number, chip in read_each(headers, [wanted[i][1] for i in files], together=True):
        chips[files[number]] = chip
    return chips
