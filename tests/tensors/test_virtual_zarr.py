"""A virtual Zarr store gives the pixels that rasterio reads, from byte ranges of the files' own tiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio

import rasteret_sql
from rasteret_sql.errors import ArgumentError, UnsupportedError
from tests.store.server import FaultServer
from tests.tensors.scenes import BANDS, CRS, DAYS, write

xarray = pytest.importorskip("xarray", reason="no xarray")
pytest.importorskip("zarr", reason="no zarr")


def index(con: duckdb.DuckDBPyConnection, rows: list[tuple[str, str, str]]) -> None:
    values = ", ".join(map(str, rows))
    con.execute(
        "CREATE OR REPLACE TABLE found AS SELECT datetime::TIMESTAMPTZ AS datetime, band, h.* "
        f"FROM (VALUES {values}) AS s(datetime, band, path), cog_header(s.path) AS h"
    ).fetchall()


def opened(path: Path, protocol: str = "file") -> Any:
    remote = {} if protocol == "file" else {"asynchronous": True}
    options = {"fo": str(path), "remote_protocol": protocol, "remote_options": remote, **remote}
    return xarray.open_dataset(
        "reference://",
        engine="zarr",
        decode_coords="all",
        mask_and_scale=False,
        backend_kwargs={"consolidated": False, "storage_options": options},
    )


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("uint16", {"compress": "deflate"}),
        ("int16", {"compress": "none", "nodata": -1}),
        ("float32", {"compress": "zstd", "nodata": float("nan")}),
        ("uint8", {"compress": "lzma"}),
        ("uint16", {"compress": "deflate", "ENDIANNESS": "BIG"}),
        ("float64", {"compress": "deflate", "SPARSE_OK": True, "nodata": 0}),
    ],
    ids=str,
)
def test_values_are_those_of_rasterio(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, dtype: str, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for day in DAYS:
        for band in BANDS:
            pixels = rng.integers(1, 100, (70, 90)).astype(dtype)
            if "SPARSE_OK" in options:
                pixels[:32, :32] = 0
            write(tmp_path / day / f"{band}.tif", pixels, **options)
            rows.append((f"{day} 10:00:00+00", band, str(tmp_path / day / f"{band}.tif")))
    index(con, rows)
    rasteret_sql.write_virtual_zarr(con, "FROM found", tmp_path / "store.json")
    found = opened(tmp_path / "store.json")
    assert found.pixels.dims == ("time", "band", "y", "x")
    assert found.pixels.dtype == np.dtype(dtype)
    assert list(found.band.values) == ["nir", "red"]
    assert [str(time)[:10] for time in found.time.values] == list(DAYS)
    for day in DAYS:
        for band in BANDS:
            with rasterio.open(tmp_path / day / f"{band}.tif") as file:
                one = found.pixels.sel(time=f"{day}T10:00:00", band=band)
                np.testing.assert_array_equal(one, file.read(1))
    assert (float(found.x[0]), float(found.y[0])) == (500_005, 5_299_995)
    assert found.rio.crs.to_string() == CRS if hasattr(found, "rio") else True
    assert found.spatial_ref.attrs["GeoTransform"].startswith("500000.0 10.0 0.0 5300000.0")


@pytest.fixture
def server(scenes: Path) -> Iterator[FaultServer]:
    files = {
        f"{day}/{band}.tif": (scenes / day / f"{band}.tif").read_bytes() for day in DAYS for band in BANDS
    }
    with FaultServer(files) as running:
        yield running


def test_no_header_is_asked_for_and_no_secret_written(
    con: duckdb.DuckDBPyConnection, server: FaultServer, scenes: Path, tmp_path: Path
) -> None:
    index(con, [(f"{path[:10]} 10:00:00+00", path[11:-4], server.url(path)) for path in server.files])
    con.execute("UPDATE found SET href = href || '?sig=SECRET'").fetchall()
    server.clear()
    rasteret_sql.write_virtual_zarr(con, "FROM found", tmp_path / "store.json")
    assert "SECRET" not in (tmp_path / "store.json").read_text("utf-8")
    found = opened(tmp_path / "store.json", "http")
    assert server.requests == []
    corner = found.pixels.isel(time=0, band=1, y=slice(0, 32), x=slice(0, 32)).values
    with rasterio.open(scenes / DAYS[0] / "red.tif") as file:
        np.testing.assert_array_equal(corner, file.read(1)[:32, :32])
    assert all(request.range != "bytes=0-32767" for request in server.requests)
    assert len([request for request in server.requests if request.method == "GET"]) == 1


def test_a_missing_date_of_a_band_is_the_fill_value(
    con: duckdb.DuckDBPyConnection, scenes: Path, tmp_path: Path
) -> None:
    rows = [(f"{day} 10:00:00+00", band, f"{scenes}/{day}/{band}.tif") for day in DAYS for band in BANDS]
    index(con, rows[1:])
    rasteret_sql.write_virtual_zarr(con, "FROM found", tmp_path / "store.json")
    found = opened(tmp_path / "store.json")
    assert not found.pixels.sel(band=rows[0][1])[0].values.any()
    references = json.loads((tmp_path / "store.json").read_text("utf-8"))["refs"]
    assert (
        len([key for key in references if key.startswith("pixels/") and "." in key[7:] and key[7].isdigit()])
        == 45
    )


@pytest.mark.parametrize(
    ("shape", "options", "reason"),
    [
        ((64, 64), {"compress": "deflate", "predictor": 2}, "predictor 2"),
        ((64, 64), {"compress": "lzw"}, "compression lzw"),
        ((2, 64, 64), {}, "2 bands in one file"),
        ((64, 64), {"tiled": False}, "strips"),
        ((64, 64), {"transform": rasterio.Affine(8, 6, 500_000, 6, -8, 5_300_000)}, "a grid that is turned"),
    ],
)
def test_what_zarr_does_not_read_is_refused_by_name(
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    shape: tuple[int, ...],
    options: dict[str, Any],
    reason: str,
) -> None:
    if "tiled" in options:
        options = {**options, "blockxsize": None, "blockysize": None}
    write(
        tmp_path / "a.tif", np.ones(shape, np.uint16), **{k: v for k, v in options.items() if v is not None}
    )
    index(con, [("2024-01-01 00:00:00+00", "a", str(tmp_path / "a.tif"))])
    with pytest.raises(UnsupportedError, match=f"a.tif has {reason}, which Zarr's own codecs do not read"):
        rasteret_sql.write_virtual_zarr(con, "FROM found", tmp_path / "store.json")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("FROM found WHERE false", "the query has no rows"),
        ("SELECT * REPLACE (NULL::VARCHAR AS band) FROM found", "every row needs datetime and band"),
        ("FROM found UNION ALL FROM found", "comes twice at 2024-04-14"),
        ("SELECT * REPLACE ('EPSG:32633' AS crs) FROM found WHERE band = 'red' UNION ALL "
         "FROM found WHERE band = 'nir'", "has another grid, type, tile size or compression than"),
    ],
)  # fmt: skip
def test_rows_that_are_not_one_store_are_refused(
    con: duckdb.DuckDBPyConnection, scenes: Path, tmp_path: Path, query: str, message: str
) -> None:
    index(con, [(f"{DAYS[0]} 10:00:00+00", band, f"{scenes}/{DAYS[0]}/{band}.tif") for band in BANDS])
    with pytest.raises(ArgumentError, match=f"write_virtual_zarr: .*{message}"):
        rasteret_sql.write_virtual_zarr(con, query, tmp_path / "store.json")
