"""Small images and files for the tests of the TIFF parser."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.image import Image, Tiff
from rasteret_sql.tiff.parse import parse

NO_TABLE = np.empty(0, np.uint64)
UTM_32N = {1024: 1, 1025: 1, 1026: "WGS 84 / UTM zone 32N", 3072: 32632, 3076: 9001}
COG_GHOST = {
    "LAYOUT": "IFDS_BEFORE_DATA",
    "BLOCK_ORDER": "ROW_MAJOR",
    "BLOCK_LEADER": "SIZE_AS_UINT4",
    "BLOCK_TRAILER": "LAST_4_BYTES_REPEATED",
    "KNOWN_INCOMPATIBLE_EDITION": "NO",
}
PLAIN = Image(
    width=40,
    height=24,
    tile_width=16,
    tile_height=16,
    tiled=True,
    band_count=1,
    dtype="uint8",
    bits_per_sample=8,
    sample_format="uint",
    compression="none",
    predictor=1,
    interleave="pixel",
    photometric="minisblack",
    fill_order=1,
    extra_samples=(),
    subfile_type=0,
    tile_offsets=NO_TABLE,
    tile_byte_counts=NO_TABLE,
    model_tiepoint=(0.0, 0.0, 0.0, 500000.0, 5300000.0, 0.0),
    model_pixel_scale=(10.0, 10.0, 0.0),
    geo_keys=UTM_32N,
)


def image(**changes: Any) -> Image:
    """``PLAIN`` with some fields changed."""
    return replace(PLAIN, **changes)


def tiff(*images: Image, byte_order: str = "little", big: bool = False, **ghost: str) -> Tiff:
    return Tiff(byte_order=byte_order, big=big, images=images or (PLAIN,), ghost=ghost)


def blocks_of(own: Image) -> list[bytes | None]:
    """Uncompressed blocks; the rows that a last strip lacks are left out."""
    samples = 1 if own.interleave == "band" else own.band_count
    row = -(-own.tile_width * samples * own.bits_per_sample // 8)
    blocks: list[bytes | None] = []
    for k in range(own.block_count):
        top = k // own.tiles_across % own.tiles_down * own.tile_height
        rows = own.tile_height if own.tiled else min(own.tile_height, own.height - top)
        blocks.append(bytes([k % 251]) * (row * rows))
    return blocks


def parse_all(data: bytes) -> Tiff:
    return parse(Bytes(data, size=len(data)))


def parse_in_rounds(
    data: bytes, first: int = 0, *, size_known: bool = True
) -> tuple[Tiff, list[tuple[tuple[int, int], ...]]]:
    """Parse with the first bytes only, giving what is asked for; also the ranges of each round."""
    buffer = Bytes(data[:first], size=len(data) if size_known else None)
    rounds: list[tuple[tuple[int, int], ...]] = []
    while True:
        try:
            return parse(buffer), rounds
        except NeedBytes as need:
            wanted = need.ranges
        assert wanted not in rounds, "the parser asked again for what it was given"
        rounds.append(wanted)
        for start, length in wanted:
            buffer.add(start, data[start : start + length])


def assert_same_image(found: Image, expected: Image, *, but: tuple[str, ...] = ()) -> None:
    for field in fields(Image):
        if field.name in but:
            continue
        a, b = getattr(found, field.name), getattr(expected, field.name)
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b, field.name


def assert_same_blocks(found: Image, blocks: Sequence[bytes | None], data: bytes) -> None:
    for offset, count, block in zip(found.tile_offsets, found.tile_byte_counts, blocks, strict=True):
        there = data[int(offset) : int(offset + count)]
        if found.compression == "none" and len(blocks) == 1:
            # the length of an only block that is too short for its pixels is computed, as in libtiff
            assert there[: len(block or b"")] == (block or b"")
        else:
            assert there == (block or b"")


def entry_offset(data: bytes, tag: int, ifd: int = 0) -> int:
    """Where the entry of a tag is in a little-endian classic TIFF."""
    offset = struct.unpack_from("<I", data, 4)[0]
    while True:
        count = struct.unpack_from("<H", data, offset)[0]
        if ifd == 0:
            break
        offset = struct.unpack_from("<I", data, offset + 2 + 12 * count)[0]
        ifd -= 1
    for i in range(count):
        position = offset + 2 + 12 * i
        if struct.unpack_from("<H", data, position)[0] == tag:
            return int(position)
    raise AssertionError(f"no tag {tag}")


def patched(data: bytes, tag: int, /, *, ifd: int = 0, **changes: int) -> bytes:
    """The file with ``tag``, ``kind``, ``count`` or ``value`` of one entry changed."""
    position = entry_offset(data, tag, ifd)
    names = ("tag", "kind", "count", "value")
    entry = dict(zip(names, struct.unpack_from("<HHII", data, position), strict=True)) | changes
    return data[:position] + struct.pack("<HHII", *entry.values()) + data[position + 12 :]


def without(data: bytes, tag: int, *, ifd: int = 0) -> bytes:
    """The file with one entry's tag turned into one that nobody knows."""
    return patched(data, tag, ifd=ifd, tag=65000)
