"""The rows of an index that an area needs, held in memory: what a lazy cube is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.tensors.lazy.cube_query import ORDER, cursor


def index_rows(index: Any, area: Aoi) -> pa.Table:
    """The rows whose footprint meets the area, with ``ORDER``; nothing is asked of their files.

    ``index`` is the path of an index, whose scenes are then ordered by time, or a relation or Arrow table
    with its columns, whose order is kept.
    """
    areas = pa.table({"rasteret_area": [area.geometry.wkb]})
    options = f"geom := 'rasteret_area', aoi_crs := {quoted(area.crs)}"
    with cursor() as con:
        if isinstance(index, str | Path):
            name, order = quoted(str(index)), "datetime, href"
        else:
            rasteret_index, name, order = _numbered(index), "'rasteret_index'", ORDER
            assert rasteret_index is not None, "DuckDB finds it by its name"
        query = (
            f"SELECT * EXCLUDE (rasteret_area) FROM read_pairs({name}, 'areas', {options}) ORDER BY {order}"
        )
        found = con.sql(query).to_arrow_table()
    if found.num_rows == 0:
        raise ArgumentError("open_xarray: the area touches no raster of the index")
    assert areas is not None
    return found if ORDER in found.schema.names else _numbered(found)


def _numbered(index: Any) -> pa.Table:
    if isinstance(index, duckdb.DuckDBPyRelation):
        table = index.to_arrow_table()
    elif hasattr(index, "__arrow_c_stream__"):
        table = pa.table(index)
    else:
        raise ArgumentError(
            f"open_xarray: {type(index).__name__} is not an index: pass the path of one, con.sql('FROM …') "
            "over one, or an Arrow table"
        )
    return table.append_column(ORDER, pa.array(np.arange(table.num_rows)))
