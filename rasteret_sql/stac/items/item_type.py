"""DuckDB's types of a STAC item and of its assets: text alone, which declaring the functions needs."""

from __future__ import annotations

ASSET_TYPE = (
    "STRUCT(href VARCHAR, type VARCHAR, title VARCHAR, roles VARCHAR[], file_size UBIGINT, "
    "bands VARCHAR[], common_name VARCHAR, scales DOUBLE[], offsets DOUBLE[], extra_fields JSON)"
)
"""DuckDB's type of one asset. ``extra_fields`` keeps every member without a column (``alternate``, …)."""

ITEM_TYPE = (
    "STRUCT(id VARCHAR, collection VARCHAR, geometry BLOB, "
    "bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), "
    "datetime TIMESTAMP WITH TIME ZONE, start_datetime TIMESTAMP WITH TIME ZONE, "
    "end_datetime TIMESTAMP WITH TIME ZONE, created TIMESTAMP WITH TIME ZONE, "
    "updated TIMESTAMP WITH TIME ZONE, cloud_cover DOUBLE, platform VARCHAR, constellation VARCHAR, "
    f"gsd DOUBLE, proj_code VARCHAR, assets MAP(VARCHAR, {ASSET_TYPE}), properties JSON, self_href VARCHAR)"
)
"""DuckDB's type of one row; the fields are the keys of ``item_row``, in order."""
