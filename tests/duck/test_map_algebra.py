"""RS_MapAlgebra and the named indices, through SQL, beside rasterio and NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.enums import Compression, MaskFlags, Resampling
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from shapely import Polygon, to_wkt

from tests.duck.band_files import pixels, write
from tests.duck.corpus import UTM32, UTM33, texture
from tests.duck.refusals import message
from tests.raster.warping import EXACT

SHAPE = (240, 300)
NEXT_ZONE = UTM33.translation(6_500, 1_460) @ UTM33
"""Over a part of the same place."""
Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    """Two bands of 10 m with nodata in a corner, and a classification of 20 m."""
    bands = {name: texture(1, "uint16", seed)[:, :240] for seed, name in enumerate(("red", "nir"))}
    scl = np.random.default_rng(3).integers(0, 11, (1, 120, 150)).astype(np.uint8)
    return bands | {"scl": scl}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, arrays: Arrays) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write(folder / "red.tif", arrays["red"], nodata=0)
    write(folder / "nir.tif", arrays["nir"], nodata=0)
    write(folder / "scl.tif", arrays["scl"], UTM32 @ UTM32.scale(2))
    write(folder / "local.tif", arrays["red"], crs=None)
    both = np.concatenate([arrays["red"], arrays["nir"]])
    write(folder / "both.tif", both, nodata=0, names=("B04", "B08"), interleave="band")
    write(folder / "other_zone.tif", arrays["red"], NEXT_ZONE, crs="EPSG:32633")
    return folder


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, scene: Path) -> duckdb.DuckDBPyConnection:
    con.execute(
        "CREATE TABLE idx AS SELECT split_part(parse_filename(file), '.', 1) AS band, h.* "
        "FROM glob($1) AS g(file), cog_header(file) AS h",
        [str(scene / "*.tif")],
    )
    con.execute("CREATE TABLE scene AS SELECT map(list(band), list(i)) AS bands FROM idx AS i")
    return con


def chip(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> dict[str, Any] | None:
    found = con.execute(query, list(values)).fetchone()
    assert found is not None
    return found[0]  # type: ignore[no-any-return]


def same(value: dict[str, Any] | None, data: Any, valid: Any) -> None:
    found = pixels(value)
    np.testing.assert_array_equal(~np.ma.getmaskarray(found), valid)
    np.testing.assert_array_equal(found.data[valid], data[valid])


def ndvi(arrays: Arrays) -> tuple[Any, Any]:
    red, nir = (arrays[name][0].astype(float) for name in ("red", "nir"))
    with np.errstate(invalid="ignore"):
        return (nir - red) / (nir + red), (red != 0) & (nir != 0)


NDVI = "'(nir - red) / (nir + red)'"
WAYS = [
    f"SELECT RS_MapAlgebra({NDVI}, bands) FROM scene",
    f"SELECT RS_MapAlgebra({NDVI}, {{'nir': n, 'red': r}}) FROM idx AS n, idx AS r "
    "WHERE (n.band, r.band) = ('nir', 'red')",
    f"SELECT RS_MapAlgebra({NDVI}, {{'red': r.href, 'nir': n.href}}) FROM idx AS n, idx AS r "
    "WHERE (n.band, r.band) = ('nir', 'red')",
    f"SELECT RS_MapAlgebra({NDVI}, {{'nir': n, 'red': r}}) FROM "
    "(SELECT n FROM idx AS i, read_cog(i) AS n WHERE i.band = 'nir'), "
    "(SELECT r FROM idx AS i, read_cog(i) AS r WHERE i.band = 'red')",
    f"SELECT RS_MapAlgebra({NDVI}, {{'nir': n, 'red': r.href}}) FROM "
    "(SELECT n FROM idx AS i, read_cog(i) AS n WHERE i.band = 'nir'), idx AS r WHERE r.band = 'red'",
    f"SELECT RS_MapAlgebra({NDVI}, map(list(band), list(href))) FROM idx",
    f"SELECT RS_MapAlgebra({NDVI}, i) FROM idx AS i WHERE band = 'both'",
    f"SELECT RS_MapAlgebra({NDVI}, href) FROM idx AS i WHERE band = 'both'",
    "SELECT RS_MapAlgebra('(b2 - B1) / (\"B08\" + b04)', i) FROM idx AS i WHERE band = 'both'",
    "SELECT RS_MapAlgebra('(b2 - b1) / (b2 + b1)', c) FROM idx AS i, read_cog(i) AS c WHERE i.band = 'both'",
    "SELECT RS_MapAlgebra('(s2.nir - s2.b1) / (nir + s2.B04)', {'s2': i, 'nir': n}) FROM idx AS i, idx AS n "
    "WHERE (i.band, n.band) = ('both', 'nir')",
    "SELECT RS_NDVI(bands) FROM scene",
    "SELECT RS_NormalizedDifference(bands['red'], bands['nir']) FROM scene",
]


@pytest.mark.parametrize("query", WAYS)
def test_rasters_in_every_form(con: duckdb.DuckDBPyConnection, arrays: Arrays, query: str) -> None:
    found = chip(con, query)
    same(found, *ndvi(arrays))
    assert found is not None
    assert (found["dtype"], found["width"], found["height"]) == ("float64", 300, 240)
    assert found["crs"] == "EPSG:32632"
    assert found["transform"] == list(UTM32)[:6]
    assert np.isnan(found["nodata"])


def test_unsigned_bands_go_below_zero(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    found = chip(con, "SELECT RS_MapAlgebra('nir - red', bands, nodata := -32768) FROM scene")
    assert found is not None
    assert (found["dtype"], found["nodata"]) == ("int32", -32768)
    red, nir = (arrays[name][0].astype(int) for name in ("red", "nir"))
    assert (nir - red).min() < 0
    same(found, nir - red, (red != 0) & (nir != 0))
    assert (pixels(found).data[pixels(found).mask] == -32768).all()


AREA = Polygon([(700_030, 5_299_900), (701_500, 5_299_950), (701_200, 5_298_000), (700_111, 5_298_333)])


def area_window() -> Window:
    left, bottom, right, top = AREA.bounds
    columns = math.floor((left - UTM32.c) / 10), math.ceil((right - UTM32.c) / 10)
    rows = math.floor((UTM32.f - top) / 10), math.ceil((UTM32.f - bottom) / 10)
    return Window.from_slices(rows, columns)


def test_an_area_is_read_on_the_grid_of_the_first(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    """The classes of 20 m are those under each pixel of 10 m, up to the area's edge."""
    query = (
        "SELECT RS_MapAlgebra('red', bands, aoi := $1, aoi_crs := 'EPSG:32632', "
        "mask := 'scl NOT IN (3, 8, 9)') FROM scene"
    )
    found = chip(con, query, to_wkt(AREA))
    window = area_window()
    scl = np.kron(arrays["scl"][0], np.ones((2, 2), np.uint8))
    red = arrays["red"][0]
    inside = geometry_mask([AREA], SHAPE, UTM32, invert=True)
    part = window.toslices()
    same(found, red[part], (inside & (red != 0) & ~np.isin(scl, (3, 8, 9)))[part])
    assert found is not None
    assert (found["x_off"], found["y_off"]) == (window.col_off, window.row_off)


def test_numbers_for_null_stay_inside_the_area(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    query = "SELECT RS_MapAlgebra('coalesce(red, 7)', bands, aoi := $1, aoi_crs := 'EPSG:32632') FROM scene"
    found = pixels(chip(con, query, to_wkt(AREA)))
    window = area_window().toslices()
    inside = geometry_mask([AREA], SHAPE, UTM32, invert=True)[window]
    np.testing.assert_array_equal(~np.ma.getmaskarray(found), inside)
    red = arrays["red"][0][window]
    np.testing.assert_array_equal(found.data[inside], np.where(red == 0, 7, red)[inside])


def test_the_coarser_grid_when_it_is_named_first(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    found = chip(con, "SELECT RS_MapAlgebra('if(scl = 4, red, NULL)', bands) FROM scene")
    scl, red = arrays["scl"][0], arrays["red"][0][1::2, 1::2]
    same(found, red, (scl == 4) & (red != 0))


def test_windows_of_an_overview(con: duckdb.DuckDBPyConnection, tmp_path: Path, arrays: Arrays) -> None:
    """A row of cog_windows counts pixels of its level; the others are read as coarsely, if they can be."""
    for n, name in enumerate(("a", "b")):
        write(
            tmp_path / f"{name}.tif",
            np.arange(256 * 256, dtype=np.uint16).reshape(1, 256, 256) * (n + 1) % 977,
        )
        with rasterio.open(tmp_path / f"{name}.tif", "r+") as dataset:
            dataset.build_overviews([2, 4])
    expected = 0
    for name in ("a", "b"):
        with rasterio.open(tmp_path / f"{name}.tif", overview_level=1) as dataset:
            expected = expected + dataset.read(1, window=Window(16, 32, 16, 16)).astype(int)
    query = (
        "SELECT RS_MapAlgebra('a + b', {'a': $1, 'b': $2}, aoi := w) "
        "FROM cog_windows($1, size := 16, level := 2) AS w WHERE (w.x_off, w.y_off) = (16, 32)"
    )
    found = chip(con, query, str(tmp_path / "a.tif"), str(tmp_path / "b.tif"))
    same(found, expected, np.ones((16, 16), bool))
    assert found is not None
    assert (found["level"], found["x_off"], found["y_off"]) == (2, 16, 32)
    coarse = chip(
        con, query.replace("aoi := w", "resolution := 40"), str(tmp_path / "a.tif"), str(tmp_path / "b.tif")
    )
    np.testing.assert_array_equal(pixels(coarse)[32:48, 16:32], expected)


def test_dtype_and_bits(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    found = chip(con, "SELECT RS_MapAlgebra('scl & 2 = 2', bands) FROM scene")
    same(found, (arrays["scl"][0] & 2 == 2).astype(np.uint8), np.ones((120, 150), bool))
    small = chip(con, f"SELECT RS_MapAlgebra({NDVI}, bands, dtype := 'float32') FROM scene")
    data, valid = ndvi(arrays)
    same(small, data.astype(np.float32), valid)


def difference(one: str, other: str) -> Callable[[Arrays], Any]:
    return lambda of: (of[one] - of[other]) / (of[one] + of[other])


INDICES: dict[str, Callable[[Arrays], Any]] = {
    "RS_NDVI": difference("nir", "red"),
    "RS_NDWI": difference("green", "nir"),
    "RS_MNDWI": difference("green", "swir16"),
    "RS_NDMI": difference("nir", "swir16"),
    "RS_NBR": difference("nir", "swir22"),
    "RS_EVI": lambda of: 2.5 * (of["nir"] - of["red"]) / (of["nir"] + 6 * of["red"] - 7.5 * of["blue"] + 1),
    "RS_EVI2": lambda of: 2.5 * (of["nir"] - of["red"]) / (of["nir"] + 2.4 * of["red"] + 1),
    "RS_SAVI": lambda of: 1.5 * (of["nir"] - of["red"]) / (of["nir"] + of["red"] + 0.5),
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("mission", [False, True])
def test_named_indices_are_of_reflectance(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, mission: bool
) -> None:
    """Under STAC's common names and Sentinel-2's own."""
    common = ("blue", "green", "red", "nir", "swir16", "swir22")
    keys = ("B02", "B03", "B04", "B08", "B11", "B12") if mission else common
    bands = {band: texture(1, "uint16", n)[0] + 1_500 for n, band in enumerate(common)}
    for band, data in bands.items():
        write(tmp_path / f"{band}.tif", data[np.newaxis])
    given = ", ".join(f"'{key}': '{tmp_path / band}.tif'" for key, band in zip(keys, common, strict=True))
    reflectance = {band: data * 0.0001 - 0.1 for band, data in bands.items()}
    found = pixels(chip(con, f"SELECT {name}({{{given}}}, reflectance := [0.0001, -0.1])"))
    np.testing.assert_allclose(found, INDICES[name](reflectance), rtol=1e-9)
    stored = chip(con, f"SELECT {name}({{{given}}}, scale := false)")
    wide = {band: data.astype(float) for band, data in bands.items()}
    np.testing.assert_allclose(pixels(stored), INDICES[name](wide), rtol=1e-9)
    for band in bands:
        with rasterio.open(tmp_path / f"{band}.tif", "r+") as file:
            file.scales, file.offsets = (0.0001,), (-0.1,)
    copied = given.replace(f"{tmp_path}/", f"{tmp_path}/../{tmp_path.name}/")  # no header of it is kept
    np.testing.assert_allclose(pixels(chip(con, f"SELECT {name}({{{copied}}})")), INDICES[name](reflectance))


def test_what_is_not_there_is_null(con: duckdb.DuckDBPyConnection) -> None:
    queries = [
        "SELECT RS_MapAlgebra(NULL, bands) FROM scene",
        "SELECT RS_MapAlgebra('a', NULL)",
        "SELECT RS_MapAlgebra('a', {'a': NULL})",
        "SELECT RS_MapAlgebra('a', {'a': NULL::VARCHAR})",
        "SELECT RS_MapAlgebra('red', bands, aoi := NULL::VARCHAR) FROM scene",
        "SELECT RS_MapAlgebra('red', bands, aoi := [0, 0, 1, 1]) FROM scene",
        "SELECT RS_MapAlgebra('red', NULL::MAP(VARCHAR, VARCHAR))",
    ]
    assert [chip(con, query) for query in queries] == [None] * len(queries)


def test_a_band_that_does_not_reach_here_is_null(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write(tmp_path / "far.tif", np.ones((1, 10, 10), np.uint8), UTM32 @ UTM32.translation(1_000, 0))
    query = (
        "SELECT RS_MapAlgebra('coalesce(far, 9) + red * 0', map_concat(bands, map {'far': i})) "
        f"FROM scene, (SELECT 'far' AS band, h.* FROM cog_header('{tmp_path}/far.tif') AS h) AS i"
    )
    found = pixels(chip(con, query))
    assert (found.compressed() == 9).all()


def test_many_rows_each_with_its_own_expression(con: duckdb.DuckDBPyConnection, arrays: Arrays) -> None:
    rows = con.execute(
        "SELECT n, RS_MapAlgebra('red + ' || n, bands, "
        "aoi := {'x_off': n, 'y_off': 0, 'width': 2, 'height': 1}) FROM scene, range(200) AS r(n) ORDER BY n"
    ).fetchall()
    for n, found in rows:
        data = arrays["red"][:, 0, n : n + 2].astype(int) + n
        same(found, data, arrays["red"][:, 0, n : n + 2] != 0)


def test_a_raster_of_the_next_zone_is_warped(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    """By the nearest pixel, as GDAL does it; the first raster's grid stays."""
    area = "aoi := {'x_off': 30, 'y_off': 20, 'width': 200, 'height': 150}"
    found = chip(con, f"SELECT RS_MapAlgebra('red * 0 + coalesce(other_zone, 9)', bands, {area}) FROM scene")
    with rasterio.open(scene / "other_zone.tif") as dataset, WarpedVRT(
        dataset, crs="EPSG:32632", transform=UTM32, width=300, height=240, resampling=Resampling.nearest,
        tolerance=EXACT, add_alpha=True,
    ) as warped:  # fmt: skip
        expected, there = warped.read()[:, 20:170, 30:230]
    values = pixels(found)
    assert 0.2 < there.mean() / 65535 < 0.98, "the grids overlap in part"
    expected = np.where(there == 0, 9, expected)
    assert (values.compressed() != expected[~np.ma.getmaskarray(values)]).sum() <= 1, "a tie, at most"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'red +', bands", "expression 'red +', position 5 (+): a value is missing"),
        ("'red + sum(nir)', bands", "position 7 (sum(nir)): unknown function sum; there are abs,"),
        ("'blue + 1', bands", "position 1 (blue): no raster is named blue; there are "),
        ("'both + 1', bands", "has the bands B04, B08, or b1 to b2; write both.b1 and so on"),
        ("'red', bands, mask := 'cloud < 3'", "'cloud < 3', position 1 (cloud): no raster is named cloud"),
        ("'b2', bands['red']", "has no band b2; its bands are b1"),
        ("'1 + 2', bands", "names no band"),
        ("'red', bands, dtype := 'uint12'", "dtype := 'uint12' is not a type of pixels; there are int8"),
        ("'red', bands, nodata := -1", "nodata := -1 does not fit uint16; pass one from 0 to 65535"),
        ("'red::UTINYINT', bands", "does not fit UTINYINT; use TRY_CAST for NULL there"),
        ("'red', {'red': 3}", "rasters: red is of type INTEGER; a chip, a row of an index or an href"),
        ("'red', map {1: 'red.tif'}", "the keys of the MAP are of type INTEGER"),
        (
            "'red + local', bands",
            "it has no CRS, transform [10, 0, 699960, 0, -10, 5300040], where the first",
        ),
        ("7, bands", "expression := 7: text was expected"),
        ("'red', {'red': 'nowhere.tif'}", "nowhere.tif"),
    ],
)
def test_refusals_say_what_there_is(con: duckdb.DuckDBPyConnection, arguments: str, said: str) -> None:
    text = message(con, f"SELECT RS_MapAlgebra({arguments}) FROM scene")
    assert text.startswith("RS_MapAlgebra: ")
    assert said in text


def test_reflectance_is_two_numbers(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT RS_EVI2(bands, [0.0001]) FROM scene"
    assert "reflectance: two numbers, scale and offset, were expected" in message(con, query)
    both = "SELECT RS_NDVI(bands, reflectance := [0.0001, -0.1], scale := true) FROM scene"
    assert "scale := true and reflectance exclude each other" in message(con, both)


@pytest.mark.parametrize("name", ["RS_EVI", "RS_EVI2", "RS_SAVI"])
def test_whole_numbers_without_scale_are_not_reflectance(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """The formula's constants are those of reflectance; what is floating point is taken as it is."""
    text = message(
        con, f"SELECT {name}({{'blue': bands['red'], 'red': bands['red'], 'nir': bands['nir']}}) FROM scene"
    )
    assert "holds uint16 without scale and offset" in text
    assert "pass reflectance := [scale, offset]" in text
    floats = "RS_MapAlgebra('b1::FLOAT', bands['{}'])"
    given = ", ".join(
        f"'{key}': {floats.format(band)}" for key, band in (("blue", "red"), ("red", "red"), ("nir", "nir"))
    )
    assert chip(con, f"SELECT {name}({{{given}}}) FROM scene") is not None


def test_only_what_is_needed_is_read(con: duckdb.DuckDBPyConnection, arrays: Arrays, tmp_path: Path) -> None:
    """One band of a file whose bands lie apart, and the tile of the area; nothing for a text that is none."""
    write(tmp_path / "a.tif", np.concatenate([arrays["red"], arrays["nir"]]), interleave="band")
    con.execute("CREATE TABLE a AS FROM cog_header($1)", [str(tmp_path / "a.tif")])
    con.execute("CREATE TABLE before AS SELECT max(id) AS id FROM rasteret_requests()")
    asked = "SELECT sum(byte_count) FROM rasteret_requests() AS r, before AS b WHERE r.id > b.id"
    area = "{'x_off': 64, 'y_off': 64, 'width': 64, 'height': 64}"
    for text in ("'b1 + sum(b2)'", "'b1 & 0.5'", "'b1 +'", "'b1', mask := 'c'", "'b1', nodata := -1"):
        first, *rest = text.split(", ")
        message(con, f"SELECT RS_MapAlgebra({', '.join([first, 'a', f'aoi := {area}', *rest])}) FROM a")
    assert con.execute(asked).fetchone() == (None,)
    con.execute(f"SELECT RS_MapAlgebra('b2 * 2', a, aoi := {area}) FROM a").fetchall()
    tiles = con.execute(f"SELECT byte_count FROM a, read_cog_tiles(a, {area}, bands := 2)").fetchall()
    assert len(tiles) == 1
    assert con.execute(asked).fetchone() == tiles[0]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_real_bands(con: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    """Several bands of one file, at their nodata too."""
    tried = 0
    for path in sorted((shared_data / "cog").glob("*/*.tif")):
        with rasterio.open(path) as dataset:
            plain = len(set(dataset.dtypes)) == 1 and dataset.dtypes[0] in ("uint8", "uint16", "int16")
            if dataset.count < 3 or not plain or dataset.width * dataset.height > 10**6 or not dataset.crs:
                continue
            if dataset.compression in (
                Compression.jpeg,
                Compression.webp,
            ):  # readers disagree on lossy pixels
                continue
            if any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums):
                continue
            bands = dataset.read([1, 3], masked=True)
        expected = bands[0].astype(int) - bands[1].astype(int)
        for query in (
            "SELECT RS_MapAlgebra('b1 - b3', $1)",
            "SELECT c FROM read_cog($1, expression := 'b1 - b3') AS c",
        ):
            found = pixels(chip(con, query, str(path)))
            np.testing.assert_array_equal(
                np.ma.getmaskarray(found), np.ma.getmaskarray(expected), err_msg=str(path)
            )
            np.testing.assert_array_equal(found.compressed(), expected.compressed(), err_msg=str(path))
        tried += 1
    assert tried >= 3
