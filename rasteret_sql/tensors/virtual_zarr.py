"""An index as a virtual Zarr store: references to the tiles of its files, in kerchunk's JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.errors import ArgumentError, UnsupportedError, value_or_raise
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.signing.presigned import unsigned
from rasteret_sql.tensors.rows import bands_of, times_of
from rasteret_sql.tensors.spatial_ref import SPATIAL_REF, axes, centres, grid_mapping, is_upright

FUNCTION = "write_virtual_zarr"
CODECS: Mapping[str, Mapping[str, Any] | None] = {
    "none": None,
    "deflate": {"id": "zlib", "level": 6},
    "zstd": {"id": "zstd", "level": 9},
    "lzma": {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None},
}
"""numcodecs' name of each compression that it decodes."""
DIMENSIONS = ["time", "band", "y", "x"]
References = dict[str, Any]


def write(con: duckdb.DuckDBPyConnection, query: str, path: str | Path) -> None:
    """See ``rasteret_sql.write_virtual_zarr``."""
    table = con.sql(query).to_arrow_table()
    if table.num_rows == 0:
        raise ArgumentError(f"{FUNCTION}: the query has no rows")
    (batch,) = table.combine_chunks().to_batches()
    rows = pa.StructArray.from_arrays(batch.columns, batch.schema.names)
    headers = [_checked(value_or_raise(header)) for header in rasters(rows, [False] * len(rows))]
    _require_alike(headers)
    references = _references(headers, times_of(batch), bands_of(batch))
    Path(path).write_text(json.dumps({"version": 1, "refs": references}), "utf-8")


def _checked(header: Header | None) -> Header:
    """A header whose tiles Zarr can read; UnsupportedError names what it cannot."""
    if header is None:
        raise ArgumentError(f"{FUNCTION}: a row of the query is not an index row")
    image = header.levels[0].image
    block = image.block
    reasons = {
        f"{header.band_count} bands in one file": header.band_count != 1,
        "strips": not image.tiled,
        f"compression {block.compression}": block.compression not in CODECS,
        f"predictor {block.predictor}": block.predictor != 1,
        f"{block.bits_per_sample} bits a sample": block.bits_per_sample != 8 * np.dtype(block.dtype).itemsize,
        "bits in reverse order": block.fill_order != 1,
        "an internal mask": header.levels[0].mask is not None,
        "a grid that is turned": not is_upright(header.transform),
    }
    found = next((reason for reason, is_so in reasons.items() if is_so), None)
    if found is not None:
        raise UnsupportedError(
            f"{FUNCTION}: {display_href(header.href)} has {found}, which Zarr's own codecs do not read; "
            "open_xarray reads it"
        )
    return header


def _require_alike(headers: Sequence[Header]) -> None:
    def kind(header: Header) -> tuple[Any, ...]:
        level = header.levels[0]
        return level.width, level.height, header.crs, header.transform, level.image.block

    first = headers[0]
    other = next((header for header in headers if kind(header) != kind(first)), None)
    if other is not None:
        raise ArgumentError(
            f"{FUNCTION}: {display_href(other.href)} has another grid, type, tile size or compression than "
            f"{display_href(first.href)}: one store has one of each. Choose files of one, as in "
            "WHERE crs = 'EPSG:32632' AND dtype = 'uint16'"
        )


def _references(headers: Sequence[Header], times: Any, bands: Sequence[str | None]) -> References:
    if any(band is None for band in bands) or np.isnat(times).any():
        raise ArgumentError(f"{FUNCTION}: every row needs datetime and band")
    distinct_times, distinct_bands = np.unique(times), sorted({str(band) for band in bands})
    first, level = headers[0], headers[0].levels[0]
    shape = [len(distinct_times), len(distinct_bands), level.height, level.width]
    found: References = {".zgroup": json.dumps({"zarr_format": 2}), ".zattrs": "{}"}
    taken: dict[tuple[int, int], str] = {}
    for header, time, band in zip(headers, times, bands, strict=True):
        place = int(np.searchsorted(distinct_times, time)), distinct_bands.index(str(band))
        if place in taken:
            raise ArgumentError(
                f"{FUNCTION}: band {band!r} comes twice at {time}: {display_href(header.href)}, and "
                f"{display_href(taken[place])}. Keep one of them"
            )
        taken[place] = header.href
        found |= _tiles(header.levels[0], unsigned(header.href), place)
    is_full = len(taken) == shape[0] * shape[1] and all(h.levels[0].tile_byte_counts.all() for h in headers)
    fill = first.nodata if first.nodata is not None else None if is_full else 0
    found |= _array(
        "pixels",
        DIMENSIONS,
        shape,
        _dtype(level),
        {"grid_mapping": SPATIAL_REF},
        fill=fill,
        chunks=[1, 1, level.tile_height, level.tile_width],
        compression=level.image.block.compression,
    )
    return {**found, **_coordinates(first, distinct_times, distinct_bands)}


def _tiles(level: Level, href: str, place: tuple[int, int]) -> References:
    """Where each tile lies; sparse ones have no entry."""
    across = level.image.across
    found: References = {}
    for number, (offset, length) in enumerate(
        zip(level.tile_offsets.tolist(), level.tile_byte_counts.tolist(), strict=True)
    ):
        if length:
            row, column = divmod(number, across)
            found[f"pixels/{place[0]}.{place[1]}.{row}.{column}"] = [href, offset, length]
    return found


def _dtype(level: Level) -> str:
    plain = np.dtype(level.image.block.dtype)
    return plain.newbyteorder(">" if level.image.block.byte_order == "big" else "<").str


def _array(
    name: str,
    dimensions: Sequence[str],
    shape: Sequence[int],
    dtype: str,
    attributes: Mapping[str, Any],
    *,
    chunks: Sequence[int] | None = None,
    compression: str = "none",
    fill: float | None = None,
) -> References:
    """Metadata of one array, in version 2 of Zarr."""
    is_whole = fill is not None and np.dtype(dtype).kind in "iub"
    about = {
        "zarr_format": 2, "shape": list(shape), "chunks": list(chunks or shape), "dtype": dtype, "order": "C",
        "compressor": CODECS[compression], "filters": None,
        "fill_value": int(fill) if is_whole and fill is not None else "NaN" if fill != fill else fill,
    }  # fmt: skip
    return {
        f"{name}/.zarray": json.dumps(about),
        f"{name}/.zattrs": json.dumps({**attributes, "_ARRAY_DIMENSIONS": list(dimensions)}),
    }


def _coordinates(header: Header, times: Any, bands: Sequence[str]) -> References:
    level = header.levels[0]
    x, y = centres(header.transform, level.width, level.height)
    of_x, of_y = axes(header.crs)
    since = {"units": "microseconds since 1970-01-01", "calendar": "proleptic_gregorian"}
    found: References = {}
    for name, values, attributes in (
        ("time", times.astype("datetime64[us]").astype("<i8"), since),
        ("band", np.array(bands, np.dtypes.StrDType(max(map(len, bands)))), {}),
        ("y", y.astype("<f8"), of_y),
        ("x", x.astype("<f8"), of_x),
        (SPATIAL_REF, np.array(0, "<i8"), grid_mapping(header.crs, header.transform)),
    ):
        dimensions = [name] if values.ndim else []
        found |= _array(name, dimensions, values.shape, values.dtype.str, attributes)
        content = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
        found[f"{name}/0"] = f"base64:{content}"
    return found
