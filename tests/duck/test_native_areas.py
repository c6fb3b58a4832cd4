"""Columns of a GeoParquet file in native encoding, and hexadecimal WKB, are areas wherever a geometry is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

TRIANGLE = "POLYGON((500050 5299500, 500450 5299500, 500450 5299900, 500050 5299500))"
RING = "[{'x': 500050.0, 'y': 5299500.0}, {'x': 500450.0, 'y': 5299500.0}, {'x': 500450.0, 'y': 5299900.0}, "
RING += "{'x': 500050.0, 'y': 5299500.0}]"
FUNCTIONS = {
    "read_cog": "SELECT c.data, c.valid FROM a, read_cog('{tif}', a.{form}, aoi_crs := '{crs}') AS c",
    "tiles": "SELECT count(*) FROM a, read_cog_tiles('{tif}', a.{form}, aoi_crs := '{crs}') AS t",
    "statistics": "SELECT RS_ZonalStatsAll('{tif}', a.{form}, 1, aoi_crs := '{crs}')::VARCHAR FROM a",
    "histogram": "SELECT RS_Histogram('{tif}', 1, zone := a.{form}, aoi_crs := '{crs}')::VARCHAR FROM a",
    "clip": "SELECT RS_Clip('{tif}', a.{form}, aoi_crs := '{crs}').data FROM a",
}


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    about = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    pixels = np.arange(4096, dtype=np.uint16).reshape(1, 64, 64)
    with rasterio.open(
        tmp_path / "a.tif", "w", tiled=True, blockxsize=16, blockysize=16,
        transform=from_origin(500000, 5300000, 10, 10), **about,
    ) as tif:  # fmt: skip
        tif.write(pixels)
    con.execute(
        f"COPY (SELECT '{TRIANGLE}' AS wkt, [{RING}] AS native, [[{RING}]] AS natives, "
        f"hex(ST_AsWKB('{TRIANGLE}'::GEOMETRY)) AS hexadecimal) TO '{tmp_path}/a.parquet'"
    )
    con.execute(f"CREATE VIEW a AS FROM '{tmp_path}/a.parquet'")
    return con


@pytest.mark.parametrize("form", ["native", "natives", "hexadecimal"])
@pytest.mark.parametrize("query", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_takes_them(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, query: str, form: str
) -> None:
    about = {"tif": tmp_path / "a.tif", "crs": "EPSG:32633"}
    expected = con.execute(query.format(form="wkt", **about)).fetchall()
    assert con.execute(query.format(form=form, **about)).fetchall() == expected
    assert expected[0][0]


def test_points_in_a_column_are_points(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """One pixel: the point lies in column 5, row 10, whose value is 10 * 64 + 5."""
    query = (
        "SELECT RS_ZonalStats($1, {'x': 500055.0, 'y': 5299895.0}, 1, 'mean', aoi_crs := 'EPSG:32633', {})"
    )
    query = query.replace("{}", "all_touched := true")
    assert con.execute(query, [str(tmp_path / "a.tif")]).fetchone() == (645.0,)
