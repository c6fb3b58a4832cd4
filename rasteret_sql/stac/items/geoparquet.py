"""STAC GeoParquet (stac-geoparquet 1.0 and 1.1): one row per item, its properties as columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.stac.items.parquet_values import columns_of
from rasteret_sql.stac.values import short
from rasteret_sql.store.redact import display_href

_TOP_LEVEL = frozenset({
    "type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection",
    "properties",
})  # fmt: skip
_ROWS_AT_ONCE = 1024
_SIDES = frozenset({"xmin", "ymin", "xmax", "ymax"})
_LONGITUDE_LATITUDE = ("CRS84", "4326", "CRS84h", "4979")


def items(data: bytes, href: str) -> Iterator[dict[str, Any]]:
    """The STAC items of a Parquet file, with ``geometry`` as WKB and all else as JSON has it.

    A null stands for a member that the item lacks, as the format has it. Raises ``MalformedError`` for what
    is not Parquet or holds no items, ``UnsupportedError`` for a geometry in another encoding or CRS.
    """
    name = display_href(href)
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _check(file.schema_arrow, name)
        geometries = _geometry_columns(file.schema_arrow)
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            columns = columns_of(batch, geometries, name)
            for number in range(batch.num_rows):
                yield _item({field: values[number] for field, values in columns.items()}, name)
    except (pa.ArrowException, OSError) as error:
        raise MalformedError(f"{name}: not a readable Parquet file ({error})") from error


def _check(schema: pa.Schema, name: str) -> None:
    if not {"id", "assets"} <= set(schema.names):
        columns = ", ".join(schema.names[:12])
        raise MalformedError(f"{name}: not STAC GeoParquet: columns id and assets expected, found {columns}")
    geo = (schema.metadata or {}).get(b"geo")
    if geo is None:
        return
    try:
        column = json.loads(geo)["columns"]["geometry"]
        encoding, crs = column.get("encoding", "WKB"), column.get("crs")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise MalformedError(f"{name}: its GeoParquet metadata does not describe column geometry") from error
    if encoding != "WKB":
        raise UnsupportedError(f"{name}: geometry is encoded as {short(encoding)}; only WKB is read")
    identifier = crs.get("id") if isinstance(crs, dict) else None
    code = identifier.get("code") if isinstance(identifier, dict) else None
    if code is not None and str(code) not in _LONGITUDE_LATITUDE:
        raise UnsupportedError(f"{name}: geometry is in CRS {short(code)}; STAC items are in OGC:CRS84")


def _geometry_columns(schema: pa.Schema) -> frozenset[str]:
    """The columns beside ``geometry`` that hold WKB: those of the metadata, and proj:geometry."""
    described = json.loads((schema.metadata or {}).get(b"geo", b"{}")).get("columns", {})
    return frozenset({"proj:geometry", *described}) - {"geometry"}


def _item(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    properties = {
        field: value for field, value in row.items() if field not in _TOP_LEVEL and value is not None
    }
    return {
        "type": row.get("type") or "Feature",
        "id": row["id"],
        "collection": row.get("collection"),
        "geometry": _geometry(row.get("geometry")),
        "bbox": _bbox(row.get("bbox")),
        "links": row.get("links") or [],
        "assets": _parsed(row["assets"], name, "assets") or {},
        "properties": {**(_parsed(row.get("properties"), name, "properties") or {}), **properties},
    }


def _parsed(value: Any, name: str, column: str) -> Any:
    """An object that some writers keep as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            f"{name}: column {column} holds text that is not JSON: {short(value)}"
        ) from error


def _geometry(value: Any) -> Any:
    """WKB in hexadecimal digits and GeoJSON text, as writers without binary columns leave them, as such."""
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            return json.loads(value) if value.lstrip().startswith("{") else bytes.fromhex(value)
    return value


def _bbox(value: Any) -> Any:
    if not isinstance(value, Mapping) or (value and not _SIDES & value.keys()):
        return value
    heights = value.get("zmin") is not None and value.get("zmax") is not None
    axes = "xyz" if heights else "xy"
    if all(value.get(f"{axis}{side}") is None for side in ("min", "max") for axis in "xy"):
        return None  # how writers leave the box of an item without a geometry
    return [value.get(f"{axis}{side}") for side in ("min", "max") for axis in axes]
