"""Small files that ask for a lot: what each claims, and the error that refuses it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from rasteret_sql.tiff import tags
from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import blocks_of, image, patched, tiff

LONG, DOUBLE = tags.LONG, tags.DOUBLE


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One file, and what reading it says."""

    make: Callable[[], bytes]
    header: str | None = None
    """Part of ``cog_header``'s error; None where the header is fine."""
    pixels: str | None = None
    """Part of the error of reading all pixels; None where they can be read."""


def sparse() -> bytes:
    """66,000 x 66,000 pixels in one strip that is not stored: 306 bytes."""
    own = image(
        width=66000, height=66000, tile_width=66000, tile_height=66000, tiled=False,
        model_tiepoint=None, model_pixel_scale=None, geo_keys={},
    )  # fmt: skip
    data = build_tiff(tiff(own), [[None]])
    return data + bytes(306 - len(data))


def tile_claim(compression: str = "deflate") -> bytes:
    """A raster of 40 x 24 pixels in one tile of 65,536 x 65,536, which has 30 bytes."""
    own = image(tile_width=65536, tile_height=65536, compression=compression)
    return build_tiff(tiff(own), [[zlib.compress(bytes(4096))]])


def stored_claim() -> bytes:
    """One tile of 256 bytes that is said to be stored in 4 GB."""
    own = image(width=16, height=16, compression="deflate")
    return patched(build_tiff(tiff(own), [[b"x" * 30]]), tags.TILE_BYTE_COUNTS, value=0xFFFFFFF0)


def bomb() -> bytes:
    """Tiles of 256 bytes, each of which inflates to 64 MiB."""
    own = image(compression="deflate")
    return build_tiff(tiff(own), [[zlib.compress(bytes(64 << 20), 9)] * own.block_count])


def table_of(count: int) -> Callable[[], bytes]:
    """A BigTIFF of 2^31 - 1 columns whose tables claim so many blocks: 22 TB for 1.4e12 of them."""

    def make() -> bytes:
        data = bytearray(build_tiff(tiff(image(), big=True), [blocks_of(image())]))
        for i in range(struct.unpack_from("<Q", data, 16)[0]):
            position = 24 + 20 * i
            tag = struct.unpack_from("<H", data, position)[0]
            if tag in (tags.IMAGE_WIDTH, tags.IMAGE_LENGTH):
                struct.pack_into("<HQQ", data, position + 2, LONG, 1, (1 << 31) - 1)
            if tag in (tags.TILE_OFFSETS, tags.TILE_BYTE_COUNTS):
                struct.pack_into("<HQQ", data, position + 2, tags.LONG8, count, 64)
        return bytes(data)

    return make


def cycle() -> bytes:
    """A directory whose successor is itself."""
    data = bytearray(build_tiff(tiff(), [blocks_of(image())]))
    count = struct.unpack_from("<H", data, 8)[0]
    struct.pack_into("<I", data, 8 + 2 + 12 * count, 8)
    return bytes(data)


def entries() -> bytes:
    """A directory of 65,535 tags."""
    return b"II*\0\x08\0\0\0\xff\xff" + bytes(65535 * 12 + 4)


def entry_of(tag: int, /, **change: int) -> Callable[[], bytes]:
    """A file of 40 x 24 pixels with one entry changed."""
    rich = image(gdal_metadata="<GDALMetadata></GDALMetadata>", gdal_nodata="255")
    return lambda: patched(build_tiff(tiff(rich), [blocks_of(rich)]), tag, **change)


def shared_values(copies: int = 500, length: int = 1 << 16) -> bytes:
    """Directories that all point at the same values: each would hold its own copy of 64 KiB."""
    one = build_tiff(tiff(), [blocks_of(image())])
    count = struct.unpack_from("<H", one, 8)[0]
    rows = sorted(
        [one[10 + 12 * i : 22 + 12 * i] for i in range(count)]
        + [struct.pack("<HHII", tags.JPEG_TABLES, tags.UNDEFINED, length, len(one))]
    )
    out = bytearray(one + bytes(length))
    struct.pack_into("<I", out, 4, len(out))
    for i in range(copies):
        following = 0 if i + 1 == copies else len(out) + 2 + 12 * len(rows) + 4
        out += struct.pack("<H", len(rows)) + b"".join(rows) + struct.pack("<I", following)
    return bytes(out)


def shared_geo_keys(keys: int = 16000) -> bytes:
    """GeoKeys that all point at the same 60,000 characters: a gigabyte of names."""
    own = image(geo_keys={1024: 1, 1026: "n" * 60000})
    data = build_tiff(tiff(own), [blocks_of(own)])
    rows = b"".join(struct.pack("<4H", 2000 + i, tags.GEO_ASCII_PARAMS, 60000, 0) for i in range(keys))
    directory = struct.pack("<4H", 1, 1, 0, keys) + rows
    return patched(data, tags.GEO_KEY_DIRECTORY, count=len(directory) // 2, value=len(data)) + directory


HOSTILE = {
    "sparse-of-66000": Hostile(make=sparse, pixels="over max_read_bytes"),
    "tile-of-4-gb": Hostile(make=tile_claim, pixels="at most 536,870,912 are decoded (setting "),
    "tile-of-4-gb-uncompressed": Hostile(make=lambda: tile_claim("none"), pixels="setting max_tile_bytes"),
    "tile-of-4-gb-lzw": Hostile(make=lambda: tile_claim("lzw"), pixels="setting max_tile_bytes"),
    "zlib-bomb": Hostile(make=bomb, pixels="expected 256 bytes decoded, found more"),
    "tables-of-22-tb": Hostile(make=table_of(1_400_000_000_000), header="(setting max_blocks)"),
    "cycle": Hostile(make=cycle, header="linked twice: the directories form a cycle"),
    "entries-of-65535": Hostile(make=entries, header="claims 65,535 entries; at most 4,096 are read"),
    "tag-of-1e9-doubles": Hostile(
        make=entry_of(tags.MODEL_TIEPOINT, count=10**9),
        header="ModelTiepoint (33922) holds 8,000,000,000 bytes; at most 16,777,216 are read",
    ),
    "metadata-of-1-gb": Hostile(
        make=entry_of(tags.GDAL_METADATA, count=1 << 30), header="(setting max_metadata_bytes)"
    ),
    "values-past-the-end": Hostile(
        make=entry_of(tags.GEO_KEY_DIRECTORY, value=0xFFFFFFF0),
        header="GeoKeyDirectory (34735): bytes 4294967280 to",
    ),
    "sub-ifds-of-1e9": Hostile(
        make=entry_of(tags.GDAL_NODATA, tag=tags.SUB_IFDS, kind=LONG, count=10**9),
        header="SubIFDs (330) names 1,000,000,000 directories; at most 512 are read",
    ),
    "shared-values": Hostile(make=shared_values, header="together with those before it"),
    "shared-geo-keys": Hostile(make=shared_geo_keys, header="its keys hold 960,000,000 bytes"),
    "samples-of-65535": Hostile(
        make=entry_of(tags.SAMPLES_PER_PIXEL, value=65535), pixels="expected 16776960 bytes decoded, found"
    ),
    "stored-block-of-4-gb": Hostile(make=stored_claim, pixels="claims 4,294,967,280 stored bytes"),
    "blocks-past-the-end": Hostile(
        make=lambda: build_tiff(tiff(), [blocks_of(image())])[:-1], pixels="is cut short"
    ),
}
