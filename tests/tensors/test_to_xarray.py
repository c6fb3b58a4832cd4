"""Rows of chips as arrays and as a Dataset, beside rasterio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

import rasteret_sql
from rasteret_sql.errors import ArgumentError, RasteretWarning
from tests.tensors.scenes import AREA, CRS, DAYS, write

CHIPS = f"FROM idx AS i, read_cog(i, {AREA}, aoi_crs := '{CRS}') AS c"


def by_rasterio(scenes: Path, bands: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """(time, band, y, x) of the area."""

    window = Window(10, 14, 46, 43)

    def one(day: str, band: str) -> Any:
        with rasterio.open(scenes / day / f"{band}.tif") as file:
            return file.read(1, window=window)

    return np.stack([np.stack([one(day, band) for band in bands]) for day in DAYS])


def test_rows_of_bands_and_dates_are_one_dataset(archive: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = rasteret_sql.to_xarray(archive.sql(CHIPS))
    expected = by_rasterio(scenes, ("nir", "red"))
    assert found.pixels.dims == ("time", "band", "y", "x")
    assert found.pixels.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.valid.dims == found.pixels.dims, "bands are rows of their own"
    assert found.valid.dtype == np.bool_
    inside = expected != 0
    assert not found.valid.values[~inside].any()
    assert list(found.band.values) == ["nir", "red"]
    assert [str(time)[:16] for time in found.time.values] == [f"{day}T10:10" for day in DAYS]


def test_places_are_the_centres_of_pixels(archive: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = rasteret_sql.to_xarray(archive.sql(CHIPS))
    assert (found.x.values[0], found.y.values[0]) == (500_105.0, 5_299_855.0)
    assert (found.x.values[1] - found.x.values[0], found.y.values[1] - found.y.values[0]) == (10, -10)
    assert found.x.attrs["standard_name"] == "projection_x_coordinate"
    assert found.y.attrs["standard_name"] == "projection_y_coordinate"


def test_rioxarray_and_odc_geo_know_where_it_lies(archive: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pytest.importorskip("rioxarray", reason="no rioxarray")
    pytest.importorskip("odc.geo.xr", reason="no odc-geo")
    found = rasteret_sql.to_xarray(archive.sql(CHIPS))
    for part in (found, found.pixels, found.valid):
        assert part.rio.crs.to_epsg() == 32632
        assert tuple(part.rio.transform())[:6] == (10, 0, 500_100, 0, -10, 5_299_860)
        assert part.odc.crs.epsg == 32632
        assert tuple(part.odc.geobox.transform)[:6] == (10, 0, 500_100, 0, -10, 5_299_860)
    assert found.pixels.rio.nodata == 0
    found.pixels.isel(time=1).rio.to_raster(tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read(), found.pixels[1])
        assert (file.nodata, file.crs.to_epsg(), file.dtypes[0]) == (0, 32632, "uint16")


def test_neither_is_imported() -> None:
    """Nor xarray, until it is asked for."""
    code = (
        "import sys, rasteret_sql; con = rasteret_sql.connect(); con.execute('SELECT 1').fetchall(); "
        "assert not {'xarray', 'rioxarray', 'odc', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bands_of_one_chip_share_valid(archive: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = rasteret_sql.to_xarray(
        archive.sql(
            f"""
            SELECT s.datetime, c.*
            FROM (SELECT datetime, map(list(band), list(i)) AS rasters FROM idx AS i GROUP BY datetime) AS s,
                 read_cog(s.rasters, {AREA}, aoi_crs := '{CRS}', bands := ['red', 'nir']) AS c
            """
        )
    )
    assert list(found.band.values) == ["red", "nir"], "as the chip has them"
    assert found.valid.dims == ("time", "y", "x")
    np.testing.assert_array_equal(found.pixels, by_rasterio(scenes, ("red", "nir")))


def test_a_chip_as_one_value_is_a_chip(archive: duckdb.DuckDBPyConnection) -> None:
    one = rasteret_sql.to_xarray(archive.sql(f"SELECT datetime, band, c {CHIPS}"))
    assert one.identical(rasteret_sql.to_xarray(archive.sql(CHIPS)))


def test_all_columns_of_read_chips_and_a_table_will_do(
    archive: duckdb.DuckDBPyConnection,
) -> None:
    archive.execute(f"CREATE OR REPLACE VIEW areas AS SELECT 1 AS n, [{', '.join(map(str, AREA))}] AS geom")
    rows = archive.sql(f"FROM read_chips('idx', 'areas', aoi_crs := '{CRS}')")
    cube = rasteret_sql.to_numpy(rows)
    expected = rasteret_sql.to_numpy(archive.sql(CHIPS))
    for other in (cube, rasteret_sql.to_numpy(rows.to_arrow_table())):
        np.testing.assert_array_equal(other.pixels, expected.pixels)
        assert (other.transform, other.crs, other.bands) == (expected.transform, CRS, ("nir", "red"))


def test_bands_chooses_and_orders(archive: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = rasteret_sql.to_numpy(archive.sql(CHIPS), bands=["red"])
    np.testing.assert_array_equal(found.pixels, by_rasterio(scenes, ("red",)))
    assert found.valid.shape == found.pixels.shape
    with pytest.raises(ArgumentError, match=r"there is no band 'blue'; the bands are: 'nir', 'red'"):
        rasteret_sql.to_numpy(archive.sql(CHIPS), bands=["blue"])
    with pytest.raises(ArgumentError, match=r"a list of names was expected, such as \['red'\]"):
        rasteret_sql.to_numpy(archive.sql(CHIPS), bands="red")


def test_a_missing_band_of_a_date_is_nodata(archive: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = rasteret_sql.to_numpy(
        archive.sql(f"{CHIPS} WHERE NOT (band = 'red' AND datetime = '{DAYS[1]} 10:10:31+00')")
    )
    expected = by_rasterio(scenes, ("nir", "red"))
    expected[1, 1] = 0
    np.testing.assert_array_equal(found.pixels, expected)
    assert not found.valid[1, 1].any()
    assert found.valid[1, 0].any()
    assert found.masked.mask.shape == found.pixels.shape
    assert int(found.masked[0].sum()) == int(expected[0][found.valid[0]].sum())


def test_an_error_is_a_slice_that_is_not_valid(archive: duckdb.DuckDBPyConnection) -> None:
    with pytest.warns(RasteretWarning, match=r"to_numpy: 1 of 2 rows have an error .*nothing\.tif"):
        found = rasteret_sql.to_numpy(
            archive.sql(
                f"""
                FROM ((SELECT datetime, href FROM idx WHERE band = 'red' ORDER BY datetime LIMIT 1)
                      UNION ALL SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00', '/nowhere/nothing.tif') AS i,
                     read_cog(i.href, {AREA}, aoi_crs := '{CRS}', on_error := 'null') AS c
                """
            )
        )
    assert found.pixels.shape[0] == 2
    assert not found.valid[1].any()
    assert not found.pixels[1].any()


def test_without_a_datetime_there_is_one_time(archive: duckdb.DuckDBPyConnection) -> None:
    found = rasteret_sql.to_xarray(
        archive.sql(f"SELECT band, c.* {CHIPS} WHERE datetime::DATE = '{DAYS[0]}'")
    )
    assert np.isnat(found.time.values).tolist() == [True]
    with pytest.raises(ArgumentError, match=r"band '(red|nir)' comes twice: .* Select the datetime"):
        rasteret_sql.to_xarray(archive.sql(f"SELECT band, c.* {CHIPS}"))


def test_other_things_are_not_relations(archive: duckdb.DuckDBPyConnection) -> None:
    for other in ([1, 2], archive):
        with pytest.raises(ArgumentError, match=r"to_xarray: \w+ is not a relation: pass con\.sql"):
            rasteret_sql.to_xarray(other)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"{CHIPS} WHERE false", "has no rows: the area touches no raster"),
        ("SELECT 1 AS a", "no column holds chips: .* the columns are a"),
        (f"SELECT datetime, c.data {CHIPS}", r"has data, but not dtype, shape, valid, transform: select all"),
        (f"SELECT *, 'x'::BLOB AS data {CHIPS}", "2 columns are called data"),
        (f"SELECT datetime, c AS one, c AS two {CHIPS}", "2 columns hold chips"),
        (f"SELECT * REPLACE (NULL::TIMESTAMPTZ AS datetime) {CHIPS} WHERE band = 'red' UNION ALL "
         f"SELECT * {CHIPS} WHERE band = 'nir'", "3 of 6 rows have no datetime"),
        (f"{CHIPS} UNION ALL {CHIPS}", r"comes twice at 2024.*QUALIFY"),
        (f"FROM idx AS i, read_cog(i, {AREA}, aoi_crs := '{CRS}', size := "
         "CASE band WHEN 'red' THEN 8 ELSE 9 END) AS c",
         r"lie on 2 grids, such as .* crs := 'EPSG:32632'"),
    ],
)  # fmt: skip
def test_what_has_no_one_array_is_refused_with_the_way_out(
    archive: duckdb.DuckDBPyConnection, query: str, message: str
) -> None:
    with pytest.raises(ArgumentError, match=f"(?s)to_numpy: .*{message}"):
        rasteret_sql.to_numpy(archive.sql(query))


def test_chips_of_two_types_are_of_one_that_holds_both(
    archive: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write(tmp_path / "a.tif", np.full((64, 64), 200, np.uint8), nodata=255)
    write(tmp_path / "b.tif", np.full((64, 64), -7.5, np.float32), nodata=-9999)
    found = rasteret_sql.to_xarray(
        archive.sql(
            "SELECT p AS band, c.* FROM unnest(['a', 'b']) AS t(p), "
            f"read_cog('{tmp_path}/' || p || '.tif') AS c"
        )
    )
    assert found.pixels.dtype == np.float32
    assert found.pixels[0, :, 0, 0].values.tolist() == [200, -7.5]
    assert "_FillValue" not in found.pixels.attrs, "they have two"


def test_a_turned_grid_has_places_by_row_and_column(
    archive: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    pytest.importorskip("rioxarray", reason="no rioxarray")
    turned = (
        rasterio.Affine.translation(500_000, 5_300_000)
        @ rasterio.Affine.rotation(30)
        @ rasterio.Affine.scale(10, -10)
    )
    write(tmp_path / "turned.tif", np.arange(30, dtype=np.int16).reshape(5, 6), transform=turned)
    found = rasteret_sql.to_xarray(archive.sql(f"FROM read_cog('{tmp_path}/turned.tif')"))
    x, y = turned @ (3.5, 2.5)
    assert (float(found.xc[2, 3]), float(found.yc[2, 3])) == pytest.approx((x, y))
    assert "x" not in found.coords
    assert tuple(found.rio.transform())[:6] == pytest.approx(tuple(turned)[:6])


def test_zarr_takes_the_dataset_and_gives_it_back(archive: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="no zarr")
    import xarray

    found = rasteret_sql.to_xarray(archive.sql(CHIPS))
    found.to_zarr(tmp_path / "cube.zarr", zarr_format=2, consolidated=True)
    with xarray.open_zarr(tmp_path / "cube.zarr", mask_and_scale=False, decode_coords="all") as back:
        np.testing.assert_array_equal(back.pixels, found.pixels)
        np.testing.assert_array_equal(back.time, found.time)
        assert back.spatial_ref.attrs["GeoTransform"] == found.spatial_ref.attrs["GeoTransform"]
