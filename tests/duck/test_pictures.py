"""RS_AsPNG and RS_AsNPY: files that Pillow and NumPy read, written by COPY."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from PIL import Image

from tests.duck.corpus import NAMES
from tests.duck.refusals import message

WINDOW = "{'x_off': 20, 'y_off': 30, 'width': 90, 'height': 70}"


def drawn(con: duckdb.DuckDBPyConnection, raster: str, arguments: str = "") -> npt.NDArray[np.uint8]:
    """``(rows, columns, RGBA)`` of one picture, as Pillow decodes it."""
    (png,) = con.execute(f"SELECT RS_AsPNG(c{arguments}) FROM {raster} AS c").fetchone()
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def chip(corpus: Path, name: str, more: str = "") -> str:
    return f"read_cog('{corpus / name}.tif', {WINDOW}{more})"


def made(pixels: npt.NDArray[Any], valid: npt.NDArray[Any] | None = None) -> str:
    """A chip with these pixels, as a subquery."""
    shape = [len(pixels), *pixels.shape[1:]]
    mask = "NULL::BLOB" if valid is None else f"from_hex('{valid.astype('u1').tobytes().hex()}')"
    return (
        f"(SELECT '{pixels.dtype}' AS dtype, {shape} AS shape, from_hex('{pixels.tobytes().hex()}') AS data, "
        f"{mask} AS valid)"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_raster_is_drawn_transparent_where_it_is_not_valid(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str
) -> None:
    picture = drawn(con, chip(corpus, name))
    with rasterio.open(corpus / f"{name}.tif") as dataset:
        window = rasterio.windows.Window(20, 30, 90, 70)
        valid = dataset.dataset_mask(window=window) > 0
        pixels = dataset.read(window=window)
    nan = np.isnan(pixels).any(axis=0) if pixels.dtype.kind == "f" else False
    assert ((picture[..., 3] > 0) == (valid & ~nan)).all()
    assert (picture[picture[..., 3] == 0] == 0).all()


def test_bytes_are_drawn_as_they_are(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    picture = drawn(con, chip(corpus, "rgb_mask"))
    with rasterio.open(corpus / "rgb_mask.tif") as dataset:
        pixels = dataset.read(window=rasterio.windows.Window(20, 30, 90, 70))
    shown = picture[..., 3] > 0
    assert (picture[shown][:, :3] == pixels[:, shown].T).all()


def test_bands_are_red_green_blue_and_opacity_as_listed(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    usual = drawn(con, chip(corpus, "rgba_alpha"))
    turned = drawn(con, chip(corpus, "rgba_alpha"), ", bands := [3, 2, 1]")
    assert (turned[..., :3] == usual[..., 2::-1]).all()
    shown = drawn(con, chip(corpus, "rgba_alpha"), ", bands := [1, 2, 3, 4]")
    assert set(np.unique(shown[..., 3])) == {0, 200}
    assert set(np.unique(usual[..., 3])) == {0, 255}
    gray = drawn(con, chip(corpus, "rgba_alpha"), ", bands := 2")
    assert (gray[..., 0] == usual[..., 1]).all()
    assert (gray[..., 0] == gray[..., 2]).all()


RAMP = np.arange(0, 4000, 40, dtype="uint16").reshape(1, 10, 10)


@pytest.mark.parametrize(
    ("stretch", "low", "high"),
    [
        ("[0, 3000]", 0, 3000),
        ("[0.5, 3000.5]", 0.5, 3000.5),
        ("[[100, 200]]", 100, 200),
        ("'minmax'", 0, 3960),
        ("'0-100%'", 0, 3960),
        ("'10-90%'", *np.percentile(RAMP, [10, 90])),
        ("NULL", *np.percentile(RAMP, [2, 98])),
    ],
)
def test_a_stretch_is_linear_between_its_limits(
    con: duckdb.DuckDBPyConnection, stretch: str, low: float, high: float
) -> None:
    picture = drawn(con, made(RAMP), f", stretch := {stretch}")
    expected = np.rint(((RAMP[0].astype(float) - low) / (high - low)).clip(0, 1) * 255)
    assert np.abs(picture[..., 0] - expected).max() <= 1  # halves
    assert (picture[..., 3] == 255).all()


def test_percentiles_are_those_of_valid_pixels(con: duckdb.DuckDBPyConnection) -> None:
    valid = RAMP[0] >= 2000
    picture = drawn(con, made(RAMP, valid), ", stretch := 'minmax'")
    assert picture[valid][0, 0] == 0
    assert picture[valid][-1, 0] == 255
    assert (picture[~valid] == 0).all()


def test_each_band_is_stretched_by_itself(con: duckdb.DuckDBPyConnection) -> None:
    rgb = np.concatenate([RAMP, RAMP // 2, RAMP // 4])
    picture = drawn(con, made(rgb), ", stretch := 'minmax'")
    assert np.abs(np.diff(picture[..., :3].astype(int), axis=-1)).max() <= 4  # whole numbers were halved
    pairs = drawn(con, made(rgb), ", stretch := [[0, 3960], [0, 1980], [0, 3960]]")
    assert [int(pairs[..., i].max()) for i in range(3)] == [255, 255, 64]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64", "float16", "float32", "float64"])
def test_every_dtype_is_drawn(con: duckdb.DuckDBPyConnection, dtype: str) -> None:
    numbers = np.linspace(-100, 100, 64).reshape(1, 8, 8)
    if dtype.startswith("uint"):
        numbers += 2.0**60
    picture = drawn(con, made(numbers.astype(dtype)), ", stretch := 'minmax'")
    assert picture[0, 0, 0] == 0
    assert picture[-1, -1, 0] in (0, 255)  # 2^60 + 100 is 2^60 as a double


def test_nan_and_infinity_are_no_trouble(con: duckdb.DuckDBPyConnection) -> None:
    pixels = np.array([[[np.nan, -np.inf, 0.0], [1.0, np.inf, 0.5]]], "float32")
    picture = drawn(con, made(pixels), ", stretch := [0, 1]")
    assert picture[..., 3].tolist() == [[0, 255, 255], [255, 255, 255]]
    assert picture[..., 0].tolist() == [[0, 0, 0], [255, 255, 128]]


def test_nothing_valid_or_all_alike_is_a_picture_too(con: duckdb.DuckDBPyConnection) -> None:
    assert (drawn(con, made(RAMP, np.zeros((10, 10)))) == 0).all()
    flat = drawn(con, made(np.full((1, 4, 4), 7, "uint16")))
    assert (flat == [0, 0, 0, 255]).all()


def test_colours_of_named_maps_and_of_lists(con: duckdb.DuckDBPyConnection) -> None:
    ends = np.array([[[0, 1000]]], "uint16")
    for colormap, low, high in (
        ("'gray'", (0, 0, 0), (255, 255, 255)),
        ("'viridis'", (0x44, 0x01, 0x54), (0xFD, 0xE7, 0x25)),
        ("['#102030', '#a0b0c0', '#405060']", (0x10, 0x20, 0x30), (0x40, 0x50, 0x60)),
    ):
        picture = drawn(con, made(ends), f", colormap := {colormap}, stretch := 'minmax'")
        assert [tuple(pixel) for pixel in picture[0, :, :3].tolist()] == [low, high]


def test_ndvi_has_limits_of_its_own(con: duckdb.DuckDBPyConnection) -> None:
    pixels = np.array([[[-0.3, 0.05, 0.92, np.nan]]], "float32")
    picture = drawn(con, made(pixels), ", colormap := 'ndvi'")[0]
    assert np.abs(picture[0, :3].astype(int) - [0x21, 0x48, 0x84]).max() <= 1
    assert np.abs(picture[1, :3].astype(int) - [0xDB, 0xCD, 0xB2]).max() <= 3  # between two of 256 steps
    assert np.abs(picture[2, :3].astype(int) - [0x07, 0x47, 0x2A]).max() <= 1
    assert picture[3].tolist() == [0, 0, 0, 0]


def test_categories_have_their_colours_and_the_rest_none(con: duckdb.DuckDBPyConnection) -> None:
    scl = np.array([[[3, 6, 255, 6]]], "uint8")
    picture = drawn(con, made(scl), ", colormap := MAP {6: '#2050ff', 3: '#000000'}")[0]
    assert picture.tolist() == [
        [0, 0, 0, 255],
        [0x20, 0x50, 0xFF, 255],
        [0, 0, 0, 0],
        [0x20, 0x50, 0xFF, 255],
    ]


def test_a_file_s_own_colour_table(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "palette.tif"
    pixels = np.array([[[0, 1], [2, 255]]], "uint8")
    size = {"width": 2, "height": 2, "count": 1, "dtype": "uint8"}
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 6e5, 0, -10, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", **size, **place) as dataset:
        dataset.write(pixels)
        dataset.write_colormap(1, {0: (1, 2, 3), 1: (255, 128, 0), 2: (9, 8, 7), 255: (250, 251, 252)})
    expected = [[[1, 2, 3, 255], [255, 128, 0, 255]], [[9, 8, 7, 255], [250, 251, 252, 255]]]
    (png,) = con.execute("SELECT RS_AsPNG($1)", [str(path)]).fetchone()
    assert np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).tolist() == expected
    index = f"(SELECT h, h.colormap AS colours FROM cog_header('{path}') AS h)"
    (row, of_chip) = con.execute(
        f"SELECT RS_AsPNG(h), RS_AsPNG(c, colormap := colours) FROM {index}, read_cog(h) AS c"
    ).fetchone()
    assert row == of_chip == png
    by_itself, named, without, doubled = con.execute(
        "SELECT RS_AsPNG(c), RS_AsPNG(c, colormap := 'gray', stretch := [0, 255]), "
        "RS_AsPNG((SELECT d FROM (SELECT c.* REPLACE (NULL::USMALLINT[] AS colormap)) AS d)), "
        "RS_AsPNG(RS_MapAlgebra('b1 * 2', c), stretch := [0, 510]) "
        f"FROM {index}, read_cog(h) AS c"
    ).fetchone()
    assert by_itself == png
    assert np.asarray(Image.open(io.BytesIO(named)))[..., 0].tolist() == pixels[0].tolist()
    for gray in (without, doubled):
        assert np.asarray(Image.open(io.BytesIO(gray))).tolist() == pixels[0].tolist()


def test_bits_are_black_and_white(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "bits.tif"
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 6e5, 0, -10, 5e6)}
    options = {"width": 2, "height": 1, "count": 1, "dtype": "uint8", "nbits": 1}
    with rasterio.open(path, "w", driver="GTiff", **options, **place) as dataset:
        dataset.write(np.array([[[0, 1]]], "uint8"))
    pictures = con.execute("SELECT RS_AsPNG($1), RS_AsPNG(c) FROM read_cog($1) AS c", [str(path)]).fetchone()
    for picture in pictures:
        assert np.asarray(Image.open(io.BytesIO(picture)).convert("L")).tolist() == [[0, 255]]


def test_null_is_null(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = "SELECT RS_AsPNG(r), RS_AsNPY(r), RS_AsGeoTiff(r) FROM (VALUES (NULL), ($1)) AS t(r) ORDER BY r"
    given, missing = con.execute(query, [str(corpus / "utm32_uint16.tif")]).fetchall()
    assert all(given)
    assert missing == (None, None, None)


@pytest.mark.parametrize("name", NAMES)
def test_numpy_loads_the_same_pixels(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    (npy,) = con.execute("SELECT RS_AsNPY($1)", [str(corpus / f"{name}.tif")]).fetchone()
    with rasterio.open(corpus / f"{name}.tif") as dataset:
        expected = dataset.read()
    loaded = np.load(io.BytesIO(npy), allow_pickle=False)
    assert loaded.dtype == expected.dtype
    assert loaded.tobytes() == expected.tobytes()


def test_copy_writes_a_blob_as_a_file_and_a_file_a_row(
    con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path
) -> None:
    one, many = tmp_path / "one.png", tmp_path / "many"
    source = f"cog_windows('{corpus}/rgb_mask.tif', size := 130) AS w, read_cog(w.href, w) AS c"
    con.execute(f"COPY (SELECT RS_AsPNG(c) FROM {chip(corpus, 'rgb_mask')} AS c) TO '{one}' (FORMAT blob)")
    with Image.open(one) as picture:
        assert picture.size == (90, 70)
    con.execute(
        f"COPY (SELECT w.x_off AS x, w.y_off AS y, RS_AsPNG(c) AS picture FROM {source}) TO '{many}' "
        "(FORMAT blob, PARTITION_BY (x, y), FILE_EXTENSION 'png')"
    )
    files = {str(path.parent.relative_to(many)): path for path in many.rglob("*.png")}
    assert sorted(files) == [f"x={x}/y={y}" for x in (0, 130, 170) for y in (0, 130)]
    with rasterio.open(corpus / "rgb_mask.tif") as dataset:
        expected = dataset.read(window=rasterio.windows.Window(170, 130, 130, 130))
    with Image.open(files["x=170/y=130"]) as picture:
        shown = np.asarray(picture.convert("RGB"))
    assert (shown.transpose(2, 0, 1) == expected).all()


REFUSED = {
    "RS_AsPNG: stretch := 'wide': expected [min, max], a list of such pairs": ", stretch := 'wide'",
    "stretch := '98-2%'": ", stretch := '98-2%'",
    "stretch := [3000, 0]": ", stretch := [3000, 0]",
    "stretch := [1, 2, 3]": ", stretch := [1, 2, 3]",
    "stretch has 2 pairs for 1 bands": ", stretch := [[0, 1], [0, 1]]",
    "colormap := 'jet': expected one of 'gray', 'viridis'": ", colormap := 'jet'",
    "colormap := ['#12', '#000000']": ", colormap := ['#12', '#000000']",
    "RS_AsPNG: the chip has no band 3; its only band is 1": ", bands := 3",
    "bands lists 2; a picture has 1 (gray), 3 (RGB) or 4": ", bands := [1, 1]",
    "colormap colours one band, and bands lists 3": ", bands := [1, 1, 1], colormap := 'gray'",
}


@pytest.mark.parametrize("expected", REFUSED)
def test_what_makes_no_picture_is_refused(con: duckdb.DuckDBPyConnection, expected: str) -> None:
    said = message(con, f"SELECT RS_AsPNG(c{REFUSED[expected]}) FROM {made(RAMP)} AS c")
    assert expected in said
    assert said.startswith("RS_AsPNG: ")


def test_pixels_without_brightness_or_categories_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    said = message(con, f"SELECT RS_AsPNG(c) FROM {made(RAMP.astype('complex64'))} AS c")
    assert re.search("complex64 pixels have no brightness", said)
    colours = "colormap := MAP {1: '#000000'}"
    said = message(con, f"SELECT RS_AsPNG(c, {colours}) FROM {made(RAMP.astype('float32'))} AS c")
    assert "a colormap of categories takes whole numbers, not float32" in said
