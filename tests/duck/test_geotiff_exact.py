"""RS_AsGeoTiff keeps the CRS and what the bands are, or refuses by name; GDAL reads what we read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyproj
import pytest
import rasterio
import tifffile
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin
from rasterio.warp import transform

from tests.duck.refusals import message

UTM = {"crs": "EPSG:32632", "transform": from_origin(500_000, 5_000_000, 10, 10)}
GAUSS = "+proj=tmerc +lat_0=0 +lon_0=9 +k=1 +x_0=3500000 +y_0=0 +ellps=bessel +units=m"
SEVEN = "+towgs84=598.1,73.7,418.2,0.202,0.045,-2.455,6.7"
SOURCES = {
    "href": "SELECT RS_AsGeoTiff('{path}')",
    "row": "SELECT RS_AsGeoTiff(h) FROM cog_header('{path}') AS h",
    "chip": "SELECT RS_AsGeoTiff(c) FROM read_cog('{path}') AS c",
    "stored chip": "SELECT RS_AsGeoTiff(c) FROM chips AS c",
}
"""What a raster may be."""


def save(path: Path, pixels: Any, **more: Any) -> Path:
    bands, height, width = pixels.shape
    size = {"driver": "GTiff", "width": width, "height": height, "count": bands, "dtype": pixels.dtype}
    with rasterio.open(path, "w", **size | UTM | more) as dataset:
        dataset.write(pixels)
    return path


def written(con: duckdb.DuckDBPyConnection, path: Path, source: str, out: Path) -> Path:
    con.execute(f"CREATE OR REPLACE TEMP TABLE chips AS SELECT * FROM read_cog('{path}')")
    ((blob,),) = con.execute(SOURCES[source].format(path=path)).fetchall()
    out.write_bytes(blob)
    return out


def noise(bands: int, dtype: str = "uint8", top: int = 250) -> Any:
    return np.random.default_rng(bands).integers(1, top, (bands, 40, 50)).astype(dtype)


HORIZONTAL = {
    "EPSG:9518": 4326, "EPSG:5498": 4269, "EPSG:7415": 28992, "EPSG:5070+5703": 5070, "EPSG:4979": 4326,
    f"COMPD_CS[\"no code\",{pyproj.CRS('EPSG:25832').to_wkt('WKT1_GDAL')},"
    f"{pyproj.CRS('EPSG:7837').to_wkt('WKT1_GDAL')}]": 25832,
}  # fmt: skip


@pytest.mark.parametrize("crs", HORIZONTAL, ids=str)
def test_of_a_crs_with_heights_the_horizontal_part_is_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, crs: str
) -> None:
    path = save(tmp_path / "a.tif", noise(1, "float32"), crs=crs, transform=from_origin(10, 50, 0.01, 0.01))
    for source in SOURCES:
        with rasterio.open(written(con, path, source, tmp_path / "b.tif")) as dataset:
            assert dataset.crs.to_epsg() == HORIZONTAL[crs], source


PLACED = {
    "GOES, sweep x": ("+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80 +units=m", -3e6, 4e6, 2e4),
    "Himawari, sweep y": (
        "+proj=geos +h=35785863 +lon_0=140.7 +sweep=y +ellps=WGS84 +units=m",
        -1e6,
        1e6,
        2e3,
    ),
    "Meteosat": ("+proj=geos +h=35785831 +lon_0=0 +sweep=y +a=6378169 +b=6356583.8", -3e6, 4e6, 3e3),
    "seven parameters": (f"{GAUSS} {SEVEN}", 3_500_000, 5_400_000, 10),
    "three parameters": ("+proj=utm +zone=32 +ellps=intl +towgs84=-87,-98,-121", 5e5, 5e6, 10),
    "degrees, shifted": (f"+proj=longlat +ellps=bessel {SEVEN}", 10, 50, 0.01),
    "a sphere by its grid": ("+proj=merc +a=6378137 +b=6378137 +nadgrids=@null +wktext", 1e6, 5e6, 10),
    "from Paris": ("+proj=longlat +ellps=bessel +pm=paris", 10, 50, 0.01),
    "turned by more than its azimuth": (
        "+proj=omerc +lat_0=4 +lonc=102.25 +alpha=323.0257964666666 +k=0.99984 +x_0=804671 +y_0=0 "
        "+gamma=323.1301023611111 +ellps=evrst30 +units=m",
        3e5,
        9e5,
        1e3,
    ),
    "feet on NAD27": (
        "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +datum=NAD27 +units=us-ft",
        0,
        0,
        30,
    ),
}


@pytest.mark.parametrize("name", PLACED)
def test_the_file_lies_in_the_same_place(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    proj, x, y, size = PLACED[name]
    crs = rasterio.CRS.from_proj4(proj)
    path = save(tmp_path / "a.tif", noise(1, "uint16"), crs=crs, transform=from_origin(x, y, size, size))
    places = x + size * np.array([3.5, 30]), y - size * np.array([4.5, 20])
    expected = transform(crs, "EPSG:4326", *places)
    for source in SOURCES:
        out = written(con, path, source, tmp_path / "b.tif")
        with rasterio.open(out) as dataset, rasterio.open(path) as original:
            np.testing.assert_allclose(transform(dataset.crs, "EPSG:4326", *places), expected, atol=1e-8)
            assert dataset.read().tobytes() == original.read().tobytes()
            assert dataset.transform == original.transform
        ((ours,),) = con.execute("SELECT RS_CRS($1)", [str(out)]).fetchall()
        there = pyproj.Transformer.from_crs(ours, "OGC:CRS84", always_xy=True).transform(*places)
        np.testing.assert_allclose(there, expected, atol=1e-8)


def test_a_local_crs_stays(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    crs = rasterio.CRS.from_wkt('LOCAL_CS["building site",UNIT["US survey foot",0.304800609601219]]')
    path = save(tmp_path / "a.tif", noise(1), crs=crs, transform=from_origin(5, 5, 1, 1))
    with rasterio.open(written(con, path, "chip", tmp_path / "b.tif")) as dataset:
        assert dataset.crs.to_wkt() == rasterio.open(path).crs.to_wkt()


def one_pixel(crs: str) -> str:
    return (
        "SELECT RS_AsGeoTiff({'dtype': 'uint8', 'shape': [1, 1, 1], 'data': '\\x01'::BLOB, "
        f"'valid': NULL::BLOB, 'transform': [1.0, 0, 10, 0, -1, 50], 'crs': '{crs}'}})"
    )


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        ("+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=30 +lon_0=10 +datum=WGS84", "Derived Geographic"),
        ("+proj=longlat +ellps=clrk66 +nadgrids=conus", "give the same places"),
        ("EPSG:5773", "Vertical CRS"),
    ],
)
def test_a_crs_that_no_file_holds_is_refused(con: duckdb.DuckDBPyConnection, crs: str, told: str) -> None:
    text = message(con, one_pixel(crs))
    assert text.startswith("RS_AsGeoTiff: crs ")
    assert told in text


COLOURS: dict[str, tuple[int, dict[str, Any]]] = {
    "rgb": (3, {"photometric": "RGB"}),
    "rgb and alpha": (4, {"photometric": "RGB", "alpha": "YES"}),
    "rgb and premultiplied alpha": (4, {"photometric": "RGB", "alpha": "PREMULTIPLIED"}),
    "rgb and infrared": (4, {"photometric": "RGB", "alpha": "UNSPECIFIED"}),
    "no colours": (3, {"photometric": "MINISBLACK"}),
    "gray and alpha": (2, {"alpha": "YES"}),
    "one bit, white is zero": (1, {"photometric": "MINISWHITE", "nbits": 1}),
    "one bit": (1, {"nbits": 1}),
    "ink": (4, {"photometric": "CMYK", "interleave": "band"}),
    "JPEG in YCbCr": (3, {"photometric": "YCBCR", "compress": "jpeg", "tiled": True, "interleave": "pixel"}),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", COLOURS)
def test_bands_keep_their_colours(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, source: str
) -> None:
    bands, options = COLOURS[name]
    path = save(tmp_path / "a.tif", noise(bands, top=2 if "nbits" in options else 250), **options)
    same_colours(path, written(con, path, source, tmp_path / "b.tif"), exact="JPEG" not in name)


def same_colours(path: Path, out: Path, *, exact: bool = True) -> None:
    """As rasterio, and for what it does not tell tifffile, reads them."""
    with rasterio.open(path) as expected, rasterio.open(out) as found:
        assert found.colorinterp == expected.colorinterp
        assert not exact or found.read().tobytes() == expected.read().tobytes()
        assert (found.dataset_mask() == expected.dataset_mask()).all()
        if ColorInterp.palette in expected.colorinterp:
            assert found.colormap(1).items() >= expected.colormap(1).items()
    with tifffile.TiffFile(path) as first, tifffile.TiffFile(out) as second:
        alphas = [[kind for kind in tiff.pages.first.extrasamples if kind] for tiff in (first, second)]
        assert alphas[0] == alphas[1]


PLACE = [(33550, "d", 3, (10, 10, 0), True), (33922, "d", 6, (0, 0, 0, 5e5, 5e6, 0), True)]
"""ModelPixelScale and ModelTiepoint."""


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_white_may_be_zero(con: duckdb.DuckDBPyConnection, tmp_path: Path, dtype: str, source: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(1, dtype)[0], photometric="miniswhite", extratags=PLACE)
    same_colours(path, written(con, path, source, tmp_path / "b.tif"))
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages.first.photometric == tifffile.PHOTOMETRIC.MINISWHITE


PALETTES = {"uint8": 256, "uint16": 65536}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("dtype", PALETTES)
def test_palettes_stay(con: duckdb.DuckDBPyConnection, tmp_path: Path, dtype: str, source: str) -> None:
    path, pixels = tmp_path / "a.tif", noise(1, dtype)
    table = np.random.default_rng(0).integers(0, 255, (3, PALETTES[dtype])).astype("uint16") * 257
    tifffile.imwrite(path, pixels[0], photometric="palette", colormap=table, extratags=PLACE)
    same_colours(path, written(con, path, source, tmp_path / "b.tif"))
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert (tiff.pages.first.colormap == table).all()


def test_a_palette_of_four_bits_goes_on_in_black(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path, size = tmp_path / "a.tif", {"width": 50, "height": 40, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", nbits=4, **size, **UTM) as dataset:
        dataset.write_colormap(1, {value: (value, 5, 255 - value) for value in range(16)})
        dataset.write(noise(1, top=16))
    out = written(con, path, "chip", tmp_path / "b.tif")
    with rasterio.open(out) as found, rasterio.open(path) as expected:
        assert found.colormap(1).items() >= expected.colormap(1).items()
        assert found.colormap(1)[200] == (0, 0, 0, 255)
        assert found.read().tobytes() == expected.read().tobytes()


def test_each_chosen_band_keeps_its_own_colour(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    c = ColorInterp
    path = save(tmp_path / "a.tif", noise(4), photometric="RGB", alpha="YES")
    chosen: dict[str, Sequence[ColorInterp]] = {
        "[3, 2, 1]": (c.blue, c.green, c.red), "[1]": (c.red,), "[4, 1]": (c.alpha, c.red),
        "[2, 4]": (c.green, c.alpha), "[1, 2, 3]": (c.red, c.green, c.blue), "4": (c.alpha,),
    }  # fmt: skip
    for bands, colours in chosen.items():
        for query in (
            f"SELECT RS_AsGeoTiff(c) FROM read_cog('{path}', bands := {bands}) AS c",
            f"SELECT RS_AsGeoTiff(RS_Clip(c, c.bbox, bands := {bands}, aoi_crs := c.crs)) "
            f"FROM read_cog('{path}') AS c",
        ):
            ((blob,),) = con.execute(query).fetchall()
            with rasterio.MemoryFile(blob) as memory, memory.open() as dataset:
                assert dataset.colorinterp == tuple(colours), query
            (tmp_path / "b.tif").write_bytes(blob)
            ((again,),) = con.execute(f"SELECT colorinterp FROM cog_header('{tmp_path}/b.tif')").fetchall()
            assert again == [colour.name for colour in colours]


def test_colours_that_only_gdal_metadata_tells_stay(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    colours = (ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.nir)
    path = save(tmp_path / "a.tif", noise(4, "uint16"))
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = colours
    for source in SOURCES:
        with rasterio.open(written(con, path, source, tmp_path / "b.tif")) as dataset:
            assert dataset.colorinterp == colours


@pytest.mark.parametrize("source", SOURCES)
def test_words_about_bands_stay(con: duckdb.DuckDBPyConnection, tmp_path: Path, source: str) -> None:
    path = save(tmp_path / "a.tif", noise(2, "int16"))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions, dataset.units = ("a <b> & c", None), ("K", None)
        dataset.scales, dataset.offsets = (0.1, 1.0), (-273.15, 0.0)
    with (
        rasterio.open(path) as expected,
        rasterio.open(written(con, path, source, tmp_path / "b.tif")) as found,
    ):
        for words in ("descriptions", "units", "scales", "offsets"):
            assert getattr(found, words) == getattr(expected, words), words


def test_what_a_file_cannot_tell_is_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(4), photometric="RGB", alpha="PREMULTIPLIED")
    text = message(con, f"SELECT RS_AsGeoTiff(c) FROM read_cog('{path}', bands := [4, 1]) AS c")
    assert "band 1 of a GeoTIFF to write is 'associated_alpha'" in text
    assert "select it last" in text


def test_what_would_be_read_otherwise_is_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """White space before a name is not kept by GDAL's XML."""
    path = save(tmp_path / "a.tif", noise(1))
    names = (
        "SELECT RS_AsGeoTiff(h) FROM (SELECT * REPLACE ([' red'] AS band_names) FROM cog_header('{}')) AS h"
    )
    text = message(con, names.format(path))
    assert "band_names [' red'] cannot be kept in a GeoTIFF: it would be read as ['red']" in text


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", "3.5"), ("int16", "-2.5"), ("int32", "7.25")])
def test_a_fraction_of_nodata_stays_and_masks_what_it_masked(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, dtype: str, nodata: str
) -> None:
    path = save(
        tmp_path / "a.tif", np.arange(-8 if dtype != "uint8" else 0, 12)[None, None].astype(dtype), nodata=9
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags[42113].overwrite(nodata)
    for source in SOURCES:
        with rasterio.open(path) as old, rasterio.open(written(con, path, source, tmp_path / "b.tif")) as new:
            assert new.nodata == old.nodata == float(nodata)
            assert np.array_equal(new.dataset_mask(), old.dataset_mask())
            assert (new.dataset_mask() == 0).sum() == 1
            assert np.array_equal(new.read(), old.read())
