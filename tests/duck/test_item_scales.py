"""Scales and offsets of a multi-band asset that its item says once, in an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rasteret_sql.pipeline import build_index
from tests.stac.serving import Answer, Server, api, item, page, serving

ASSETS: dict[str, tuple[dict[str, Any], list[float] | None, list[float] | None]] = {
    "the asset's own": ({"raster:scale": 0.5, "raster:offset": 1}, [0.5, 0.5], [1.0, 1.0]),
    "the asset's own, named bands": (
        {"raster:scale": 0.5, "bands": [{"name": "a"}, {"name": "b"}]},
        [0.5, 0.5],
        [0.0, 0.0],
    ),
    "a band overrides": (
        {"raster:scale": 0.5, "raster:offset": 1, "bands": [{"name": "a"}, {"name": "b", "raster:scale": 2}]},
        [0.5, 2.0],
        [1.0, 1.0],
    ),
    "bands that the file has not": ({"bands": [{"raster:scale": n} for n in (1, 2, 3)]}, None, None),
    "nothing": ({}, None, None),
}


@pytest.fixture(params=ASSETS)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Any, Any]]:
    fields, scales, offsets = ASSETS[request.param]
    about = {"driver": "GTiff", "width": 16, "height": 16, "count": 2, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "a.tif", "w", transform=from_origin(500000, 5300000, 10, 10), **about
    ) as tif:
        tif.write(np.stack([np.full((16, 16), 7, np.uint8), np.full((16, 16), 9, np.uint8)]))

    def search(server: Server, asked: Any) -> Answer:
        if asked.path.startswith("/files/"):
            return Answer(body=(tmp_path / "a.tif").read_bytes(), headers={"ETag": '"1"'})
        data = {"href": f"{server.url}/files/a.tif", "type": "image/tiff; application=geotiff", **fields}
        return Answer(body=page({**item("a"), "assets": {"data": data}}))

    with serving(api(search=search)) as server:
        yield server, scales, offsets


def test_an_index_has_one_for_each_band(
    con: duckdb.DuckDBPyConnection, told: tuple[Server, Any, Any]
) -> None:
    server, scales, offsets = told
    con.execute(f"CREATE OR REPLACE TABLE idx AS FROM cog_index('{server.url}/')")
    build_index(con, "built", f"{server.url}/")
    for table in ("idx", "built"):
        assert con.execute(f'SELECT scales, "offsets" FROM {table}').fetchall() == [(scales, offsets)]
    means = con.execute(
        "SELECT RS_ZonalStats(i, i.bbox, b, 'mean', aoi_crs := i.crs, scale := true) "
        "FROM idx AS i, range(1, 3) AS t(b) ORDER BY b"
    ).fetchall()
    right = np.array([7.0, 9.0]) * (scales or 1.0) + (offsets or 0.0)
    assert [mean for (mean,) in means] == right.tolist()
    con.execute("DROP TABLE built")
