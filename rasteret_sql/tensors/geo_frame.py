"""A relation with geometries as a GeoDataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from rasteret_sql.errors import ArgumentError

if TYPE_CHECKING:
    import geopandas

ACTIVE = ("geometry", "geom")
"""Columns that are the active geometry, unless another is named; else the first one is."""
WKB = b"geoarrow.wkb"


def geo_frame(relation: Any, geometry: str | None, function: str) -> geopandas.GeoDataFrame:
    """See ``rasteret_sql.to_geopandas``."""
    try:
        import geopandas
    except ImportError as error:
        raise ArgumentError(f"{function} needs geopandas: pip install rasteret-sql[geopandas]") from error
    table = _table(relation, function)
    columns = _geometries(table.schema)
    if not columns or (geometry is not None and geometry not in columns):
        wrong = (
            "no column is a GEOMETRY"
            if not columns
            else f"{geometry!r} is not a column of geometries; they are {', '.join(map(repr, columns))}"
        )
        raise ArgumentError(
            f"{function}: {wrong}. ST_GeomFromWKB and ST_GeomFromText make a GEOMETRY of WKB and of text, "
            "ST_SetCRS gives it a CRS, and con.sql(…).df() is the frame without geometries"
        )
    active = geometry or next((name for name in ACTIVE if name in columns), columns[0])
    return geopandas.GeoDataFrame.from_arrow(table, geometry=active)


def _table(relation: Any, function: str) -> pa.Table:
    if isinstance(relation, duckdb.DuckDBPyRelation):
        return relation.to_arrow_table()
    if hasattr(relation, "__arrow_c_stream__"):
        return pa.table(relation)
    raise ArgumentError(
        f"{function}: {type(relation).__name__} is not a relation: pass con.sql('SELECT …') or an Arrow table"
    )


def _geometries(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if _is_geometry(field)]


def _is_geometry(field: pa.Field) -> bool:
    """Whatever is registered with pyarrow: an extension type, or the metadata of one."""
    name = getattr(field.type, "extension_name", None)
    return WKB in (name and name.encode(), (field.metadata or {}).get(b"ARROW:extension:name"))
