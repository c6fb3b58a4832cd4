"""Blocks that tifffile and GDAL wrote, decoded one by one, hold exactly their pixels."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile

from rasteret_sql.codec.block import BlockLayout, decode_block
from tests.codec.files import (
    HEIGHT,
    NORTH_UP,
    WIDTH,
    assert_same_bits,
    decode_file,
    first_image,
    layout_of,
    noise,
    read_with_tifffile,
    write_with_gdal,
)

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
PREDICTING = ["lzw", "deflate", "zstd"]
"""Beside these GDAL writes a predictor; tifffile does beside LZMA too."""


TIFFFILE_WRITES = [
    *itertools.product(["none", "packbits"], [1], INTEGERS + FLOATS + COMPLEX),
    *itertools.product(PREDICTING, [1], INTEGERS + FLOATS + COMPLEX),
    *itertools.product(PREDICTING, [2], INTEGERS),
    *itertools.product(PREDICTING, [3], FLOATS),
    *itertools.product(["lzma"], [1, 2], ["uint8", "int16", "uint64"]),
    *itertools.product(["lzma"], [1, 3], FLOATS),
]


@pytest.mark.parametrize("blocks", ["tiles", "strips"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize(("compression", "predictor", "dtype"), TIFFFILE_WRITES)
def test_blocks_written_by_tifffile(
    tmp_path: Path,
    compression: str,
    predictor: int,
    dtype: str,
    byte_order: str,
    interleave: str,
    blocks: str,
) -> None:
    path = tmp_path / "image.tif"
    expected = noise(dtype)
    by_band = interleave == "band"
    tifffile.imwrite(
        path,
        expected.transpose(2, 0, 1) if by_band else expected,
        photometric="minisblack",
        planarconfig="separate" if by_band else "contig",
        byteorder={"little": "<", "big": ">"}[byte_order],
        compression=None if compression == "none" else compression,
        predictor=predictor if predictor > 1 else None,
        **({"tile": (16, 32)} if blocks == "tiles" else {"rowsperstrip": 8}),
    )
    found, layout = decode_file(path)
    wanted = (compression, predictor, dtype, byte_order, 1 if by_band else 3)
    assert wanted == (
        layout.compression,
        layout.predictor,
        layout.dtype,
        layout.byte_order,
        layout.samples,
    )
    assert_same_bits(found, expected)


GDAL_WRITES = [
    *itertools.product(["none", "packbits", "lzma"], [1], ["uint8", "int16", "float32", "complex128"]),
    *itertools.product(PREDICTING, [1], ["uint16", "float64", "complex64"]),
    # Horizontal differences of floats and of complex64 are taken on their bits.
    *itertools.product(PREDICTING, [2], [*INTEGERS, "float32", "float64", "complex64"]),
    *itertools.product(PREDICTING, [3], ["float32", "float64"]),
]


@pytest.mark.parametrize("blocks", ["tiles", "strips"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize(("compression", "predictor", "dtype"), GDAL_WRITES)
def test_blocks_written_by_gdal(
    tmp_path: Path,
    compression: str,
    predictor: int,
    dtype: str,
    byte_order: str,
    interleave: str,
    blocks: str,
) -> None:
    path = tmp_path / "image.tif"
    expected = noise(dtype)
    tiles = {"tiled": True, "blockxsize": 32, "blockysize": 16}
    write_with_gdal(
        path,
        expected,
        compress=compression,
        interleave=interleave,
        endianness=byte_order,
        **({"predictor": predictor} if predictor > 1 else {}),
        **(tiles if blocks == "tiles" else {"blockysize": 8}),
    )
    found, layout = decode_file(path)
    assert (layout.compression, layout.predictor, layout.byte_order) == (compression, predictor, byte_order)
    assert_same_bits(found, expected)


def test_a_mask_is_zeros_and_ones(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    usable = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 5 > 1
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=1, dtype="uint8",
            transform=NORTH_UP, tiled=True, blockxsize=16, blockysize=16,
        ) as dataset,
    ):  # fmt: skip
        dataset.write(np.ones((1, HEIGHT, WIDTH), "uint8"))
        dataset.write_mask(usable)
    stored, tiff, _ = first_image(path)
    mask = tiff.images[1]
    layout = layout_of(mask, tiff.byte_order)
    first = stored[int(mask.tile_offsets[0]) :][: int(mask.tile_byte_counts[0])]
    assert layout.bits_per_sample == 1
    assert_same_bits(decode_block(first, layout)[:, :, 0], usable[:16, :16].astype("uint8"))


def test_lzw_with_reversed_codes_is_read() -> None:
    # Codes of 9 bits, lowest bit first: clear (256), 7, 8, 9, end (257); writers before TIFF 6.0 did so.
    codes = sum(code << (9 * i) for i, code in enumerate([256, 7, 8, 9, 257]))
    layout = BlockLayout(
        width=3, height=1, samples=1, dtype="uint8", byte_order="little",
        bits_per_sample=8, compression="lzw", predictor=1,
    )  # fmt: skip
    pixels = decode_block(codes.to_bytes(6, "little"), layout)
    assert pixels.ravel().tolist() == [7, 8, 9]


REAL_FILES = {
    "async-tiff/int16_zstd.tif": "zstd",
    "async-tiff/predictor-3-gray-f32.tif": "lzw",
    "async-tiff/predictor-3-rgb-f32.tif": "lzw",
    "async-tiff/random-fp16-pred2.tiff": "deflate",
    "async-tiff/random-fp16-pred3.tiff": "deflate",
    "async-tiff/quad-lzw-compat.tiff": "lzw",
    "async-tiff/issue_69_lzw.tiff": "lzw",
    "async-tiff/issue_69_packbits.tiff": "packbits",
    "async-tiff/12bit.cropped.tiff": "none",
    "rio-cogeo/slc.tif": "deflate",
    "async-tiff/palette-1c-4b.tiff": "none",
    "async-tiff/tiled-gray-i1.tif": "none",
    "rio-tiler/cog.tif": "deflate",
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_decode_as_tifffile_decodes_them(shared_data: Path, name: str) -> None:
    path = shared_data / "cog" / name
    expected = read_with_tifffile(path)
    expected = expected.astype("uint8") if expected.dtype == bool else expected
    found, layout = decode_file(path)
    assert layout.compression == REAL_FILES[name]
    assert_same_bits(found, expected)
