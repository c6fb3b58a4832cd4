"""STAC items as stac-geoparquet 1.1: one row per item, assets as a STRUCT, properties as columns."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.pipeline.copy import copy_to
from rasteret_sql.pipeline.write import columns_of, geo_metadata, key_values, query_of

if TYPE_CHECKING:
    import duckdb

ITEMS = "rasteret_items"
NEEDED = ("id", "collection", "geometry", "bbox", "datetime", "assets", "properties", "self_href")
MOMENTS = ("datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires")
"""Properties that are timestamps in the file (stac-geoparquet 1.1, "Inclusion of columns")."""
TOP_LEVEL = (
    "type",
    "stac_version",
    "stac_extensions",
    "id",
    "geometry",
    "bbox",
    "links",
    "assets",
    "collection",
)
PROJ_GEOMETRY = "proj:geometry"
WKB = (
    "_rasteret_ok(_rasteret_geojson_wkb(CASE WHEN json_type(properties, '$.\"proj:geometry\"') = 'OBJECT' "
    "THEN json_extract(properties, '$.\"proj:geometry\"')::VARCHAR END))"
)
"""The footprint in the item's own CRS: GeoJSON in an item, WKB in the file."""
RFC3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:?\d\d)?$"
ASSET = """map_from_entries(list_transform(map_entries(assets), lambda entry: {
    'key': entry.key,
    'value': json_merge_patch('{}', json_merge_patch(json_object(
        'href', _rasteret_ok(_rasteret_unsigned_href(entry.value.href)),
        'type', entry.value.type, 'title', entry.value.title,
        'roles', CASE WHEN len(entry.value.roles) > 0 THEN entry.value.roles END,
        'file:size', entry.value.file_size
    ), coalesce(_rasteret_ok(_rasteret_unsigned_fields(entry.value.extra_fields)), '{}')::JSON))
}))"""
"""The assets as the catalogue had them."""
KEPT = {
    "assets": f"to_json({ASSET}) AS assets",
    "properties": "_rasteret_ok(_rasteret_unsigned_fields(properties))::JSON AS properties",
    "self_href": "_rasteret_ok(_rasteret_unsigned_href(self_href)) AS self_href",
}
"""Columns of items whose hrefs lose what signs them, as in an index."""


def write_items(connection: duckdb.DuckDBPyConnection, query: str, path: str | os.PathLike[str]) -> int:
    """Write the items that ``query`` gives (rows of stac_search or stac_read) as stac-geoparquet 1.1.

    Types of properties and assets are found in all rows; members of one name and several types are kept as
    JSON, which ``stac_read`` takes apart again. Links other than ``self`` are not there to be written.
    Returns the number of items; none, and items without assets, make a file as well. Raises
    ``ArgumentError`` for rows that are not items, ``UnsupportedError`` for names of properties or assets that
    Parquet's columns cannot have: one that the format keeps for itself, none, and two that differ in case
    alone.
    """
    rows = query_of(query)
    missing = [column for column in NEEDED if column not in columns_of(connection, rows)]
    if missing:
        raise ArgumentError(
            f"write_items: the rows have no column {', '.join(missing)}; stac_search and stac_read give items"
        )
    kept = ", ".join(KEPT.get(column, column) for column in NEEDED)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {ITEMS} AS SELECT {kept} FROM {rows}")
    try:
        return _write(connection, os.fspath(path))
    finally:
        connection.execute(f"DROP TABLE {ITEMS}")


def _write(connection: duckdb.DuckDBPyConnection, path: str) -> int:
    properties, assets = (structure(connection, column) for column in ("properties", "assets"))
    _check_names(properties, f"{path}: properties", TOP_LEVEL)
    _check_names(assets, f"{path}: assets")
    for key, members in assets.items():
        if isinstance(members, Mapping):
            _check_names(members, f"{path}: members of asset {key!r}")
    properties, assets = typed(properties), typed(assets)
    columns: list[str] = []
    described = {"geometry": "GEOMETRY('OGC:CRS84')"}
    for key in properties:
        if key == "datetime":
            continue  # a column of the rows already
        if key == PROJ_GEOMETRY and _all_castable(connection, WKB):
            columns.append(f"{WKB} AS {name(key)}")
            described[key] = "GEOMETRY"
        elif key in MOMENTS and _all_castable(connection, _moment(key), key):
            columns.append(f"{_moment(key)} AS {name(key)}")
        else:
            columns.append(f"p.{name(key)} AS {name(key)}")
    geo = geo_metadata(described, "geometry").replace("geometry_bbox", "bbox")
    kept = {"geo": geo, "stac-geoparquet": json.dumps({"version": "1.1.0"})}
    return copy_to(
        connection,
        "SELECT 'Feature' AS type, '1.1.0' AS stac_version, []::VARCHAR[] AS stac_extensions, id, "
        "collection, ST_AsWKB(geometry) AS geometry, bbox, "
        "CASE WHEN self_href IS NULL THEN []::STRUCT(href VARCHAR, rel VARCHAR)[] "
        "ELSE [{'href': self_href, 'rel': 'self'}] END AS links, "
        f"{', '.join(['a AS assets', 'datetime', *columns])} "
        f"FROM (SELECT *, {_taken_apart('properties', properties)} AS p, "
        f"{_taken_apart('assets', assets)} AS a FROM {ITEMS}) "
        "ORDER BY datetime, rasteret_hilbert(geometry), id",
        path,
        ("FORMAT parquet", "COMPRESSION zstd", "GEOPARQUET_VERSION 'NONE'", key_values(kept)),
    )


def _taken_apart(column: str, structure: Mapping[str, Any]) -> str:
    """The struct in a column of JSON; the JSON itself where no row has a member: no struct is empty."""
    return f"from_json({column}, {quoted(json.dumps(structure))})" if structure else column


def _check_names(members: Mapping[str, Any], what: str, kept: tuple[str, ...] = ()) -> None:
    """DuckDB's columns and members have a name each, which is not told from another by its case."""
    seen = {known.lower(): known for known in (*kept, *(["datetime"] if kept else []))}
    for key in members:
        known = seen.setdefault(key.lower(), key)
        if known in kept:
            raise UnsupportedError(f"{what}: {key!r} has no place in stac-geoparquet, which keeps that name")
        if not key or known != key:
            names = (
                f"the names {known!r} and {key!r} differ in case alone" if key else "one has an empty name"
            )
            raise UnsupportedError(
                f"{what}: {names}, which columns of Parquet cannot have; rename one before it is written"
            )


def _all_castable(connection: duckdb.DuckDBPyConnection, cast: str, key: str = PROJ_GEOMETRY) -> bool:
    """Whether ``cast`` gives something for every item that has the property ``key``."""
    path = quoted(f'$."{key}"')
    row = connection.execute(
        f"SELECT bool_and(json_type(properties, {path}) IS NULL OR json_type(properties, {path}) = 'NULL' "
        f"OR {cast} IS NOT NULL) FROM {ITEMS}"
    ).fetchone()
    return bool(row and row[0])


def _moment(key: str) -> str:
    """A property as a timestamp; NULL for what is not RFC 3339. Without an offset it is UTC."""
    path = quoted(f'$."{key}"')
    text = f"json_extract_string(properties, {path})"
    return (
        f"CASE WHEN NOT regexp_matches({text}, {quoted(RFC3339)}) THEN NULL "
        f"WHEN regexp_matches({text}, '([Zz]|[+-]\\d\\d:?\\d\\d)$') THEN try_cast({text} AS TIMESTAMPTZ) "
        f"ELSE try_cast({text} || 'Z' AS TIMESTAMPTZ) END"
    )


def structure(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, Any]:
    """The members that the objects of a column have, with their types, as DuckDB finds them in JSON."""
    row = connection.execute(f"SELECT json_group_structure({column}) FROM {ITEMS}").fetchone()
    structures = json.loads(row[0]) if row and row[0] else {}
    return structures if isinstance(structures, dict) else {}


def typed(kind: Any, depth: int = 0) -> Any:
    """A structure as ``from_json`` takes it; what has several types, or names no struct has, stays JSON."""
    if isinstance(kind, Mapping):
        is_struct = "" not in kind and len({key.lower() for key in kind}) == len(kind)
        members = {key: typed(member, depth + 1) for key, member in kind.items()} if is_struct else {}
        return members or ("JSON" if depth else {})
    if isinstance(kind, list):
        return [typed(member, depth + 1) for member in kind]
    return "JSON" if kind == "NULL" else kind
