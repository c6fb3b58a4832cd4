"""Files for tests of the codecs: by GDAL, by tifffile or of given blocks; and decoded block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import tifffile
from affine import Affine

from rasteret_sql.codec.block import BlockLayout, decode_block
from rasteret_sql.geotiff.from_tiff import BITS_IN_OWN_ORDER
from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image, Tiff
from rasteret_sql.tiff.parse import parse

Array = npt.NDArray[Any]
NORTH_UP = Affine(10, 0, 0, 0, -10, 0)
HEIGHT, WIDTH = 37, 41  # no multiple of a tile, nor of a strip of 8 rows
NO_TABLE = np.zeros(0, np.uint64)
TILES = {"tiled": True, "blockxsize": 32, "blockysize": 16}
STRIPS = {"blockysize": 8}
BLOCKS = pytest.mark.parametrize("blocks", [TILES, STRIPS], ids=["tiles", "strips"])
INTERLEAVES = pytest.mark.parametrize("interleave", ["pixel", "band"])


def noise(dtype: str, bands: int = 3, seed: int = 5) -> Array:
    """Every bit pattern of the type, so also NaNs, infinities and differences that wrap."""
    pixels = np.random.default_rng(seed).bytes(HEIGHT * WIDTH * bands * np.dtype(dtype).itemsize)
    return np.frombuffer(pixels, dtype).reshape(HEIGHT, WIDTH, bands)


def ramp(dtype: str, bands: int = 3, most: int = 200) -> Array:
    """Smooth pixels that lossy codecs can hold, other ones in every band."""
    slopes = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH))[:, :, None] * np.arange(1, bands + 1)
    return (slopes % most).astype(dtype)


def write_with_gdal(path: Path, pixels: Array, *, dtype: str | None = None, **options: Any) -> None:
    """Pixels (rows, columns, bands) through rasterio."""
    rows, columns, bands = pixels.shape
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": bands,
        "dtype": dtype or pixels.dtype.name,
    }
    with rasterio.open(path, "w", **profile, transform=NORTH_UP, **options) as dataset:
        dataset.write(pixels.transpose(2, 0, 1))


def strip_layout(compression: str, pixels: Array, **changes: Any) -> BlockLayout:
    """The layout of one strip of these pixels."""
    fields = {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "samples": pixels.shape[2],
        "dtype": pixels.dtype.name,
        "byte_order": "little",
        "bits_per_sample": pixels.itemsize * 8,
        "compression": compression,
        "predictor": 1,
        "photometric": "rgb" if pixels.shape[2] == 3 else "minisblack",
    }
    return BlockLayout(**fields | changes)


def write_block(path: Path, block: bytes, layout: BlockLayout, **tags: Any) -> None:
    """One strip that holds the whole image."""
    image: dict[str, Any] = {
        "width": layout.width,
        "height": layout.height,
        "tile_width": layout.width,
        "tile_height": layout.height,
        "tiled": False,
        "band_count": layout.samples,
        "dtype": layout.dtype,
        "bits_per_sample": layout.bits_per_sample,
        "sample_format": layout.sample_kind,
        "compression": layout.compression,
        "predictor": layout.predictor,
        "interleave": "pixel",
        "photometric": layout.photometric,
        "fill_order": layout.fill_order,
        "extra_samples": () if layout.photometric == "rgb" else ("unspecified",) * (layout.samples - 1),
        "subfile_type": 0,
        "tile_offsets": NO_TABLE,
        "tile_byte_counts": NO_TABLE,
        "lerc_parameters": layout.lerc_parameters,
        "model_pixel_scale": (10.0, 10.0, 0.0),
        "model_tiepoint": (0.0, 0.0, 0.0, 5.0, 0.0, 0.0),
    } | tags
    tiff = Tiff(byte_order=layout.byte_order, big=False, images=(Image(**image),))
    path.write_bytes(build_tiff(tiff, [[block]]))


def layout_of(image: Image, byte_order: str) -> BlockLayout:
    """How the blocks of one image are packed."""
    return BlockLayout(
        width=image.tile_width,
        height=image.tile_height,
        samples=image.band_count if image.interleave == "pixel" else 1,
        dtype=image.dtype,
        byte_order=byte_order,
        bits_per_sample=image.bits_per_sample,
        compression=image.compression,
        predictor=image.predictor,
        fill_order=1 if image.compression in BITS_IN_OWN_ORDER else image.fill_order,
        photometric=image.photometric,
        jpeg_tables=image.jpeg_tables,
        lerc_parameters=image.lerc_parameters,
    )


def first_image(path: Path) -> tuple[bytes, Tiff, Image]:
    stored = path.read_bytes()
    buffer = Bytes()
    buffer.add(0, stored)
    buffer.size = len(stored)
    tiff = parse(buffer)
    return stored, tiff, tiff.images[0]


def first_block(path: Path) -> tuple[bytes, BlockLayout]:
    """The first block as stored."""
    stored, tiff, image = first_image(path)
    start, count = int(image.tile_offsets[0]), int(image.tile_byte_counts[0])
    return stored[start : start + count], layout_of(image, tiff.byte_order)


def decode_file(path: Path) -> tuple[Array, BlockLayout]:
    """All blocks of the first image, each from its own bytes, put together: (rows, columns, bands)."""
    stored, tiff, image = first_image(path)
    layout = layout_of(image, tiff.byte_order)
    pixels = np.zeros((image.height, image.width, image.band_count), image.dtype)
    for i, (start, count) in enumerate(zip(image.tile_offsets, image.tile_byte_counts, strict=True)):
        band, block = divmod(i, image.tiles_across * image.tiles_down)
        row, column = (
            block // image.tiles_across * layout.height,
            block % image.tiles_across * layout.width,
        )
        rows = None if image.tiled else min(layout.height, image.height - row)
        decoded = decode_block(stored[int(start) : int(start + count)], layout, rows=rows)
        part = pixels[row : row + layout.height, column : column + layout.width, band:]
        part[:, :, : layout.samples] = decoded[: part.shape[0], : part.shape[1]]
    return pixels, layout


def read_with_gdal(path: Path) -> Array:
    """Pixels (rows, columns, bands) as rasterio reads them."""
    with rasterio.open(path) as dataset:
        return dataset.read().transpose(1, 2, 0)


def read_with_tifffile(path: Path) -> Array:
    """Pixels (rows, columns, bands) as tifffile decodes them."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        pixels = page.asarray()
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            pixels = pixels.transpose(1, 2, 0)
        return pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)


def assert_same_bits(found: Array, expected: Array) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()
