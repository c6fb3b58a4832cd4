"""RS_AsGeoTiff: a valid COG that GDAL, and read_cog, take for the same raster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rio_cogeo.cogeo import cog_validate

from tests.duck.corpus import NAMES
from tests.duck.refusals import message

AREA = "{'x_off': 20, 'y_off': 30, 'width': 90, 'height': 70}"
TRIANGLE = "POLYGON ((702000 5299000, 702300 5299000, 702100 5298700, 702000 5299000))"
PLACED = ("utm32_uint16", "rgb_mask", "rgba_alpha", "bands_strips", "sparse", "big")
CHIP_COLUMNS = "dtype, shape, crs, transform, nodata, data, valid"


def save(con: duckdb.DuckDBPyConnection, path: Path, query: str, *values: Any) -> Path:
    con.execute(f"COPY ({query}) TO '{path}' (FORMAT blob)", list(values))
    return path


def check_cog(path: Path) -> None:
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert valid, (errors, warnings)
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def check_same(path: Path, source: Path) -> None:
    """GDAL reads the same values, validity, nodata, georeference and words about bands."""
    with rasterio.open(path) as found, rasterio.open(source) as expected:
        assert found.dtypes == expected.dtypes
        assert found.read().tobytes() == expected.read().tobytes()
        assert (found.dataset_mask() == expected.dataset_mask()).all()
        assert found.colorinterp == expected.colorinterp
        assert repr(found.nodata) == repr(expected.nodata)
        assert found.crs == expected.crs
        assert found.transform.almost_equals(expected.transform, 1e-9)
        for words in ("descriptions", "scales", "offsets", "units"):
            assert getattr(found, words) == getattr(expected, words), words


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_whole_file_is_read_back_the_same(
    con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path, name: str
) -> None:
    source = corpus / f"{name}.tif"
    path = save(con, tmp_path / "out.tif", "SELECT RS_AsGeoTiff($1, tile_size := 128)", str(source))
    check_cog(path)
    check_same(path, source)


@pytest.mark.parametrize("name", NAMES)
def test_a_chip_is_read_back_the_same_by_us(
    con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path, name: str
) -> None:
    area = f"'{TRIANGLE}', aoi_crs := 'EPSG:32632'" if name in PLACED else AREA
    chip = f"read_cog('{corpus}/{name}.tif', {area})"
    path = save(con, tmp_path / "out.tif", f"SELECT RS_AsGeoTiff(c) FROM {chip} AS c")
    check_cog(path)
    (expected,) = con.execute(f"SELECT {CHIP_COLUMNS} FROM {chip}").fetchall()
    (found,) = con.execute(f"SELECT {CHIP_COLUMNS} FROM read_cog('{path}')").fetchall()
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("compression", ["deflate", "DEFLATE", "zstd", "lzw", "packbits", "none"])
def test_compressions(con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path, compression: str) -> None:
    source = corpus / "utm32_uint16.tif"
    query = "SELECT RS_AsGeoTiff($1, $2, tile_size := 64, overviews := 1)"
    path = save(con, tmp_path / "out.tif", query, str(source), compression)
    check_same(path, source)
    with rasterio.open(path) as dataset:
        assert (dataset.compression.name if dataset.compression else "none") == compression.lower()
        assert dataset.overviews(1) == [2]


def test_options_of_storage(con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path) -> None:
    source = corpus / "utm32_uint16.tif"
    query = "SELECT RS_AsGeoTiff($1, tile_size := 32, resampling := 'average', compression_level := 1)"
    path = save(con, tmp_path / "out.tif", query, str(source))
    check_same(path, source)
    with rasterio.open(path) as dataset:
        assert dataset.block_shapes == [(32, 32)]
        assert dataset.overviews(1) == [2, 4, 8, 16]
    small = save(con, tmp_path / "s.tif", f"SELECT RS_AsGeoTiff(c) FROM read_cog('{source}', {AREA}) AS c")
    with rasterio.open(small) as dataset:
        assert dataset.block_shapes == [(96, 96)]
        assert dataset.overviews(1) == []


def test_words_about_bands_and_colours_stay(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    source = tmp_path / "in.tif"
    pixels = np.arange(400, dtype="uint8").reshape(1, 20, 20)
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 6e5, 0, -10, 5e6)}
    with rasterio.open(
        source, "w", driver="GTiff", width=20, height=20, count=1, dtype="uint8", **place
    ) as d:
        d.write(pixels)
        d.write_colormap(1, {i: (i, 255 - i, 7) for i in range(256)})
        d.descriptions, d.scales, d.offsets = ("land <cover> & more",), (0.5,), (-3.0,)
    path = save(con, tmp_path / "out.tif", "SELECT RS_AsGeoTiff($1)", str(source))
    check_same(path, source)
    with rasterio.open(path) as found, rasterio.open(source) as expected:
        assert found.colormap(1) == expected.colormap(1)
        assert found.colorinterp == expected.colorinterp


def test_a_pixel_that_equals_nodata_by_chance_stays_valid(
    con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path
) -> None:
    # the mean of -5 and 5 is nodata of neither chip's pixels
    query = """
        SELECT RS_AsGeoTiff({
            'dtype': 'int16', 'shape': [1, 1, 2], 'data': '\\x00\\x00\\x07\\x00'::BLOB, 'valid': NULL::BLOB,
            'nodata': 0.0, 'transform': [10.0, 0, 6e5, 0, -10, 5e6], 'crs': 'EPSG:32632'
        })
    """
    path = save(con, tmp_path / "out.tif", query)
    with rasterio.open(path) as dataset:
        assert dataset.read().tolist() == [[[0, 7]]]
        assert dataset.nodata == 0
        assert dataset.dataset_mask().tolist() == [[255, 255]]


CRSS = [
    "EPSG:3857", "EPSG:4326", "OGC:CRS84", "EPSG:27572", "EPSG:2263", "ESRI:54009",
    "+proj=sinu +lon_0=0 +R=6371007.181 +units=m", "+proj=laea +lat_0=45 +lon_0=10 +x_0=1 +datum=WGS84",
    "+proj=longlat +R=6371007.181", "+proj=igh", "+proj=geos +h=35785831 +lon_0=0 +sweep=y",
    "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +datum=NAD27 +units=us-ft",
    "+proj=tmerc +lat_0=1 +lon_0=9 +k=0.9996 +x_0=5e5 +ellps=GRS80",
    "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +ellps=clrk66 +to_meter=0.3047",
]  # fmt: skip


@pytest.mark.parametrize("crs", CRSS)
def test_gdal_and_we_find_the_same_places(con: duckdb.DuckDBPyConnection, tmp_path: Path, crs: str) -> None:
    wkt = CRS.from_user_input(crs).to_wkt()
    query = """
        SELECT RS_AsGeoTiff({
            'dtype': 'uint8', 'shape': [1, 1, 2], 'data': '\\x01\\x02'::BLOB, 'valid': NULL::BLOB,
            'nodata': NULL::DOUBLE, 'transform': [10.0, 0, 20, 0, -10, 40], 'crs': $1
        })
    """
    path = save(con, tmp_path / "out.tif", query, wkt)
    (ours,) = con.execute("SELECT RS_CRS($1)", [str(path)]).fetchone()
    with rasterio.open(path) as dataset:
        theirs = dataset.crs.to_wkt()
    expected = CRS.from_user_input(crs)
    for found in (CRS.from_user_input(ours), CRS.from_user_input(theirs)):
        assert math_of(found) == pytest.approx(math_of(expected), abs=1e-6)


def math_of(crs: CRS) -> list[float]:
    """Where some longitudes and latitudes of its own ellipsoid lie, and the ellipsoid."""
    from pyproj import Transformer

    assert crs.ellipsoid is not None
    lon, lat = np.linspace(-50, 50, 5), np.linspace(10, 60, 5)
    x, y = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(lon, lat)
    return [*x, *y, crs.ellipsoid.semi_major_metre, crs.ellipsoid.semi_minor_metre]


REFUSED = {
    "RS_AsGeoTiff: JPEG compression is not written": "compression := 'jpeg'",
    "overviews := 'some': 'auto' or their number": "overviews := 'some'",
    "overviews=99: 'auto', or 0 to 9 for 300 pixels": "overviews := 99",
    "resampling := 'cubic': one of 'nearest', 'average'": "resampling := 'cubic'",
    "tile_size := 100: expected a multiple of 16": "tile_size := 100",
    "level 99 of deflate compression": "compression_level := 99",
}


@pytest.mark.parametrize("expected", REFUSED)
def test_options_that_are_none(con: duckdb.DuckDBPyConnection, corpus: Path, expected: str) -> None:
    query = f"SELECT RS_AsGeoTiff('{corpus}/utm32_uint16.tif', {REFUSED[expected]})"
    assert expected in message(con, query)


def test_real_files_are_read_back_the_same(
    con: duckdb.DuckDBPyConnection, shared_data: Path, cog_manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Chips of real COGs: read back by read_cog as they were."""
    seen = 0
    for entry in cog_manifest:
        path = shared_data / "cog" / entry["file"]
        chip = f"read_cog('{path}', {AREA}, on_error := 'null')"
        rows = con.execute(f"SELECT {CHIP_COLUMNS} FROM {chip} WHERE error IS NULL").fetchall()
        if not rows or rows[0][3] is None:
            continue
        written = save(con, tmp_path / "out.tif", f"SELECT RS_AsGeoTiff(c) FROM {chip} AS c")
        (found,) = con.execute(f"SELECT {CHIP_COLUMNS} FROM read_cog('{written}')").fetchall()
        assert found[:2] == rows[0][:2], path
        assert found[5:] == rows[0][5:], path
        assert found[3] == pytest.approx(rows[0][3], rel=1e-12), path
        seen += 1
    assert seen > 70
