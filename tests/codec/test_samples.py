"""Samples of every width, kind, byte order and bit order, as GDAL reads them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from rasteret_sql.codec.block import BlockLayout, encode_block
from tests.codec.files import (
    HEIGHT,
    TILES,
    WIDTH,
    Array,
    assert_same_bits,
    decode_file,
    noise,
    read_with_gdal,
    read_with_tifffile,
    strip_layout,
    write_block,
    write_with_gdal,
)

ORDERS = ["little", "big"]


def of_bits(bits: int, bands: int = 3) -> Array:
    """Unsigned noise of so many bits in the narrowest type."""
    width = next(w for w in (8, 16, 32) if bits <= w)
    return noise(f"uint{width}", bands) & ((1 << bits) - 1)


def block_layout(pixels: Array, bits: int, **changes: Any) -> BlockLayout:
    gray = strip_layout("none", pixels, bits_per_sample=bits, photometric="minisblack")
    return replace(gray, **changes)


@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("bits", [b for b in range(1, 32) if b not in (8, 16)])
def test_every_width_that_gdal_writes(tmp_path: Path, bits: int, interleave: str, byte_order: str) -> None:
    path, expected = tmp_path / "image.tif", of_bits(bits)
    compress = "deflate" if bits % 2 else "none"
    write_with_gdal(
        path,
        expected,
        nbits=bits,
        compress=compress,
        interleave=interleave,
        endianness=byte_order,
        **TILES,
    )
    found, layout = decode_file(path)
    assert (layout.bits_per_sample, layout.byte_order, layout.compression) == (bits, byte_order, compress)
    assert_same_bits(found, expected)


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize("bits", [1, 2, 4, 12])
def test_packed_bits_in_every_compression(tmp_path: Path, bits: int, compression: str) -> None:
    path, expected = tmp_path / "image.tif", of_bits(bits)
    write_with_gdal(path, expected, nbits=bits, compress=compression, blockysize=8)
    assert_same_bits(decode_file(path)[0], expected)


@pytest.mark.parametrize("bits", range(1, 33))
def test_widths_that_tifffile_writes(tmp_path: Path, bits: int) -> None:
    # of one bit tifffile pads every pixel's samples
    path, expected = tmp_path / "image.tif", of_bits(bits, bands=1 if bits == 1 else 3)
    tifffile.imwrite(
        path,
        expected.astype(bool) if bits == 1 else expected,
        photometric="minisblack",
        planarconfig=None if bits == 1 else "contig",
        bitspersample=bits,
    )
    assert_same_bits(decode_file(path)[0], expected)


def test_24_bits_in_big_endian_files_are_what_gdal_writes(tmp_path: Path) -> None:
    # libtiff swaps the bytes of 24-bit samples, GDAL then reads them first bit first; tifffile does neither
    path, expected = tmp_path / "image.tif", of_bits(24)
    write_with_gdal(path, expected, nbits=24, endianness="big")
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_gdal(path), expected)
    assert not np.array_equal(read_with_tifffile(path), expected)


@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize(("bits", "dtype"), [(4, "int8"), (12, "int16"), (20, "int32"), (24, "int32")])
def test_signed_samples_of_odd_widths_keep_their_sign(
    tmp_path: Path, bits: int, dtype: str, byte_order: str
) -> None:
    path, bound = tmp_path / "image.tif", 1 << (bits - 1)
    expected = np.random.default_rng(bits).integers(-bound, bound, (HEIGHT, WIDTH, 2), dtype)
    layout = block_layout(expected, bits, byte_order=byte_order)
    write_block(path, encode_block(expected, layout), layout)
    found, of_file = decode_file(path)
    assert (of_file.bits_per_sample, of_file.dtype) == (bits, dtype)
    assert_same_bits(found, expected)
    # GDAL gives the same bits as unsigned integers.
    assert np.array_equal(read_with_gdal(path), expected.astype(np.int64) & ((1 << bits) - 1))


@pytest.mark.parametrize("byte_order", ORDERS)
def test_every_float_of_24_bits(tmp_path: Path, byte_order: str) -> None:
    path = tmp_path / "image.tif"
    patterns = np.arange(1 << 24, dtype="<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    stored = (patterns if byte_order == "little" else patterns[:, ::-1]).tobytes()
    layout = block_layout(np.zeros((4096, 4096, 1), "float32"), 24, byte_order=byte_order)
    write_block(path, stored, layout)
    found, _ = decode_file(path)
    assert found.dtype == "float32"
    assert np.array_equal(found, read_with_gdal(path), equal_nan=True)
    assert np.array_equal(found, read_with_tifffile(path), equal_nan=True)


@pytest.mark.parametrize(
    ("compression", "predictor", "byte_order"),
    [*itertools.product(["lzw", "deflate", "zstd", "lzma"], [1, 3], ORDERS)],
)
def test_floats_of_24_bits_with_predictor(
    tmp_path: Path, compression: str, predictor: int, byte_order: str
) -> None:
    path = tmp_path / "image.tif"
    expected = (noise("int16", 2) / np.float32(64)).astype("float32")  # 16 bits fit the mantissa
    layout = block_layout(expected, 24, byte_order=byte_order, compression=compression, predictor=predictor)
    write_block(path, encode_block(expected, layout), layout)
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_gdal(path), expected)


COMPLEX = [
    *itertools.product(["none", "packbits", "lzma"], [1], ORDERS),
    *itertools.product(["lzw", "deflate", "zstd"], [1, 2], ORDERS),
]


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(("compression", "predictor", "byte_order"), COMPLEX)
def test_complex_integers_of_16_bits(
    tmp_path: Path, compression: str, predictor: int, byte_order: str, interleave: str
) -> None:
    path = tmp_path / "image.tif"
    parts = noise("int16", 4).astype("float32")
    expected = parts[:, :, :2] + 1j * parts[:, :, 2:]
    write_with_gdal(
        path,
        expected,
        dtype="complex_int16",
        compress=compression,
        interleave=interleave,
        endianness=byte_order,
        **({"predictor": predictor} if predictor > 1 else {}),
        **TILES,
    )
    found, layout = decode_file(path)
    assert (layout.bits_per_sample, layout.predictor, layout.sample_kind) == (32, predictor, "complex_int")
    assert_same_bits(found, expected)


@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("predictor", [1, 2])
def test_complex_integers_of_32_bits(tmp_path: Path, predictor: int, byte_order: str) -> None:
    path = tmp_path / "image.tif"
    parts = noise("int32", 4).astype("float64")
    expected = parts[:, :, :2] + 1j * parts[:, :, 2:]
    layout = block_layout(expected, 64, byte_order=byte_order, compression="deflate", predictor=predictor)
    write_block(path, encode_block(expected, layout), layout)
    found, _ = decode_file(path)
    assert_same_bits(found, expected)
    # rasterio rounds them to complex64.
    assert_same_bits(found.astype("complex64"), read_with_gdal(path))


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize(("bits", "byte_order"), [(8, "little"), (12, "big"), (16, "little"), (32, "big")])
def test_reversed_bits(tmp_path: Path, compression: str, bits: int, byte_order: str) -> None:
    path, expected = tmp_path / "image.tif", of_bits(bits)
    layout = block_layout(expected, bits, byte_order=byte_order, compression=compression, fill_order=2)
    write_block(path, encode_block(expected, layout), layout)
    found, of_file = decode_file(path)
    assert of_file.fill_order == 2
    assert_same_bits(found, expected)
    assert_same_bits(read_with_gdal(path), expected)


@pytest.mark.parametrize("photometric", ["miniswhite", "palette", "cielab", "icclab", "cfa"])
def test_samples_stay_as_they_are_stored_whatever_they_mean(tmp_path: Path, photometric: str) -> None:
    path = tmp_path / "image.tif"
    expected = noise("uint8", 1)
    layout = block_layout(expected, 8, photometric=photometric)
    colormap = tuple(range(768)) if photometric == "palette" else None
    write_block(path, encode_block(expected, layout), layout, colormap=colormap)
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_gdal(path), expected)


@pytest.mark.parametrize("photometric", ["cmyk", "cielab"])
def test_colours_that_gdal_converts_to_rgba_are_read_as_stored(tmp_path: Path, photometric: str) -> None:
    path = tmp_path / "image.tif"
    expected = noise("uint8", 4 if photometric == "cmyk" else 3)
    layout = block_layout(expected, 8, photometric=photometric)
    write_block(path, encode_block(expected, layout), layout, extra_samples=())
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_tifffile(path), expected)
    assert not np.array_equal(read_with_gdal(path)[:, :, : expected.shape[2]], expected)
