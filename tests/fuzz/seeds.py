"""Where the fuzzers start: small files of every kind, and the tokens that TIFF is made of."""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from rasteret_sql.blocks.selection import select_cells
from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.from_tiff import build_header
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.parse import parse
from tests.fuzz.tile_input import pack
from tests.tiff.examples import COG_GHOST, UTM_32N, image, tiff

SHARED = Path(os.environ.get("RASTERET_SHARED", Path(__file__).resolve().parents[3] / "shared"))
HEAD_BYTES = 4096
"""Of a real file: its first directories, without the tables of a large one."""
METADATA = (
    '<GDALMetadata><Item name="SCALE" sample="0" role="scale">0.1</Item>'
    '<Item name="DESCRIPTION" sample="1" role="description">red</Item></GDALMetadata>'
)
RICH = image(
    band_count=2,
    extra_samples=("unassociated_alpha",),
    gdal_nodata="-9999",
    gdal_metadata=METADATA,
    jpeg_tables=b"\xff\xd8\xff\xd9",
    lerc_parameters=(4, 1),
    model_transformation=(10.0, 1.0, 0.0, 5e5, 1.0, -10.0, 0.0, 5e6, *[0.0] * 7, 1.0),
    model_tiepoint=None,
    model_pixel_scale=None,
    geo_keys={1024: 1, 1025: 2, 1026: "name", 2057: 6378137.0, 2062: (1.0, 2.0, 3.0), 3072: 32767},
)
PALETTE = image(photometric="palette", colormap=tuple(range(768)), tiled=False, tile_width=40, tile_height=8)
USER_DEFINED_CRS = image(
    geo_keys={
        1024: 1, 1025: 1, 2048: 4326, 3072: 32767, 3074: 32767, 3075: 8, 3076: 9001,
        3078: 20.0, 3079: 60.0, 3080: 10.0, 3081: 40.0, 3082: 0.0, 3083: 0.0, 4096: 5773, 4099: 9001,
    }
)  # fmt: skip
WORDS = (
    b"GDAL_STRUCTURAL_METADATA_SIZE=", b"000140 bytes\n", b"KNOWN_INCOMPATIBLE_EDITION=NO\n ",
    b"<GDALMetadata>", b'<Item name="SCALE" sample="0" role="scale">', b"</Item>", b"<!ENTITY",
    b'role="description"', b'role="offset"', b"&quot;", b"nan", b"-inf", b"1e999", b"ESRI PE String = ",
    b"WGS 84|", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0",
)  # fmt: skip
NUMBERS = (0, 1, 2, 7, 8, 12, 16, 0x7FFF, 0x7FFFFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 1 << 63)
GEO_KEYS = (1024, 1025, 1026, 2048, 2049, 2050, 2052, 2054, 2057, 2059, 2062, 3072, 3074, 3075, 3076, 4096)


def tiff_seeds() -> Iterator[tuple[str, bytes]]:
    """Small files over byte order, classic and BigTIFF, tiles and strips, masks, CRSs; real ones' heads."""
    files = {
        "rich": (RICH, image(subfile_type=4, photometric="mask")),
        "palette": (PALETTE, image(width=20, height=12, subfile_type=1)),
        "crs": (USER_DEFINED_CRS,),
        "degrees": (image(geo_keys={**UTM_32N, 1024: 2, 2048: 4326}, model_tiepoint=None),),
    }
    for (name, images), order, big in itertools.product(files.items(), ("little", "big"), (False, True)):
        blocks = [[b"ab"] * own.block_count for own in images]
        yield (
            f"{name}-{order}-{big}",
            build_tiff(tiff(*images, byte_order=order, big=big, **COG_GHOST), blocks),
        )
    for path in sorted((SHARED / "data" / "cog").rglob("*.tif")):
        with path.open("rb") as file:
            yield f"head-{path.stem}", file.read(HEAD_BYTES)


def tiff_dictionary() -> str:
    """Tags, field types, GeoKeys, numbers and words, in both byte orders, as libFuzzer reads them."""
    tokens = set(WORDS)
    for order in "<>":
        tokens |= {struct.pack(order + "H", tag) for tag in (*tags.TAG_NAMES, *GEO_KEYS)}
        for tag, kind in itertools.product(tags.TAG_NAMES, (tags.SHORT, tags.LONG, tags.DOUBLE)):
            tokens.add(struct.pack(order + "HH", tag, kind))
        tokens |= {struct.pack(order + "HH", kind, 0) for kind in tags.FIELD_WIDTHS}
        for number, width in itertools.product(NUMBERS, "HIQ"):
            if number < 1 << 8 * struct.calcsize(order + width):
                tokens.add(struct.pack(order + width, number))
        tokens |= {struct.pack(order + "H", code) for code in tags.COMPRESSIONS}
    return _quoted(tokens)


WRITTEN = (
    *({"compress": name} for name in ("none", "lzw", "deflate", "zstd", "lzma", "packbits")),
    *({"compress": "deflate", "predictor": n} for n in (2, 3)),
    {"compress": "zstd", "predictor": 2},
    {"compress": "jpeg"},
    {"compress": "jpeg", "photometric": "ycbcr"},
    {"compress": "webp", "webp_lossless": True},
    *({"compress": name} for name in ("lerc", "lerc_deflate", "lerc_zstd", "jxl")),
    *({"compress": name, "nbits": 1} for name in ("ccittrle", "ccittfax3", "ccittfax4", "none")),
    {"compress": "lzw", "nbits": 12},
)
"""Creation options of GDAL's GTiff driver; what this build of it lacks, or refuses, is left out."""
MAX_BLOCK_BYTES = 6000
"""A longer block is cut short: it is a seed for trouble all the same."""
DTYPES = ("uint8", "uint16", "int16", "float32", "float64", "complex64", "complex_int16")

ENCODED = (
    ("jpeg", "uint16", 12, partial(imagecodecs.jpeg8_encode, bitspersample=12)),
    ("jpeg2000", "uint8", 8, partial(imagecodecs.jpeg2k_encode, level=0)),
    ("jpeg2000", "uint16", 12, partial(imagecodecs.jpeg2k_encode, level=0, bitspersample=12)),
    ("jpeg2000", "int16", 16, partial(imagecodecs.jpeg2k_encode, level=0, codecformat="jp2")),
    ("jpegxl", "uint8", 8, partial(imagecodecs.jpegxl_encode, lossless=True)),
    ("jpegxl", "uint16", 16, partial(imagecodecs.jpegxl_encode, lossless=True, usecontainer=True)),
    ("jpegxl", "float32", 32, partial(imagecodecs.jpegxl_encode, lossless=True)),
)
"""Compression, dtype, bits, encoder: what GDAL's GTiff driver does not write everywhere."""


def tile_seeds() -> Iterator[tuple[str, bytes]]:
    """One block of each file that GDAL writes with these options, and what imagecodecs encodes."""
    for options, dtype, bands, side in itertools.product(WRITTEN, DTYPES, (1, 3, 4), (16, 64)):
        with contextlib.suppress(RasterioError, CPLE_BaseError, ValueError, RasteretError, TypeError):
            name = "-".join(map(str, (*options.values(), dtype, bands, side)))
            yield name, _first_block(_written(dtype, bands, side, options))
    ramp = np.add.outer(np.arange(16), np.arange(16))
    for compression, dtype, bits, encode in ENCODED:
        layout = BlockLayout(
            width=16, height=16, samples=1, dtype=dtype, byte_order="little",
            bits_per_sample=bits, compression=compression, predictor=1,
        )  # fmt: skip
        yield f"{compression}-{dtype}-{bits}", pack(layout, bytes(encode((ramp * bits).astype(dtype))))


def _written(dtype: str, bands: int, side: int, options: Mapping[str, Any]) -> bytes:
    """One tile: a smooth slope in a small one, noise beside constant parts in a large one."""
    pixels = np.add.outer(np.arange(bands) * 50, np.add.outer(np.arange(side), np.arange(side) // 3))
    if side > 16:
        noise = np.random.default_rng(0).integers(0, 1 << 12, pixels.shape)
        pixels = np.where(pixels % 64 < 20, noise, 7)
    pixels = pixels % 2 if options.get("nbits") == 1 else pixels
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": dtype, "tiled": True,
        "blockxsize": side, "blockysize": side,
    }  # fmt: skip
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore")
        with memory.open(**profile, **options) as dataset:
            dataset.write(pixels.astype(np.complex64 if "complex" in dtype else dtype))
        return bytes(memory.read())


def _first_block(data: bytes) -> bytes:
    header = build_header("a.tif", parse(Bytes(data, size=len(data))), ObjectInfo())
    chosen = select_cells(header, header.full, np.array([0]), 0)
    start, length = int(chosen.offsets[0]), int(chosen.byte_counts[0])
    return pack(chosen.stored.image.block, data[start : start + min(length, MAX_BLOCK_BYTES)])


def codec_dictionary() -> str:
    """Markers of the image codecs' streams."""
    markers = [bytes((0xFF, code)) for code in (*range(0xC0, 0xF0), 0x4F, 0x51, 0x52, 0x5C, 0x90, 0x93)]
    words = (b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"Lerc2 ", b"jp2h", b"jp2c", b"ihdr")
    return _quoted({*markers, *words, b"CntZImage ", b"\xff\x0a", b"jxlc", b"jxlp", b"Adobe"})


def _quoted(tokens: set[bytes]) -> str:
    escaped = ("".join(f"\\x{byte:02x}" for byte in token) for token in sorted(tokens))
    return "".join(f'"{token}"\n' for token in escaped)
