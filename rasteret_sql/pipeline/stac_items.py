"""STAC items as stac-geoparquet 1.1: one row an item, assets as a STRUCT, properties as columns."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.pipeline.write import columns_of, geo_metadata, query_of

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
ASSET = """map_from_entries(list_transform(map_entries(assets), lambda entry: {
    'key': entry.key,
    'value': json_merge_patch('{}', json_merge_patch(json_object(
        'href', entry.value.href, 'type', entry.value.type, 'title', entry.value.title,
        'roles', CASE WHEN len(entry.value.roles) > 0 THEN entry.value.roles END,
        'file:size', entry.value.file_size
    ), coalesce(entry.value.extra_fields, '{}'::JSON)))
}))"""
"""The assets as the catalogue had them."""


def write_items(connection: duckdb.DuckDBPyConnection, query: str, path: str | os.PathLike[str]) -> int:
    """Write the items that ``query`` gives (rows of stac_search or stac_read) as stac-geoparquet 1.1.

    Types of properties and assets are found in all rows; members of one name and several types are kept as
    JSON text. Links other than ``self`` are not there to be written. Returns the number of items. Raises
    ``ArgumentError`` for rows that are no items, ``UnsupportedError`` for a property with a name that the
    format keeps for itself.
    """
    rows = query_of(query)
    missing = [column for column in NEEDED if column not in columns_of(connection, rows)]
    if missing:
        raise ArgumentError(
            f"write_items: the rows have no column {', '.join(missing)}; stac_search and stac_read give items"
        )
    plain = ", ".join(column for column in NEEDED if column != "assets")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {ITEMS} AS SELECT {plain}, to_json({ASSET}) AS assets FROM {rows}"
    )
    try:
        return _write(connection, os.fspath(path))
    finally:
        connection.execute(f"DROP TABLE {ITEMS}")


def _write(connection: duckdb.DuckDBPyConnection, path: str) -> int:
    properties = _structure(connection, "properties")
    taken = sorted(set(properties) & set(TOP_LEVEL))
    if taken:
        raise UnsupportedError(f"{path}: a property named {taken[0]} has no place in stac-geoparquet")
    columns = [
        _moment(key) if key in MOMENTS else f"p.{name(key)} AS {name(key)}"
        for key in properties
        if key != "datetime"
    ]
    parsed = f"from_json(properties, {quoted(json.dumps(properties))})" if properties else "NULL"
    assets = f"from_json(assets, {quoted(json.dumps(_structure(connection, 'assets')))})"
    kept = {
        "geo": geo_metadata({"geometry": "GEOMETRY('OGC:CRS84')"}, "geometry").replace(
            "geometry_bbox", "bbox"
        ),
        "stac-geoparquet": json.dumps({"version": "1.1.0"}),
    }
    row = connection.execute(
        "COPY (SELECT 'Feature' AS type, '1.1.0' AS stac_version, []::VARCHAR[] AS stac_extensions, id, "
        "collection, ST_AsWKB(geometry) AS geometry, bbox, "
        "CASE WHEN self_href IS NULL THEN []::STRUCT(href VARCHAR, rel VARCHAR)[] "
        "ELSE [{'href': self_href, 'rel': 'self'}] END AS links, "
        f"{', '.join([f'{assets} AS assets', 'datetime', *columns])} "
        f"FROM (SELECT *, {parsed} AS p FROM {ITEMS}) ORDER BY datetime, rasteret_hilbert(geometry), id) "
        f"TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd, GEOPARQUET_VERSION 'NONE', "
        f"KV_METADATA {{{', '.join(f'{name(key)}: {quoted(value)}' for key, value in kept.items())}}})"
    ).fetchone()
    return int(row[0]) if row else 0


def _moment(key: str) -> str:
    return f"p.{name(key)}::TIMESTAMPTZ AS {name(key)}"


def _structure(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, Any]:
    """The types of all members, as ``from_json`` takes them; what has no type of its own stays JSON."""
    row = connection.execute(f"SELECT json_group_structure({column}) FROM {ITEMS}").fetchone()
    found = json.loads(row[0]) if row and row[0] else {}
    if not isinstance(found, dict):
        return {}
    return {
        key: "VARCHAR" if column == "properties" and key in MOMENTS else _typed(kind)
        for key, kind in found.items()
    }


def _typed(kind: Any) -> Any:
    if isinstance(kind, Mapping):
        return {key: _typed(member) for key, member in kind.items()} or "JSON"
    if isinstance(kind, list):
        return [_typed(member) for member in kind]
    return "JSON" if kind == "NULL" else kind
