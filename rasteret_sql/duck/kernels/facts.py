"""RS_MetaData and the accessors: what a header, or the columns of a chip, say without their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import shapely

from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.chip_facts import facts_columns
from rasteret_sql.duck.arrow.duck_types import declared
from rasteret_sql.duck.arrow.fits import arrow_type_matches, duck_type, fields_of
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.geo.window import Affine, Window, corners, window_bounds
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.read.plan import pick_band_numbers

CHIP = (
    "STRUCT(shape INTEGER[], transform DOUBLE[], crs VARCHAR, dtype VARCHAR, nodata DOUBLE, "
    "band_names VARCHAR[])"
)
PIXEL_TYPES = {
    "uint8": "UNSIGNED_8BITS",
    "uint16": "UNSIGNED_16BITS",
    "int16": "SIGNED_16BITS",
    "int32": "SIGNED_32BITS",
    "float32": "REAL_32BITS",
    "float64": "REAL_64BITS",
    # Sedona has no names for these; they follow its pattern.
    "int8": "SIGNED_8BITS",
    "uint32": "UNSIGNED_32BITS",
    "uint64": "UNSIGNED_64BITS",
    "int64": "SIGNED_64BITS",
    "float16": "REAL_16BITS",
    "complex64": "COMPLEX_64BITS",
    "complex128": "COMPLEX_128BITS",
}


def chip_facts(facts: pa.Array) -> list[dict[str, Any] | None]:
    """Scales, offsets, units, names and colours of planned chips."""
    return facts_columns(facts.to_pylist())


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one raster."""

    width: int
    height: int
    band_count: int
    tile_width: int
    tile_height: int
    crs: str | None
    transform: Affine
    dtype: str | None
    nodata: float | None
    band_names: Sequence[str | None]
    name: str
    """What messages call it."""

    @property
    def srid(self) -> int:
        """The EPSG code; 0 without one."""
        code = (self.crs or "").removeprefix("EPSG:")
        return int(code) if code != self.crs and code.isdigit() else 0


def metadata(raster: pa.Array) -> list[dict[str, Any] | None]:
    """Sedona's RS_MetaData of an href, an index row or a chip."""
    return [None if known is None else _metadata_row(known) for known in facts_of(raster)]


def _metadata_row(known: Facts) -> dict[str, Any]:
    a, b, c, d, e, f = known.transform
    return {
        "upperLeftX": c,
        "upperLeftY": f,
        "gridWidth": known.width,
        "gridHeight": known.height,
        "scaleX": a,
        "scaleY": e,
        "skewX": b,
        "skewY": d,
        "srid": known.srid,
        "numSampleDimensions": known.band_count,
        "tileWidth": known.tile_width,
        "tileHeight": known.tile_height,
    }


def raster_facts(raster: pa.Array) -> list[dict[str, Any] | None]:
    """What the accessors of a raster take from: RS_Width, RS_CRS, RS_ScaleX, …"""
    return [None if known is None else _facts_row(known) for known in facts_of(raster)]


def _facts_row(known: Facts) -> dict[str, Any]:
    return {
        "width": known.width,
        "height": known.height,
        "band_count": known.band_count,
        "crs": known.crs,
        "srid": known.srid,
        "transform": known.transform,
    }


def outlines(raster: pa.Array) -> list[dict[str, Any] | None]:
    """The four corners of each raster, and its bounding box, as WKB."""
    return [None if known is None else _outline(known) for known in facts_of(raster)]


def _outline(known: Facts) -> dict[str, Any]:
    whole = Window(x_off=0, y_off=0, width=known.width, height=known.height)
    return {
        "convex_hull": shapely.to_wkb(shapely.Polygon(corners(known.transform, whole))),
        "envelope": shapely.to_wkb(shapely.box(*window_bounds(known.transform, whole))),
    }


@by_name
def band_facts(call: Call) -> list[dict[str, Any] | None]:
    """What the accessors of a band take from: RS_BandNoDataValue, RS_BandPixelType."""
    rows: list[dict[str, Any] | None] = []
    for known, band in zip(facts_of(call.raster), call.one_band(), strict=True):
        if known is None:
            rows.append(None)
            continue
        pick_band_numbers((band,), known.band_count, known.band_names, known.name)
        rows.append({"nodata": known.nodata, "pixel_type": PIXEL_TYPES.get(known.dtype or "")})
    return rows


def facts_of(raster: pa.Array) -> list[Facts | None]:
    """Every row's facts; None where it is NULL. No request but for the header of an href."""
    names = fields_of(raster.type)
    if "shape" in names and "transform" in names:
        return _of_chips(raster)
    headers = map(value_or_raise, rasters(raster, [False] * len(raster)))
    return [None if header is None else _of_header(header) for header in headers]


def _of_header(header: Header) -> Facts:
    return Facts(
        width=header.full.width,
        height=header.full.height,
        band_count=header.band_count,
        tile_width=header.full.tile_width,
        tile_height=header.full.tile_height,
        crs=header.crs,
        transform=header.transform,
        dtype=header.dtype,
        nodata=header.nodata,
        band_names=header.band_names or (),
        name=header.href,
    )


def _of_chips(chips: pa.Array) -> list[Facts | None]:
    """Of rows that have a shape: their pixels are not looked at."""
    names, expected = fields_of(chips.type), declared(CHIP)
    columns: dict[str, Sequence[Any]] = {}
    for name, kind in expected.children.items():
        if name not in names:
            columns[name] = [None] * len(chips)
            continue
        column = chips.field(names.index(name))
        if not arrow_type_matches(column.type, kind):
            raise ArgumentError(
                f"the chip's column {name} is {duck_type(column.type)}, where read_cog gives "
                f"{kind.text}; pass a row of read_cog as it is"
            )
        columns[name] = column.to_pylist()
    there = present(chips)
    return [
        _of_chip({name: values[row] for name, values in columns.items()}) if there[row] else None
        for row in range(len(chips))
    ]


def _of_chip(row: dict[str, Any]) -> Facts | None:
    shape, transform = row["shape"], row["transform"]
    if shape is None or transform is None:
        return None
    if len(shape) != 3 or len(transform) != 6:
        raise ArgumentError(
            f"the chip has shape {sql(shape)} and transform {sql(transform)}; pass a row of read_cog as it is"
        )
    bands, height, width = shape
    return Facts(
        width=width,
        height=height,
        band_count=bands,
        tile_width=width,
        tile_height=height,
        crs=row["crs"],
        transform=tuple(transform),
        dtype=row["dtype"],
        nodata=row["nodata"],
        band_names=row["band_names"] or (),
        name="the chip",
    )
