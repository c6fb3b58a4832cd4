"""The rasters of an expression: one raster whose bands are the names, or several under names of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import duck_type, fields_of, text_like
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.chip import Chip, clip, read_each
from rasteret_sql.raster.read.plan import ReadRequest

WHOLE = ""
"""The name of a raster that was given alone."""


@dataclass(frozen=True)
class Column:
    """Rasters of one type: chips, index rows or hrefs."""

    array: pa.Array
    overviews: bool
    """Whether other levels than the full resolution may be read."""

    @cached_property
    def chips(self) -> list[Chip | None] | None:
        return chips_of(self.array) if is_chip(self.array.type) else None

    @cached_property
    def headers(self) -> list[Header | RasteretError | None]:
        return rasters(self.array, [self.overviews] * len(self.array))


@dataclass(frozen=True, kw_only=True)
class Raster:
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
        found = None if self.column.chips is not None else self.column.headers[self.at]
        if isinstance(found, RasteretError):
            raise found
        return found

    @property
    def missing(self) -> bool:
        """NULL."""
        return self.chip is None and self.header is None

    @property
    def bands(self) -> tuple[int, Sequence[str | None]]:
        """How many bands there are, and their names."""
        if self.chip is not None:
            return len(self.chip.pixels), self.chip.band_names
        header = self.header
        return (0, ()) if header is None else (header.band_count, header.band_names or ())

    @property
    def dtype(self) -> str:
        """NumPy's name of a sample."""
        if self.chip is not None:
            return str(self.chip.pixels.dtype.name)
        return "" if self.header is None else self.header.dtype

    def scaling(self, band: int) -> Scaling | None:
        """Scale and offset of a band, from 0; None where stored numbers are physical values."""
        found = self.chip or self.header
        return None if found is None else found.scaling(band)

    @property
    def href(self) -> str:
        found = self.chip or self.header
        return (found.href if found is not None else None) or "the chip"


def named_rasters(column: pa.Array, *, overviews: bool) -> list[Mapping[str, Raster] | None]:
    """Every row's rasters by name, in their order; None where the row is NULL.

    A STRUCT or MAP of rasters gives their names; anything else is one raster, under the name ``WHOLE``.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column)
    if pa.types.is_map(kind):
        return _of_map(column, overviews)
    if is_named(kind):
        return _of_struct(column, overviews)
    one = Column(column, overviews)
    return [
        {WHOLE: Raster(column=one, at=row)} if there else None for row, there in enumerate(present(column))
    ]


def is_named(kind: Any) -> bool:
    """Whether values of this type are several rasters under names."""
    plain = pa.types.is_struct(kind) and not is_chip(kind) and not _is_row(kind)
    return bool(plain or pa.types.is_map(kind))


def _is_row(kind: Any) -> bool:
    """A row of an index, whatever else it has: a struct of rasters has none whose name is href."""
    return "href" in fields_of(kind) and text_like(kind.field("href").type)


def _of_struct(column: pa.Array, overviews: bool) -> list[Mapping[str, Raster] | None]:
    parts = {
        field.name: Column(column.field(i), overviews)
        for i, field in enumerate(column.type)
        if _require(field.name, field.type)
    }
    return [
        {name: Raster(column=part, at=row) for name, part in parts.items()} if there else None
        for row, there in enumerate(present(column))
    ]


def _require(name: str, kind: Any) -> bool:
    if pa.types.is_null(kind) or pa.types.is_struct(kind) or text_like(kind):
        return True
    raise ArgumentError(
        f"rasters: {name} is of type {duck_type(kind)}; a chip, a row of an index or an href was expected"
    )


def _of_map(column: pa.Array, overviews: bool) -> list[Mapping[str, Raster] | None]:
    if not text_like(column.type.key_type):
        raise ArgumentError(
            f"rasters: the keys of the MAP are of type {duck_type(column.type.key_type)}; names are VARCHAR"
        )
    _require("the value of the MAP", column.type.item_type)
    keys, items = column.keys.to_pylist(), Column(column.items, overviews)
    starts = column.offsets.to_pylist()
    found: list[Mapping[str, Raster] | None] = []
    for row, there in enumerate(present(column)):
        span = range(starts[row], starts[row + 1])
        found.append({keys[at]: Raster(column=items, at=at) for at in span} if there else None)
    return found


def read_rasters(wanted: Sequence[tuple[Raster, ReadRequest]]) -> list[Chip | None]:
    """The chip of each raster, files together in one batch; None where there is no overlap."""
    found: list[Chip | None] = [None] * len(wanted)
    files: list[int] = []
    for i, (raster, request) in enumerate(wanted):
        if raster.chip is None:
            files.append(i)
        else:
            found[i] = clip(raster.chip, replace(request, level=None, resolution=None))
    headers = [wanted[i][0].header for i in files]
    for number, chip in read_each(headers, [wanted[i][1] for i in files], together=True):
        found[files[number]] = chip
    return found
