"""Lazy cubes: opening asks nothing, and computing gives what read_cube gives."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import shapely

import rasteret_sql
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.errors import ArgumentError
from tests.store.server import FaultServer
from tests.tensors.scenes import AREA, BANDS, CRS, DAYS

pytest.importorskip("dask.array", reason="no dask")

POLYGON = shapely.Polygon([(500_110, 5_299_450), (500_500, 5_299_500), (500_300, 5_299_850)])


def eager(con: duckdb.DuckDBPyConnection, area: object, options: str = "", where: str = "true") -> Any:
    query = (
        "SELECT c.* FROM (SELECT list(i ORDER BY i.datetime, i.href) AS scenes "
        f"FROM idx AS i WHERE {where}) AS s, read_cube(s.scenes, $area, aoi_crs := '{CRS}'{options}) AS c"
    )
    return rasteret_sql.to_xarray(con.sql(query, params={"area": area}))


@pytest.fixture(scope="module")
def index(archive: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "idx.parquet"
    archive.execute(f"COPY idx TO '{path}'").fetchall()
    return path


@pytest.mark.parametrize("chunk", [7, 16, 512, -1])
@pytest.mark.parametrize("area", [AREA, POLYGON], ids=["box", "polygon"])
def test_computed_it_is_the_cube_of_read_cube(
    archive: duckdb.DuckDBPyConnection, index: Path, area: Any, chunk: int
) -> None:
    lazy = rasteret_sql.open_xarray(index, area, aoi_crs=CRS, bands=["red", "nir"], chunk=chunk)
    expected = eager(archive, area if isinstance(area, list) else area.wkb, ", bands := ['red', 'nir']")
    byte_count = lazy.attrs.pop("byte_count")
    assert byte_count > 0
    assert lazy.compute().identical(expected)
    if chunk == 7:
        assert lazy.pixels.chunks[2][0] == 7
        assert lazy.pixels.chunks[:2] == ((len(DAYS),), (2,))


@pytest.mark.parametrize(
    "options",
    [
        {"crs": "EPSG:32633", "resolution": 20.0, "resampling": "bilinear"},
        {"resolution": 25.0},
        {"crs": "EPSG:3857"},
        {"expression": "(nir - red) / (nir + red)"},
        {"mask": "red > 2000", "fuse": "datetime"},
        {"all_touched": True},
    ],
    ids=str,
)
def test_arguments_are_those_of_read_cube(
    archive: duckdb.DuckDBPyConnection, index: Path, options: dict[str, Any]
) -> None:
    lazy = rasteret_sql.open_xarray(index, POLYGON, aoi_crs=CRS, chunk=16, **options)
    written = "".join(f", {name} := {value!r}" for name, value in options.items())
    lazy.attrs.clear()
    assert lazy.compute().identical(eager(archive, POLYGON.wkb, written))


def test_relations_choose_and_order_the_rows(archive: duckdb.DuckDBPyConnection) -> None:
    chosen = archive.sql(f"FROM idx WHERE band = 'nir' AND datetime >= '{DAYS[1]}'")
    lazy = rasteret_sql.open_xarray(chosen, AREA, aoi_crs=CRS)
    assert dict(lazy.sizes) == {"time": 2, "band": 1, "y": 43, "x": 46}
    expected = eager(archive, AREA, where=f"band = 'nir' AND datetime >= '{DAYS[1]}'")
    np.testing.assert_array_equal(lazy.pixels, expected.pixels)
    assert rasteret_sql.open_xarray(chosen.to_arrow_table(), AREA, aoi_crs=CRS).valid.any()


def test_opening_asks_nothing_and_a_square_reads_its_own_tiles(scenes: Path) -> None:
    files = {
        f"{day}/{band}.tif": (scenes / day / f"{band}.tif").read_bytes() for day in DAYS for band in BANDS
    }
    with FaultServer(files) as server, rasteret_sql.connect() as con:
        rows = [(f"{path[:10]} 10:00:00+00", path[11:-4], server.url(path)) for path in files]
        values = ", ".join(map(str, rows))
        index = con.sql(
            "SELECT datetime::TIMESTAMPTZ AS datetime, band, h.* "
            f"FROM (VALUES {values}) AS s(datetime, band, u), cog_header(s.u) AS h"
        ).to_arrow_table()
        server.clear()
        lazy = rasteret_sql.open_xarray(index, AREA, aoi_crs=CRS, chunk=16)
        assert lazy.nbytes > 10_000
        assert server.requests == []
        BLOCKS.clear()
        corner = lazy.isel(x=slice(0, 16), y=slice(0, 16)).compute(scheduler="synchronous")
        assert corner.pixels.shape == (3, 2, 16, 16)
        assert len(server.requests) == len(files), "pixels and valid are one query"


def test_tasks_go_to_other_processes(index: Path) -> None:
    lazy = rasteret_sql.open_xarray(index, AREA, aoi_crs=CRS, chunk=16)
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(again.pixels, lazy.pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"area": [0.0, 0.0, 1.0, 1.0], "aoi_crs": None}, "touches no raster of the index"),
        ({"area": "POINT"}, "aoi: "),
        ({"index": 5}, "int is not an index: pass the path of one"),
        ({"chunk": 0}, "chunk is 0; a number of pixels was expected"),
        ({"bands": ["blue"]}, "blue"),
    ],
)
def test_what_cannot_be_opened_is_said(index: Path, change: dict[str, Any], message: str) -> None:
    given = {"index": index, "area": AREA, "aoi_crs": CRS, **change}
    with pytest.raises((ArgumentError, duckdb.Error), match=message):
        rasteret_sql.open_xarray(given.pop("index"), given.pop("area"), **given)
