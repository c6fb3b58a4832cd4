"""Pushdown before a real STAC API: the same rows, from fewer items."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from rasteret_sql.stac.catalogs.catalogs import register_catalog, unregister_catalog

BOX = "'POLYGON((-105.2 39, -105 39, -105 39.2, -105.2 39.2, -105.2 39))'::GEOMETRY"


@pytest.fixture(scope="module")
def con(module_con: duckdb.DuckDBPyConnection, pgstac: str) -> Iterator[duckdb.DuckDBPyConnection]:
    register_catalog("pc/here", endpoint=f"{pgstac}/", collection="landsat-c2-l2")
    module_con.execute("CREATE TABLE items AS FROM stac_search('pc/here')")
    yield module_con
    unregister_catalog("pc/here")


@pytest.mark.parametrize(
    "condition",
    [
        "cloud_cover < 20 AND platform <> 'landsat-8'",
        "NOT (cloud_cover BETWEEN 1 AND 50 OR platform IN ('landsat-8', 'it''s'))",
        f"geometry && {BOX} AND datetime >= '2023-01-01'",
        "datetime::DATE = '2023-10-08'",
        "id = 'LC08_L2SP_033032_20231008_02_T1' AND collection = 'landsat-c2-l2'",
        "gsd = 30 AND cloud_cover <= 3 ORDER BY cloud_cover DESC LIMIT 4",
    ],
)
def test_rows_are_the_same(con: duckdb.DuckDBPyConnection, condition: str) -> None:
    query = "SELECT id, cloud_cover FROM {} WHERE " + condition
    asked = query.format("stac_search('pc/here')")
    assert sorted(con.execute(asked).fetchall()) == sorted(con.execute(query.format("items")).fetchall())
    row = con.execute("SELECT request FROM rasteret_explain($1)", [asked]).fetchone()
    assert row is not None
    assert json.loads(row[0]).keys() & {"filter", "datetime", "ids", "bbox"}
