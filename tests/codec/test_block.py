"""Blocks that tifffile and GDAL wrote, decoded one by one, hold exactly their pixels."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import tifffile
from affine import Affine

from rasteret_sql.codec.block import BlockLayout, decode_block

NAMES = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 50000: "zstd", 32773: "packbits"}
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
PREDICTING = ["lzw", "deflate", "zstd"]
NORTH_UP = Affine(10, 0, 0, 0, -10, 0)
HEIGHT, WIDTH, BANDS = 37, 41, 3  # no multiple of a tile, nor of a strip of 8 rows


def noise(dtype: str, seed: int = 5) -> npt.NDArray[Any]:
    """Every bit pattern of the type, so also NaNs, infinities and differences that wrap."""
    rng = np.random.default_rng(seed)
    pixels = rng.bytes(HEIGHT * WIDTH * BANDS * np.dtype(dtype).itemsize)
    return np.frombuffer(pixels, dtype).reshape(HEIGHT, WIDTH, BANDS)


def layout_of(page: Any, byte_order: str) -> BlockLayout:
    """What the tags say of one block, as tifffile reads them."""
    tiled = page.is_tiled
    return BlockLayout(
        width=page.tilewidth if tiled else page.imagewidth,
        height=page.tilelength if tiled else min(page.rowsperstrip, page.imagelength),
        samples=page.samplesperpixel if page.planarconfig == 1 else 1,
        dtype="uint8" if page.bitspersample < 8 else page.dtype.name,
        byte_order=byte_order,
        bits_per_sample=page.bitspersample,
        compression=NAMES[page.compression],
        predictor=page.predictor,
        fill_order=page.fillorder,
    )


def decode_page(path: Path) -> tuple[npt.NDArray[Any], BlockLayout]:
    """All blocks of the first image, each from its own bytes, put together: (rows, columns, bands)."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        layout = layout_of(page, "little" if tiff.byteorder == "<" else "big")
        across = -(-page.imagewidth // layout.width)
        down = -(-page.imagelength // layout.height)
        image = np.zeros((page.imagelength, page.imagewidth, page.samplesperpixel), layout.dtype)
        stored = path.read_bytes()
        for i, (start, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            band, block = divmod(i, across * down)
            row, column = block // across * layout.height, block % across * layout.width
            rows = None if page.is_tiled else min(layout.height, page.imagelength - row)
            pixels = decode_block(stored[start : start + count], layout, rows=rows)
            part = image[row : row + layout.height, column : column + layout.width, band:]
            part[:, :, : layout.samples] = pixels[: part.shape[0], : part.shape[1]]
    return image, layout


def assert_same_bits(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


TIFFFILE_WRITES = [
    *itertools.product(["none", "packbits"], [1], INTEGERS + FLOATS + COMPLEX),
    *itertools.product(PREDICTING, [1], INTEGERS + FLOATS + COMPLEX),
    *itertools.product(PREDICTING, [2], INTEGERS),
    *itertools.product(PREDICTING, [3], FLOATS),
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
    found, layout = decode_page(path)
    wanted = (compression, predictor, dtype, byte_order, 1 if by_band else BANDS)
    assert wanted == (
        layout.compression,
        layout.predictor,
        layout.dtype,
        layout.byte_order,
        layout.samples,
    )
    assert_same_bits(found, expected)


GDAL_WRITES = [
    *itertools.product(["none", "packbits"], [1], ["uint8", "int16", "float32", "complex128"]),
    *itertools.product(PREDICTING, [1], ["uint16", "float64", "complex64"]),
    # Horizontal differences of floats and of complex64 are taken on their bits.
    *itertools.product(PREDICTING, [2], [*INTEGERS, "float32", "float64", "complex64"]),
    *itertools.product(PREDICTING, [3], ["float32", "float64"]),
]


def write_with_gdal(path: Path, pixels: npt.NDArray[Any], **options: Any) -> None:
    """Pixels (rows, columns, bands) through rasterio."""
    rows, columns, bands = pixels.shape
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": bands,
        "dtype": pixels.dtype.name,
    }
    with rasterio.open(path, "w", **profile, transform=NORTH_UP, **options) as dataset:
        dataset.write(pixels.transpose(2, 0, 1))


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
    found, layout = decode_page(path)
    assert (layout.compression, layout.predictor, layout.byte_order) == (compression, predictor, byte_order)
    assert_same_bits(found, expected)


@pytest.mark.parametrize("compression", sorted(set(NAMES.values())))
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_samples_of_less_than_a_byte_become_one_byte_each(
    tmp_path: Path, bits: int, compression: str, interleave: str
) -> None:
    path = tmp_path / "image.tif"
    expected = noise("uint8") & ((1 << bits) - 1)
    write_with_gdal(path, expected, nbits=bits, compress=compression, interleave=interleave, blockysize=8)
    found, layout = decode_page(path)
    assert (layout.bits_per_sample, layout.compression) == (bits, compression)
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
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[1]
        layout = layout_of(page, "little")
        first = path.read_bytes()[page.dataoffsets[0] :][: page.databytecounts[0]]
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
    "async-tiff/palette-1c-4b.tiff": "none",
    "async-tiff/tiled-gray-i1.tif": "none",
    "rio-tiler/cog.tif": "deflate",
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_decode_as_tifffile_decodes_them(shared_data: Path, name: str) -> None:
    path = shared_data / "cog" / name
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        expected = page.asarray()
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            expected = expected.transpose(1, 2, 0)
    expected = expected.astype("uint8") if expected.dtype == bool else expected
    found, layout = decode_page(path)
    assert layout.compression == REAL_FILES[name]
    assert_same_bits(found, expected.reshape(found.shape))
