"""An index as a Parquet file that is small, and of which a query reads little."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.crs_text import require_modest
from rasteret_sql.pipeline.copy import copy_to
from rasteret_sql.pipeline.sort import copy_sorted

if TYPE_CHECKING:
    import duckdb

ROW_GROUP_ROWS = 8192
TIME_UNITS = ("day", "week", "month", "quarter", "year")
GEOMETRY = re.compile(r"GEOMETRY(?:\('(?P<crs>.*)'\))?", re.DOTALL)
LONGITUDE_LATITUDE = ("OGC:CRS84", "EPSG:4326")
TABLES = ("tile_offsets", "tile_byte_counts", "overviews", "mask")
LONGITUDE_LATITUDE_COLUMNS = ("geometry", "footprint")
"""Of an index: longitude and latitude by definition, also where a database's storage keeps no CRS."""
PLACES = ("datetime", "id", "band", "href")
"""Where rows of one cell and time go."""


def write_index(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: str | os.PathLike[str],
    *,
    ordered: bool = True,
    time_unit: str = "month",
    packed: bool = True,
    native_geometry: bool = True,
    row_group_rows: int = ROW_GROUP_ROWS,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write the index that ``query`` (or a table's name) gives to one Parquet file; the number of rows.

    The file is GeoParquet 1.1: geometries as WKB, with the ``geo`` metadata and a column of boxes
    (``geometry_bbox``) as covering. Rows are sorted by ``time_unit``, then along a Hilbert curve, in row
    groups of ``row_group_rows``. With ``packed`` the tables of tiles are kept as ``tile_gaps`` in place of
    ``tile_offsets`` (also in overviews and masks), which takes half the space; every function reads both.
    With ``native_geometry`` columns have Parquet's own GEOMETRY type beside the metadata, so that DuckDB
    skips row groups by ``geometry && …``; readers on Arrow before 21 need ``native_geometry=False``.
    ``metadata`` is kept in the file by key. Raises ``ArgumentError`` for an unknown ``time_unit``.

    Rows are sorted in runs that lie beside the file until it is done, so memory does not grow with the index
    (but for half a gigabyte, keys of rows alone). What holds types that Arrow does not give back as they are
    (ENUM, HUGEINT, UUID, …) is sorted by DuckDB in memory, as everything is with DuckDB 1.5.
    """
    if time_unit not in TIME_UNITS:
        raise ArgumentError(f"time_unit {time_unit!r} is not one of {', '.join(TIME_UNITS)}")
    rows = query_of(query)
    given = columns_of(connection, rows)
    types = _placed(given)
    if types != given:
        lost = [column for column, kind in types.items() if kind != given[column]]
        placed = ", ".join(f"{column}::{types[column]} AS {column}" for column in lost)
        rows = f"(SELECT * REPLACE ({placed}) FROM {rows})"
    selected, source = _selection(types, rows, packed=packed, native=native_geometry)
    primary = _primary(types)
    order = _order(types, primary, time_unit) if ordered else {}
    kept = {**(metadata or {}), **({"geo": geo_metadata(types, primary)} if primary else {})}
    options = [
        "FORMAT parquet", "COMPRESSION zstd", "COMPRESSION_LEVEL 9", "PARQUET_VERSION v2",
        f"ROW_GROUP_SIZE {row_group_rows}", "GEOPARQUET_VERSION 'NONE'",
    ]  # fmt: skip
    if kept:
        options.append(key_values(kept))
    if not order:
        return copy_to(connection, f"SELECT {selected} FROM {source}", path, options)
    columns = columns_of(connection, f"(SELECT {selected} FROM {source})")
    keys = ", ".join(f"{key} AS {column}" for column, key in order.items())
    rows = f"SELECT {selected}, {keys} FROM {source}"
    return copy_sorted(connection, rows, columns, list(order), path, options, row_group_rows=row_group_rows)


def key_values(kept: Mapping[str, str]) -> str:
    """The option of COPY for metadata of a Parquet file."""
    return f"KV_METADATA {{{', '.join(f'{name(key)}: {quoted(given)}' for key, given in kept.items())}}}"


def query_of(given: str) -> str:
    """A query in brackets, of a query or a table's name."""
    stripped = given.strip().rstrip(";").strip()
    return (
        f"({stripped})"
        if re.match(r"(SELECT|FROM|WITH|VALUES|\()\b|\(", stripped, re.IGNORECASE)
        else f"(FROM {stripped})"
    )


def columns_of(connection: duckdb.DuckDBPyConnection, rows: str) -> dict[str, str]:
    """Names and DuckDB types of the columns of a query in brackets."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {rows}").fetchall()}


def _placed(types: Mapping[str, str]) -> dict[str, str]:
    """The same with a CRS for geometries of an index that lost it, as older storage of DuckDB does."""
    return {
        column: "GEOMETRY('OGC:CRS84')"
        if kind == "GEOMETRY" and column in LONGITUDE_LATITUDE_COLUMNS
        else kind
        for column, kind in types.items()
    }


def _primary(types: Mapping[str, str]) -> str | None:
    """The geometry that places a row."""
    geometries = [column for column, kind in types.items() if GEOMETRY.fullmatch(kind)]
    return next((column for column in ("geometry", "footprint", *geometries) if column in geometries), None)


def _selection(types: Mapping[str, str], rows: str, *, packed: bool, native: bool) -> tuple[str, str]:
    """The columns of the file, and the query that they are taken from."""
    primary = _primary(types)
    shown = {column: name(column) for column in types if column != f"{primary}_bbox"}
    source = f"{rows} AS r"
    if packed and {"tile_offsets", "tile_byte_counts"} <= types.keys():
        tables = [column for column in TABLES if column in types]
        given = ", ".join(f"'{column}': {column}" for column in tables)
        absent = "".join(f", '{column}': NULL" for column in TABLES if column not in types)
        packing = f"_rasteret_pack_tiles({{{given}{absent}}})"
        source = (
            "(SELECT * REPLACE (_rasteret_ok_column(rasteret_packed) AS rasteret_packed) "
            f"FROM (SELECT r.*, {packing} AS rasteret_packed FROM {source}))"
        )
        for column in set(tables) - {"tile_byte_counts"}:
            new = column.replace("offsets", "gaps")
            shown[column] = f"rasteret_packed.{new} AS {new}"
    if not native:
        for column, kind in types.items():
            if GEOMETRY.fullmatch(kind):
                shown[column] = f"ST_AsWKB({name(column)}) AS {name(column)}"
    if primary:
        shown[f"{primary}_bbox"] = f"rasteret_bbox({name(primary)}) AS {name(f'{primary}_bbox')}"
    return ", ".join(shown.values()), source


def _order(types: Mapping[str, str], primary: str | None, time_unit: str) -> dict[str, str]:
    """What rows are sorted by: names that no column has, and SQL."""
    keys = [f"date_trunc('{time_unit}', datetime)"] if "datetime" in types else []
    keys += [f"rasteret_hilbert({name(primary)})"] if primary else []
    keys += [name(column) for column in PLACES if column in types]
    return {f"rasteret_key_{number}": key for number, key in enumerate(keys)}


def geo_metadata(types: Mapping[str, str], primary: str) -> str:
    """The ``geo`` metadata of GeoParquet 1.1 for columns of these DuckDB types."""
    columns: dict[str, Any] = {}
    for column, kind in types.items():
        match = GEOMETRY.fullmatch(kind)
        if match:
            columns[column] = {"encoding": "WKB", "geometry_types": [], **_crs(match["crs"])}
    sides = ("xmin", "ymin", "xmax", "ymax")
    columns[primary]["covering"] = {"bbox": {side: [f"{primary}_bbox", side] for side in sides}}
    return json.dumps({"version": "1.1.0", "primary_column": primary, "columns": columns})


def _crs(crs: str | None) -> dict[str, Any]:
    """Left out it is OGC:CRS84, null is unknown."""
    if crs in LONGITUDE_LATITUDE:
        return {}
    if crs is None:
        return {"crs": None}
    from pyproj import CRS

    require_modest(crs)
    return {"crs": CRS(crs).to_json_dict()}
