"""Chips as values of SQL: rows of read_cog as arguments, and STRUCTs with the same columns as answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.arrays import Pixels
from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.arrays import array_of, blobs_of, present
from rasteret_sql.duck.arrow.duck_types import DuckType, declared
from rasteret_sql.duck.arrow.fits import arrow_type_matches, duck_type, fields_of
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.duck.arrow.types import CHIP
from rasteret_sql.errors import ArgumentError, RasteretError, value_or_raise
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.band_facts import COLUMNS, BandFacts
from rasteret_sql.raster.chip import Chip, clip, read_each
from rasteret_sql.raster.physical import physical
from rasteret_sql.raster.read.plan import ReadRequest
from rasteret_sql.raster.source import Raster

NEEDED = ("dtype", "shape", "data", "valid")
"""A row without one of these is not a chip; what else is missing is not known of its pixels."""
PLACED = ("transform",)
SCALED = ("scales", "offsets")
OPTIONAL = ("band_names", "units")
OF_BANDS = (*SCALED, *OPTIONAL, "colorinterp")
"""Columns with a value for each band."""
USED = (*NEEDED, "transform", "crs", "nodata", *COLUMNS, "href", "bands", "level", "x_off", "y_off")
DTYPES = frozenset(
    {"uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"}
    | {"float16", "float32", "float64", "complex64", "complex128"}
)
NO_TRANSFORM = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def is_chip(kind: Any) -> bool:
    """Whether rows of this type carry pixels, as those of read_cog do."""
    return {"data", "shape"} <= set(fields_of(kind))


def each_chip(
    raster: pa.Array,
    requests: Sequence[ReadRequest | None],
    scaled: Sequence[bool | None],
    *,
    placed: bool = True,
) -> Iterator[tuple[int, Chip]]:
    """Row number and chip of every raster with a request: an href, an index row or a chip.

    Rows that are NULL or do not overlap are left out. A few chips at a time are in memory (``read_each``), so
    look at one and let it go. ``scaled``: whose physical values are wanted. ``placed``: the transform is
    needed, so a chip must have one.
    """
    if is_chip(raster.type):
        for row, chip in enumerate(chips_of(raster, placed=placed)):
            request = requests[row]
            if chip is None or request is None:
                continue
            clipped = clip(physical(chip) if scaled[row] else chip, request)
            if clipped is not None:
                yield row, clipped
        return
    for row, chip in read_each(headers_of(raster, requests), requests):
        yield row, physical(chip) if scaled[row] else chip


def headers_of(raster: pa.Array, requests: Sequence[ReadRequest | None]) -> list[Header | None]:
    """The header of every href or index row; the first error of one that has a request is raised."""
    overviews = [r is not None and bool(r.level or r.resolution is not None) for r in requests]
    headers = rasters(raster, overviews)
    for header, request in zip(headers, requests, strict=True):
        if isinstance(header, RasteretError) and request is not None:
            raise header
    return [None if isinstance(h, RasteretError) else h for h in headers]


def rasters_or_chips(
    column: pa.Array, wanted: Sequence[bool], overviews: Sequence[bool]
) -> list[Raster | None]:
    """The raster of every row that wants one: an href, an index row or a chip; equal rows share it.

    Raises what opening a wanted one raised. ``overviews``: see ``rasters``.
    """
    if is_chip(column.type):
        return [chip if there else None for chip, there in zip(chips_of(column), wanted, strict=True)]
    return [
        value_or_raise(header) if there and header is not None else None
        for header, there in zip(rasters(column, overviews), wanted, strict=True)
    ]


def chips_of(column: pa.Array, *, placed: bool = True) -> list[Chip | None]:
    """Every row's chip; None where the row or its data is NULL. Pixels are views of DuckDB's own memory."""
    names, expected = fields_of(column.type), declared(CHIP)
    columns: dict[str, Sequence[Any]] = {}
    for name in USED:
        if name in names:
            given = column.field(names.index(name))
            _require(name, given.type, expected.children[name])
            columns[name] = _buffers(given) if name in ("data", "valid") else given.to_pylist()
        elif name in NEEDED or (placed and name in PLACED):
            raise ArgumentError(
                f"the raster is a row with data, but without the column {name}: pass a row of read_cog; "
                f"its columns are: {', '.join(names)}"
            )
    there = present(column)
    return [
        chip_of({name: values[row] for name, values in columns.items()}, placed=placed)
        if there[row] and columns["data"][row] is not None
        else None
        for row in range(len(column))
    ]


def _require(name: str, found: Any, expected: DuckType) -> None:
    if not arrow_type_matches(found, expected):
        raise ArgumentError(
            f"the chip's column {name} is {duck_type(found)}, where read_cog gives {expected.text}; "
            "pass a row of read_cog as it is"
        )


def _buffers(column: pa.Array) -> list[memoryview | None]:
    """BLOBs without a copy."""
    if pa.types.is_null(column.type):
        return [None] * len(column)
    return [None if not value.is_valid else memoryview(value.as_buffer()) for value in column]


def chip_of(row: dict[str, Any], *, placed: bool) -> Chip:
    """The chip whose columns these are; ArgumentError where they do not fit each other."""
    dtype, shape, data, valid = (row[name] for name in NEEDED)
    whole = "pass a row of read_cog as it is"
    if dtype not in DTYPES or shape is None or len(shape) != 3 or not all(n and n > 0 for n in shape):
        raise ArgumentError(f"the chip has dtype {sql(dtype)} and shape {sql(shape)}; {whole}")
    bands, rows, columns = shape
    kind = np.dtype(dtype).newbyteorder("<")
    if len(data) != bands * rows * columns * kind.itemsize or (
        valid is not None and len(valid) != rows * columns
    ):
        raise ArgumentError(
            f"the chip has {len(data):,} bytes of data"
            + ("" if valid is None else f" and {len(valid):,} of valid")
            + f", which do not fit its shape {sql(shape)} of {dtype}; {whole}"
        )
    transform = row.get("transform")
    if placed and (transform is None or len(transform) != 6 or None in transform):
        raise ArgumentError(f"the chip has transform {sql(transform)}; {whole}")
    for name in OF_BANDS:
        values = row.get(name)
        if values is not None and (len(values) != bands or (name not in OPTIONAL and None in values)):
            raise ArgumentError(f"the chip has {bands} bands and {name} {sql(values)}; {whole}")
    return Chip(
        pixels=np.frombuffer(data, kind).reshape(shape),
        valid=None if valid is None else np.frombuffer(valid, np.uint8).reshape(rows, columns) != 0,
        transform=tuple(transform) if transform else NO_TRANSFORM,
        crs=row.get("crs"),
        nodata=row.get("nodata"),
        href=row.get("href"),
        bands=tuple(row.get("bands") or ()),
        level=row.get("level"),
        x_off=row.get("x_off"),
        y_off=row.get("y_off"),
        facts=BandFacts(**{name: _fact(name, row.get(name)) for name in COLUMNS}),
    )


def _fact(name: str, values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if not values else tuple(map(float, values)) if name in SCALED else tuple(values)


def chip_column(chips: list[Chip | None]) -> pa.Array:
    """Chips as one column of ``types.CHIP``; None is NULL. They are taken out of ``chips`` one by one."""
    plain = [None if chip is None else _row(chip) for chip in chips]
    there = np.array([chip is not None for chip in chips], np.bool_)
    columns = []
    fields = []
    for name, kind in declared(CHIP).children.items():
        if name == "data":
            child = blobs_of(_taken(chips))
        else:
            child = array_of([None if row is None else row.get(name) for row in plain], kind)
        fields.append(pa.field(name, child.type))
        columns.append(child)
    bitmap = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.struct(fields), len(there), [bitmap], children=columns)


def _taken(chips: list[Chip | None]) -> Iterator[Pixels | None]:
    for place, chip in enumerate(chips):
        chips[place] = None
        yield None if chip is None else chip.pixels


def _row(chip: Chip) -> dict[str, Any]:
    bands, rows, columns = chip.pixels.shape
    valid = chip.valid
    return {
        "href": chip.href,
        "bands": chip.bands or None,
        "level": chip.level,
        "x_off": chip.x_off,
        "y_off": chip.y_off,
        "width": columns,
        "height": rows,
        "bbox": box(chip.bounds),
        "crs": chip.crs,
        "transform": chip.transform,
        "dtype": chip.pixels.dtype.name,
        "shape": (bands, rows, columns),
        "nodata": chip.nodata,
        **vars(chip.facts),
        "valid": None if valid is None or valid.all() else valid.astype(np.uint8).tobytes(),
        "error": None,
    }
