"""A file like one that was parsed before gives what parsing gives, whatever byte of it is another."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.from_tiff import build_header
from rasteret_sql.settings import settings
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff import alike, parse, tags
from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Tiff
from tests.tiff.examples import COG_GHOST, assert_same_image, blocks_of, entry_offset, image, patched, tiff

FILES = {
    "a COG with an overview and a mask": tiff(
        image(gdal_nodata="0", gdal_metadata="<GDALMetadata/>"),
        image(width=20, height=12, subfile_type=1, model_tiepoint=None, model_pixel_scale=None, geo_keys={}),
        image(width=40, height=24, subfile_type=4, dtype="uint8", model_tiepoint=None, geo_keys={}),
        **COG_GHOST,
    ),
    "BigTIFF, big-endian, strips, three bands": tiff(
        image(tiled=False, tile_width=40, tile_height=8, band_count=3, interleave="band", photometric="rgb"),
        byte_order="big",
        big=True,
    ),
    "one tile, its tables in the entries": tiff(image(width=16, height=16)),
}


def bytes_of(file: Tiff) -> bytearray:
    return bytearray(build_tiff(file, [blocks_of(own) for own in file.images]))


def values_of(data: bytes, tag: int) -> int:
    """Where the values of a tag are."""
    return int.from_bytes(data[(at := entry_offset(data, tag) + 8) : at + 4], "little")


def outcome(data: bytes) -> Tiff | str:
    """What parsing gives: directories, an error, or the ranges that are wanted."""
    try:
        return parse.parse(Bytes(bytes(data), size=len(data)))
    except (RasteretError, NeedBytes) as error:
        return f"{type(error).__name__}: {error}"


def without_images(file: Tiff) -> dict[str, object]:
    return {key: value for key, value in vars(file).items() if key not in ("images", "like")}


def header_of(file: Tiff) -> str:
    """The header of these directories, or why there is none; small tables are whole in it."""
    try:
        return repr(build_header("a.tif", file, ObjectInfo(size=1)))
    except RasteretError as error:
        return f"{type(error).__name__}: {error}"


def check_every_byte(data: bytearray, monkeypatch: pytest.MonkeyPatch) -> int:
    """Change one byte after the other; how many files were known by their likeness."""
    monkeypatch.setattr(alike, "_known", deque())
    outcome(data)
    primed = tuple(alike._known)
    quick = 0
    for at in range(min(len(data), 900)):
        before = data[at]
        data[at] = value = before ^ (1 if at % 2 else 0x80)
        monkeypatch.setattr(alike, "_known", deque())
        expected = outcome(data)
        monkeypatch.setattr(alike, "_known", deque(primed))
        quick += alike.read_alike(Bytes(bytes(data), size=len(data)), settings()) is not None
        found = outcome(data)
        if isinstance(expected, Tiff) and isinstance(found, Tiff):
            for one, other in zip(found.images, expected.images, strict=True):
                assert_same_image(one, other)
            assert without_images(found) == without_images(expected)
            assert header_of(found) == header_of(expected), f"byte {at} is {value} where {before} was"
        else:
            assert found == expected, f"byte {at} is {value} where {before} was"
        data[at] = before
    return quick


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_any_byte_of_the_header(file: Tiff, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_every_byte(bytes_of(file), monkeypatch) > 20


@pytest.mark.parametrize("where", ["in the head", "in the directory", "in the keys", "in the other table"])
def test_tables_that_lie_in_what_decides(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(bytes_of(FILES["a COG with an overview and a mask"]))
    target = {
        "in the head": 2,
        "in the directory": entry_offset(data, tags.IMAGE_WIDTH),
        "in the keys": values_of(data, tags.GEO_KEY_DIRECTORY) + 4,
        "in the other table": values_of(data, tags.TILE_BYTE_COUNTS) + 4,
    }[where]
    assert check_every_byte(bytearray(patched(data, tags.TILE_OFFSETS, value=target)), monkeypatch) == 0


def test_other_limits_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(bytes_of(FILES["a COG with an overview and a mask"]))
    monkeypatch.setattr(alike, "_known", deque())
    outcome(data)
    with pytest.raises(RasteretError, match="max_directories"):
        parse.parse(Bytes(data, size=len(data)), limits=replace(settings(), max_directories=1))


def test_tables_are_those_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bytes_of(FILES["a COG with an overview and a mask"])
    monkeypatch.setattr(alike, "_known", deque())
    one = outcome(first)
    place = values_of(first, tags.TILE_OFFSETS)
    first[place : place + 4] = (4242).to_bytes(4, "little")
    other = outcome(first)
    assert isinstance(one, Tiff)
    assert isinstance(other, Tiff)
    assert other.images[0].tile_offsets[0] == 4242
    assert np.array_equal(one.images[0].tile_offsets[1:], other.images[0].tile_offsets[1:])
    assert one.images[0].tile_offsets[0] != 4242, "what was read before stays as it is"


def test_a_file_that_lands_after_it_was_asked_for_is_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(bytes_of(FILES["a COG with an overview and a mask"]))
    monkeypatch.setattr(alike, "_known", deque())
    outcome(data)
    monkeypatch.setattr(parse, "walk", None)
    buffer = Bytes(b"II", size=len(data))
    monkeypatch.setattr(parse, "read_head", ask)
    with pytest.raises(NeedBytes):
        parse.parse(buffer)
    buffer.add(2, data[2:])
    assert len(parse.parse(buffer).images) == 3


def ask(buffer: Bytes) -> None:
    raise NeedBytes([(0, 8)])
