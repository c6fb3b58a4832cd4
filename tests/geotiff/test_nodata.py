"""GDAL_NODATA: every text and dtype beside GDAL, from the text to the pixels that are not valid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.io import MemoryFile

import rasteret_sql
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.georef.georeference import nodata_of
from rasteret_sql.geotiff.nodata import fill_value, has_nodata, is_nodata
from rasteret_sql.settings import configure
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image
from tests.tiff.examples import image, tiff

SAMPLES = {
    **{f"uint{bits}": ("uint", bits) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": ("int", bits) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": ("float", bits) for bits in (16, 32, 64)},
    **{f"complex{bits}": ("complex", bits) for bits in (64, 128)},
}
TEXTS = [
    # numbers, inside and outside the dtypes
    "0", "-0", "1", "255", "256", "-1", "-9999", "1e2", " 7 ", "+7", "00012", "128", "-128", "-129", "65504",
    "4294967295", "4294967296", "-2147483648", "9007199254740992", "1e300", "-1e300", "3.5e38", "1e39",
    "9223372036854775808", "-9223372036854775808", "18446744073709549568",
    # fractions: integers truncate where they compare and round where they fill
    "0.5", "-0.5", "1.5", "-1.5", "2.5", "254.5", "255.4", "255.5", "127.9", "-128.9", "65535.4", "0.1",
    "1e-8", "0.10000000149011612", "-3.4e38", "-3.4028234663852886e+38", "-3.40282347e+38",
    "-3.40282346638529e+38",
    # not finite, as C libraries print it
    "nan", "NaN", "inf", "-inf", "INF", "+inf", "1.#QNAN", "1.#SNAN", "-1.#IND", "1.#INF", "-1.#inf", "1e400",
    # what starts with a number, or with none: 0
    "12abc", "3,5", "1 2", "5%", "1e", "1e5x", "1_000", "0x10", ".5", "5.", "+-5", "--5", "- 5", "garbage",
    "none", "N/A", "-", ".", " ", "NAN", "nan ", "infinity", "-nan", "nan(0x1)", "1.#IND", "١", "\x0b5",
    "1d5",
]  # fmt: skip
HALF_BETWEEN = {
    "-9999", "255.4", "127.9", "-128.9", "65535.4", "0.1", "0.10000000149011612", "1e-8", "4294967295",
    "4294967296", "-2147483648", "9007199254740992", "9223372036854775808", "-9223372036854775808",
    "18446744073709549568", "-3.4e38", "-3.4028234663852886e+38", "1e5x",
}  # fmt: skip
"""No values of float16. GDAL 3.10 reads float16 as float32 and finds no pixel of these; here a pixel that
holds what such a nodata rounds to is nodata."""
COMPLEX_FILL = {"-3.40282347e+38", "-3.40282346638529e+38"}
"""GDAL fills complex64 with an infinity that it then takes for valid; here it is the largest float32."""


GDAL_STOPS_AT_THE_EXPONENT = {
    "1e2", "1e300", "-1e300", "3.5e38", "1e39", "1e-8", "-3.4e38", "-3.4028234663852886e+38",
    "-3.40282347e+38", "-3.40282346638529e+38", "1e5x", "1e400", "nan", "NaN", "inf", "-inf", "INF", "+inf",
    "1.#QNAN", "1.#SNAN", "-1.#IND", "1.#INF", "-1.#inf",
}  # fmt: skip
"""In 64-bit integers: GDAL reads 1e2 as 1 and nan as 0, and so rasterio does not read back what it wrote."""


def values_of(dtype: str) -> npt.NDArray[Any]:
    """48 values: edges of the dtype, and neighbours of what the texts mean."""
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        least, most = int(limits.min), int(limits.max)
        near = [
            0,
            1,
            2,
            3,
            5,
            7,
            10,
            12,
            13,
            16,
            100,
            127,
            128,
            200,
            254,
            255,
            256,
            1000,
            -1,
            -2,
            -5,
            -9999,
            2**53,
        ]
        found = [min(max(value, least), most) for value in (*near, least, most, least + 1, most - 1)]
    else:
        limits = np.finfo(kind)
        found = [
            *(
                0.0,
                1.0,
                1.5,
                0.5,
                -0.5,
                5.0,
                7.0,
                10.0,
                12.0,
                100.0,
                254.5,
                255.0,
                256.0,
                -1.0,
                -9999.0,
                2**53,
            ),
            *(0.1, 1e-8, -3.4e38, 3.5, -5.0, 128.0, 4294967295.0, 4294967296.0, 100000.0, -1.5, 2.5, 1000.0),
            *(float(limits.max), float(limits.min), np.nan, np.inf, -np.inf, np.nextafter(0.1, 1)),
        ]
    found += [found[0]] * (48 - len(found))
    with np.errstate(over="ignore"):
        return np.array(found, object if kind.kind in "iu" else None).astype(kind).reshape(6, 8)


def file_of(dtype: str, text: str, pixels: npt.NDArray[Any] | None) -> tuple[Image, bytes]:
    """One tile of 16 x 16 for 8 x 6 pixels; sparse without pixels."""
    sample_format, bits = SAMPLES[dtype]
    own = image(
        width=8, height=6, dtype=dtype, bits_per_sample=bits, sample_format=sample_format, gdal_nodata=text
    )
    if pixels is None:
        return own, build_tiff(tiff(own), [[None]])
    tile = np.zeros((16, 16), pixels.dtype)
    tile[:6, :8] = pixels
    return own, build_tiff(tiff(own), [[tile.tobytes()]])


def valid_of(pixels: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_]:
    found = is_nodata(pixels, nodata)
    return np.ones(pixels.shape, np.bool_) if found is None else ~found


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """rasterio compares nodata with the range of float32 in float32."""
    with np.errstate(over="ignore"):
        yield


CASES = [
    (dtype, text)
    for dtype in SAMPLES
    for text in TEXTS
    if dtype not in ("int64", "uint64") or text not in GDAL_STOPS_AT_THE_EXPONENT
]


@pytest.mark.parametrize(("dtype", "text"), CASES)
def test_value_mask_and_fill_equal_gdals(dtype: str, text: str) -> None:
    pixels = values_of(dtype)
    own, data = file_of(dtype, text, pixels)
    try:
        nodata = nodata_of(own)
    except UnsupportedError:
        assert dtype in ("int64", "uint64")
        return
    with MemoryFile(data) as memory, memory.open() as dataset:
        seen = dataset.nodata
        if seen is not None:  # rasterio hides what is outside the dtype
            np.testing.assert_equal(nodata, seen)
        theirs = dataset.dataset_mask() != 0
    if dtype == "float16" and text in HALF_BETWEEN:
        theirs &= (pixels != np.float16(nodata)) | (text == "1e-8")  # would round to 0
    np.testing.assert_array_equal(valid_of(pixels, nodata), theirs)
    with MemoryFile(file_of(dtype, text, None)[1]) as memory, memory.open() as dataset:
        fill, usable = dataset.read(1), dataset.dataset_mask() != 0
    if (dtype == "float16" and text in HALF_BETWEEN) or (dtype == "complex64" and text in COMPLEX_FILL):
        return
    filled = np.full((6, 8), fill_value(dtype, nodata), dtype)
    np.testing.assert_array_equal(filled, fill)
    np.testing.assert_array_equal(valid_of(filled, nodata), usable)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("dtype", SAMPLES)
def test_one_nodata_pixel_among_many_is_found(dtype: str, native: bool) -> None:
    numbers = {_nodata(dtype, text) for of_dtype, text in CASES if of_dtype == dtype}
    configure(native_decoding=native)
    try:
        for nodata in numbers:
            for value in values_of(dtype).flat:
                for count, place in ((3, 2), (5000, 4998)):
                    pixels = np.full(count, 77, dtype)
                    pixels[place] = value
                    expected = is_nodata(pixels, nodata)
                    assert has_nodata(pixels, nodata) == (expected is not None and bool(expected.any()))
    finally:
        configure(native_decoding=None)


def _nodata(dtype: str, text: str) -> float | None:
    try:
        return nodata_of(file_of(dtype, text, None)[0])
    except UnsupportedError:
        return None


def test_a_sparse_block_keeps_the_sign_of_its_zero() -> None:
    """Also after a raster with the other zero, which Python calls the same."""
    for nodata in (0.0, -0.0, 0.0):
        assert math.copysign(1, fill_value("float32", nodata)) == math.copysign(1, nodata)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        ("int64", "-9.2233720368547758e+18", -(2.0**63)),
        ("int64", "1e2", 100.0),
        ("uint64", "1.5e3", 1500.0),
        ("uint64", "-1e2", -100.0),
        ("int64", "1e300", 1e300),
        ("int64", "-inf", -math.inf),
        ("uint64", "nan", math.nan),
    ],
)
def test_exponents_in_64_bit_integers_mean_what_was_written(dtype: str, text: str, value: float) -> None:
    np.testing.assert_equal(nodata_of(file_of(dtype, text, None)[0]), value)


def test_what_rasterio_writes_for_the_smallest_int64_is_nodata(tmp_path: Path) -> None:
    least = -(2**63)
    profile = {"driver": "GTiff", "count": 1, "height": 1, "width": 3, "dtype": "int64", "nodata": least}
    with rasterio.open(
        tmp_path / "a.tif", "w", crs="EPSG:32632", transform=(9, 0, 0, 0, -9, 0), **profile
    ) as d:
        d.write(np.array([[[least, -9, 5]]]))
    with rasteret_sql.connect() as con:
        found = con.execute("SELECT nodata, valid FROM read_cog($1)", [str(tmp_path / "a.tif")]).fetchone()
    assert found == (least, b"\0\1\1")
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert (dataset.nodata, dataset.dataset_mask().tolist()) == (-9, [[255, 0, 255]])


@pytest.mark.parametrize("text", sorted(HALF_BETWEEN - {"1e-8"}))
def test_sparse_blocks_of_float16_are_not_valid(text: str) -> None:
    nodata = nodata_of(file_of("float16", text, None)[0])
    filled = np.full((6, 8), fill_value("float16", nodata), "float16")
    assert not valid_of(filled, nodata).any()


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("uint64", "18446744073709551615"),
        ("uint64", "18446744073709551616"),
        ("uint64", "-1"),
        ("uint64", "9007199254740993"),
        ("uint64", "1.8446744073709552e+19"),
        ("int64", "9223372036854775807"),
        ("int64", "-9007199254740993"),
    ],
)
def test_whole_numbers_that_no_float64_holds_are_refused(dtype: str, text: str) -> None:
    with pytest.raises(
        UnsupportedError, match=f"GDAL_NODATA is {re.escape(text)}, which no 64-bit float holds exactly"
    ):
        nodata_of(file_of(dtype, text, None)[0])


THROUGH_SQL = [
    ("uint8", "255.4"), ("uint8", "-0.5"), ("uint8", "1.5"), ("int8", "127.9"), ("int16", "-9999"),
    ("uint16", "70000"), ("int32", "-1.5"), ("uint64", "9007199254740992"), ("int64", "-5"),
    ("float16", "nan"), ("float16", "1.5"), ("float32", "0.1"), ("float32", "-3.40282347e+38"),
    ("float32", "1e300"), ("float64", "-inf"), ("float64", "4294967296"), ("complex64", "7"),
    ("uint8", "none"), ("int16", "nan"),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "text"), THROUGH_SQL)
@pytest.mark.parametrize("sparse", [False, True], ids=["stored", "sparse"])
def test_pixels_through_sql_equal_rasterios(tmp_path: Path, dtype: str, text: str, sparse: bool) -> None:
    data = file_of(dtype, text, None if sparse else values_of(dtype))[1]
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with rasteret_sql.connect() as con:
        found, valid = con.execute("SELECT data, valid FROM read_cog($1)", [str(path)]).fetchone()
    with MemoryFile(data) as memory, memory.open() as dataset:
        theirs, mask = dataset.read(1), dataset.dataset_mask() != 0
    np.testing.assert_array_equal(np.frombuffer(found, dtype).reshape(6, 8), theirs)
    usable = np.ones(48, np.bool_) if valid is None else np.frombuffer(valid, np.bool_)
    np.testing.assert_array_equal(usable.reshape(6, 8), mask)


def test_nodata_is_that_of_each_file(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "2"), ("c", "")):
        (tmp_path / f"{name}.tif").write_bytes(file_of("uint8", text, values_of("uint8"))[1])
    with rasteret_sql.connect() as con:
        found = con.execute(
            "SELECT h.nodata, c.valid FROM (VALUES ('a'), ('b'), ('c')) AS t(name), "
            "cog_header($1 || '/' || name || '.tif') AS h, read_cog(h) AS c ORDER BY name",
            [str(tmp_path)],
        ).fetchall()
    assert [nodata for nodata, _ in found] == [1, 2, None]
    pixels = values_of("uint8")
    for nodata, valid in found[:2]:
        np.testing.assert_array_equal(np.frombuffer(valid, np.uint8).reshape(6, 8), pixels != nodata)
    assert found[2][1] is None
