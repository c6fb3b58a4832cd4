"""GeoDataFrames as tables of SQL: DuckDB reads frames of pandas and polars, but not their geometries."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def is_geo_frame(value: object) -> bool:
    """Whether a variable is a GeoDataFrame; geopandas is not imported to know it."""
    geopandas = sys.modules.get("geopandas")
    return geopandas is not None and isinstance(value, getattr(geopandas, "GeoDataFrame", ()))


def arrow_of(frame: Any) -> pa.Table:
    """Its columns, geometries as GEOMETRY with their CRS; the index is left out, as DuckDB does of pandas."""
    import pyarrow as pa

    return pa.table(frame.to_arrow(index=False))


def named_in(text: object, *scopes: Mapping[str, Any]) -> dict[str, pa.Table]:
    """The GeoDataFrames that a query names, by name; the last scope that has a name counts."""
    if "geopandas" not in sys.modules or not isinstance(text, str):
        return {}
    found = {name: value for scope in scopes for name, value in scope.items() if name in text}
    return {name: arrow_of(value) for name, value in found.items() if is_geo_frame(value)}
