"""Rows of an index as headers, each column checked when it is read: any table may be passed as an index."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from rasteret_sql.codec.samples import DTYPES
from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import whole_numbers
from rasteret_sql.duck.arrow.duck_types import DuckType, declared
from rasteret_sql.duck.arrow.fits import arrow_type_matches, duck_type, fields_of
from rasteret_sql.duck.arrow.tile_offsets import GAPS, offsets_of_table
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.window import Affine
from rasteret_sql.geotiff.header import GroundControlPoint, Header, Level
from rasteret_sql.geotiff.image_layout import image_layout
from rasteret_sql.store.redact import display_href

TABLES = ("tile_offsets", "tile_byte_counts")
SIZES = ("width", "height", "tile_width", "tile_height")
LONGEST_LIST = 600
REQUIRED = (
    "href", "width", "height", "band_count", "dtype", "tile_width", "tile_height", "tiled", *TABLES,
    "compression", "predictor", "interleave", "byte_order", "bits_per_sample", "transform",
)  # fmt: skip
LARGEST = 2**31 - 1
"""Pixels of one side: what INTEGER columns hold, and more than GDAL writes."""
MAX_BANDS = 2**16 - 1
MAX_COLOUR = 2**16 - 1
AGAIN = "build the index again with cog_header"


class HeaderColumn:
    """The rasters of one vector: index rows (or anything with their columns) as ``Header`` values.

    Columns are matched by name; others are ignored, and missing ones that are not REQUIRED are NULL.
    """

    def __init__(self, rows: pa.StructArray) -> None:
        names = fields_of(rows.type)
        missing = [name for name in REQUIRED if name not in names]
        if GAPS in names:  # a packed index has them in place of the offsets
            missing = [name for name in missing if name != TABLES[0]]
        if missing:
            raise ArgumentError(
                f"the raster is a row without the column{'s' * (len(missing) > 1)} {', '.join(missing)}: "
                "pass a row of an index built with cog_header (SELECT h.* FROM …, cog_header(href) AS h), "
                f"or an href; its columns are: {_listed(names)}"
            )
        self._columns = _Columns(rows, declared(types.HEADER), _Misfits())

    def header(self, row: int, *, overviews: bool) -> Header:
        """The header in one row; overviews are left out unless a read needs them. Raises ArgumentError."""
        columns = _Row(self._columns, row)
        href = columns.required("href")
        columns.place = display_href(href)
        self._refuse_failed(columns)
        band_count = columns.number("band_count", 1, MAX_BANDS)
        mask_bands = 1 if columns.value("mask_bands") is None else columns.number("mask_bands", 1, MAX_BANDS)
        if mask_bands not in (1, band_count):
            columns.unfit("mask_bands", f"{mask_bands:,}", f"1 or {band_count:,} (band_count)")
        samples = _Samples(
            band_count=band_count,
            dtype=columns.choice("dtype", DTYPES),
            byte_order=columns.choice("byte_order", ("little", "big")),
        )
        of_mask = replace(samples, band_count=mask_bands, dtype="uint8")
        return Header(
            href=href,
            full=_level(columns, samples, mask=_mask(columns, of_mask)),
            overviews=tuple(_overviews(columns, samples, of_mask)) if overviews else (),
            **vars(samples),
            extra_samples=columns.values("extra_samples") or (),
            crs=columns.value("crs"),
            crs_note=columns.value("crs_note"),
            transform=_affine(columns),
            nodata=columns.value("nodata"),
            scales=_per_band(columns, "scales", band_count),
            offsets=_per_band(columns, "offsets", band_count),
            units=_each_band(columns, "units", band_count, nulls=True),
            band_names=_each_band(columns, "band_names", band_count, nulls=True),
            gcps=_gcps(columns),
            gcps_crs=columns.value("gcps_crs"),
            colorinterp=_each_band(columns, "colorinterp", band_count),
            colormap=_colormap(columns),
            mask_bands=mask_bands,
            file_size=None
            if columns.value("file_size") is None
            else columns.number("file_size", 0, 2**64 - 1),
            etag=columns.value("etag"),
        )

    def _refuse_failed(self, columns: _Row) -> None:
        error = self._columns.cell("error", columns.row)
        if isinstance(error, str):  # a column of numbers with that name is the user's own
            reason = error.removeprefix(f"{columns.place}: ").rstrip(".")
            columns.refuse(
                f"its header could not be read when it was indexed ({reason}); "
                "leave such rows out with WHERE error IS NULL"
            )


@dataclass(frozen=True, kw_only=True)
class _Samples:
    """What all levels of a raster, or all its masks, have in common."""

    band_count: int
    dtype: str
    byte_order: str


@dataclass(frozen=True)
class _Misfits:
    """Which columns of a vector have a type that `cog_header` does not write; each is compared once."""

    columns: dict[str, str | None] = field(default_factory=dict)
    """What is wrong with a column; None where nothing is."""
    nested: dict[str, _Misfits] = field(default_factory=dict)
    """Of the STRUCTs in a column."""


def _listed(names: list[str]) -> str:
    """Names of columns for a message, which may be those of any table."""
    told = ", ".join(names)
    return told if len(told) <= LONGEST_LIST else f"{told[:LONGEST_LIST]}… ({len(names):,} columns)"


class _Columns:
    """The fields of STRUCTs side by side."""

    def __init__(self, rows: pa.StructArray, kind: DuckType, misfits: _Misfits, *, within: str = "") -> None:
        self.arrays = {name: rows.field(i) for i, name in enumerate(fields_of(rows.type))}
        self.kind, self.within = kind, within
        self._misfits = misfits
        self.cells: dict[str, list[Any]] = {}
        """Columns of plain values that fit, as Python has them: at once takes a fifth of the time."""
        self._masks: _Columns | None = None

    def cell(self, name: str, row: int) -> Any:
        """One value as Python has it; None for NULL and for a column that is not there."""
        column = self.arrays.get(name)
        if column is None:
            return None
        if pa.types.is_nested(column.type) or self.misfit(name) is not None:
            return column[row].as_py()
        cells = self.cells.get(name)
        if cells is None:
            cells = self.cells[name] = column.to_pylist()
        return cells[row]

    def misfit(self, name: str) -> str | None:
        """What is wrong with the type of a column."""
        known = self._misfits.columns
        if name not in known:
            known[name] = self._misfit(name, self.arrays[name].type)
        return known[name]

    def _misfit(self, name: str, arrow_type: pa.DataType) -> str | None:
        kind = declared("BIGINT[]") if name == GAPS else self.kind.children[name]
        if arrow_type_matches(arrow_type, kind):
            return None
        return (
            f"the index column {self.within}{name} is {_short(duck_type(arrow_type))}, "
            f"where cog_header writes {_short(kind.text)}; {AGAIN}"
        )

    def nested(self, name: str, rows: pa.StructArray, kind: DuckType) -> _Columns:
        """The fields of the STRUCTs that one column holds."""
        misfits = self._misfits.nested.setdefault(name, _Misfits())
        return _Columns(rows, kind, misfits, within=f"{self.within}{name}.")

    def masks(self) -> _Columns:
        """The fields of the column mask."""
        if self._masks is None:
            self._masks = self.nested("mask", self.arrays["mask"], self.kind.children["mask"])
        return self._masks


class _Row:
    """One row of columns side by side; what is read is checked against what cog_header writes there."""

    def __init__(self, columns: _Columns, row: int, place: str = "") -> None:
        self.columns, self.row, self.place = columns, row, place

    def scalar(self, name: str) -> pa.Scalar | None:
        """The Arrow scalar of a column, None for NULL and for a column that is not there."""
        column = self.columns.arrays.get(name)
        if column is None:
            return None
        value = column[self.row]
        if not value.is_valid:
            return None
        self._require_fit(name)
        return value

    def value(self, name: str) -> Any:
        cells = self.columns.cells.get(name)
        if cells is not None:
            return cells[self.row]
        cell = self.columns.cell(name, self.row)
        if cell is not None:
            self._require_fit(name)
        return cell

    def _require_fit(self, name: str) -> None:
        if (misfit := self.columns.misfit(name)) is not None:
            self.refuse(misfit)

    def values(self, name: str, *, nulls: bool = False) -> tuple[Any, ...] | None:
        """A list as a tuple."""
        listed = self.value(name)
        if listed is None:
            return None
        if not nulls and None in listed:
            self.unfit(name, "a list with NULL in it")
        return tuple(listed)

    def required(self, name: str) -> Any:
        required = self.value(name)
        if required is None:
            self.refuse(f"the index column {self.columns.within}{name} is NULL; {AGAIN}")
        return required

    def number(self, name: str, least: int, most: int) -> int:
        number: int = self.required(name)
        if not least <= number <= most:
            self.unfit(name, f"{number:,}", f"{least:,} to {most:,}")
        return number

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        word: str = self.required(name)
        if word not in allowed:
            self.unfit(name, sql(word), " or ".join(map(sql, allowed)))
        return word

    def unfit(self, name: str, found: str, expected: str = "") -> NoReturn:
        """Refuse what a column holds."""
        wanted = expected and f", where {expected} was expected"
        self.refuse(f"the index column {self.columns.within}{name} holds {found}{wanted}; {AGAIN}")

    def refuse(self, problem: str) -> NoReturn:
        raise ArgumentError(f"{self.place}: {problem}" if self.place else problem)


def _per_band(columns: _Row, name: str, band_count: int) -> tuple[float, ...] | None:
    """A number for each band, or NULL."""
    per_band = _each_band(columns, name, band_count)
    return None if per_band is None else tuple(map(float, per_band))


def _each_band(columns: _Row, name: str, band_count: int, *, nulls: bool = False) -> tuple[Any, ...] | None:
    """A value for each band, or NULL."""
    per_band = columns.values(name, nulls=nulls)
    if per_band is not None and len(per_band) != band_count:
        columns.unfit(name, f"{len(per_band):,} values", f"one for each of {band_count:,} bands")
    return per_band


def _colormap(columns: _Row) -> tuple[int, ...] | None:
    """TIFF's ColorMap: as many numbers of 16 bits for each of red, green and blue; or NULL."""
    numbers = columns.values("colormap")
    if numbers is not None and len(numbers) % 3:
        columns.unfit("colormap", f"{len(numbers):,} numbers", "as many for each of red, green and blue")
    for number in numbers or ():
        if not 0 <= number <= MAX_COLOUR:
            columns.unfit("colormap", f"{number:,}", f"0 to {MAX_COLOUR:,}")
    return numbers


def _mask(columns: _Row, samples: _Samples) -> Level | None:
    if columns.scalar("mask") is None:
        return None
    inner = _Row(columns.columns.masks(), columns.row, columns.place)
    return _level(inner, samples, mask=None)


def _gcps(columns: _Row) -> tuple[GroundControlPoint, ...] | None:
    points = columns.values("gcps")
    if points is None:
        return None
    for point in points:
        if None in point.values():
            columns.unfit("gcps", "a point with NULL in it")
    return tuple(GroundControlPoint(**point) for point in points)


def _overviews(columns: _Row, samples: _Samples, of_mask: _Samples) -> list[Level]:
    nested = columns.scalar("overviews")
    if nested is None:
        return []
    if nested.values.null_count:
        columns.unfit("overviews", "a list with NULL in it")
    kind = columns.columns.kind.children["overviews"].children["child"]
    levels = columns.columns.nested("overviews", nested.values, kind)
    rows = [_Row(levels, i, columns.place) for i in range(len(nested.values))]
    return [_level(row, samples, mask=_mask(row, of_mask)) for row in rows]


def _level(columns: _Row, samples: _Samples, *, mask: Level | None) -> Level:
    fill_order = columns.value("fill_order")
    level = Level(
        image=image_layout(
            **{name: columns.number(name, 1, LARGEST) for name in SIZES},
            **vars(samples),
            tiled=columns.required("tiled"),
            compression=columns.required("compression"),
            predictor=columns.required("predictor"),
            interleave=columns.choice("interleave", ("pixel", "band")),
            photometric=columns.value("photometric"),
            bits_per_sample=columns.required("bits_per_sample"),
            fill_order=1 if fill_order is None else fill_order,
            jpeg_tables=columns.value("jpeg_tables"),
            lerc_parameters=columns.values("lerc_parameters"),
        ),
        tile_offsets=_offsets(columns),
        tile_byte_counts=_table(columns, "tile_byte_counts"),
        mask=mask,
    )
    _check_tables(columns, level, samples.band_count if level.interleave == "band" else 1)
    if mask is not None and (mask.width, mask.height) != (level.width, level.height):
        mask_size = f"a mask of {mask.width:,} x {mask.height:,} pixels"
        columns.unfit("mask", mask_size, f"{level.width:,} x {level.height:,}")
    return level


def _table(columns: _Row, name: str) -> np.ndarray[Any, np.dtype[np.uint64]]:
    table = columns.scalar(name)
    if table is None:
        columns.refuse(f"this index row has no tile tables ({columns.columns.within}{name} is NULL); {AGAIN}")
    if table.values.null_count:
        columns.unfit(name, "a list with NULL in it")
    if pa.types.is_null(table.values.type):  # the empty list
        return np.empty(0, np.uint64)
    numbers = whole_numbers(table.values)
    if numbers.dtype.kind == "i" and len(numbers) and numbers.min() < 0:
        columns.unfit(name, f"the negative number {numbers.min()}")
    return np.asarray(numbers, np.uint64)


def _offsets(columns: _Row) -> np.ndarray[Any, np.dtype[np.uint64]]:
    gaps = columns.scalar(GAPS)
    if gaps is None or columns.scalar("tile_offsets") is not None:
        return _table(columns, "tile_offsets")
    if gaps.values.null_count:
        columns.unfit(GAPS, "a list with NULL in it")
    counts = _table(columns, "tile_byte_counts")
    if len(gaps.values) != len(counts):
        columns.unfit(GAPS, f"{len(gaps.values):,} numbers", f"{len(counts):,}")
    if not len(counts):
        return counts
    numbers = whole_numbers(gaps.values).astype(np.int64)
    return offsets_of_table(numbers, counts.view(np.int64)).view(np.uint64)


def _check_tables(columns: _Row, level: Level, planes: int) -> None:
    """Tables of another length would read other tiles."""
    counts = [len(level.tile_offsets), len(level.tile_byte_counts)]
    expected = level.image.across * level.image.down * planes
    if counts != [expected, expected]:
        columns.refuse(
            f"this index row says {level.image.across} x {level.image.down} tiles"
            + (f" of {planes} bands" if planes > 1 else "")
            + f" ({expected:,}), but has {counts[0]:,} {columns.columns.within}tile_offsets "
            f"and {counts[1]:,} {columns.columns.within}tile_byte_counts; {AGAIN}"
        )


def _affine(columns: _Row) -> Affine:
    values = columns.required("transform")
    numbers = [float("nan") if v is None else float(v) for v in values]
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
        columns.unfit("transform", sql(values), "an affine of six finite numbers")
    a, b, c, d, e, f = numbers
    if a * e == b * d:
        columns.unfit("transform", sql(values), "an affine that does not map all pixels to one line")
    return a, b, c, d, e, f


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
