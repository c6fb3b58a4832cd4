"""Building is the inverse of parsing, and GDAL reads what is built."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from rasteret_sql.errors import ArgumentError
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image
from tests.tiff.examples import (
    COG_GHOST,
    assert_same_blocks,
    assert_same_image,
    blocks_of,
    image,
    parse_all,
    parse_in_rounds,
    tiff,
)
from tests.tiff.strategies import files


@settings(max_examples=150, deadline=None)
@given(files(), st.integers(0, 400))
def test_parsing_what_was_built_gives_it_back(file, first):
    expected, blocks = file
    data = build_tiff(expected, blocks)
    found, _ = parse_in_rounds(data, first)
    assert (found.byte_order, found.big, found.ghost) == (expected.byte_order, expected.big, expected.ghost)
    assert len(found.images) == len(expected.images)
    for ours, theirs, own in zip(found.images, expected.images, blocks, strict=True):
        assert_same_image(ours, theirs, but=("tile_offsets", "tile_byte_counts"))
        assert_same_blocks(ours, own, data)
        assert [offset == 0 for offset in ours.tile_offsets] == [block is None for block in own]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_gdal_reads_the_same_pixels(big, byte_order, tiled, interleave):
    shape = {"tile_width": 16, "tile_height": 16} if tiled else {"tile_width": 40, "tile_height": 10}
    own = image(
        **shape, tiled=tiled, band_count=3, interleave=interleave, dtype="uint16", bits_per_sample=16,
        photometric="rgb", gdal_nodata="7",
    )  # fmt: skip
    pixels = np.random.default_rng(1).integers(0, 60000, (3, own.height, own.width)).astype(np.uint16)
    stored = "<u2" if byte_order == "little" else ">u2"
    blocks = [block.astype(stored).tobytes() for block in cut(pixels, own)]
    data = build_tiff(tiff(own, byte_order=byte_order, big=big, **COG_GHOST), [blocks])
    with MemoryFile(data) as memory, memory.open() as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.crs.to_epsg() == 32632
        assert tuple(dataset.transform)[:6] == (10, 0, 500000, 0, -10, 5300000)
        assert dataset.nodata == 7
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def cut(pixels: np.ndarray, own: Image) -> list[np.ndarray]:
    """The blocks of an array, padded with zeros where tiles pass the image."""
    planes = pixels[:, None] if own.interleave == "band" else pixels[None]
    blocks = []
    for plane in planes:
        for y in range(0, own.height, own.tile_height):
            for x in range(0, own.width, own.tile_width):
                part = plane[:, y : y + own.tile_height, x : x + own.tile_width].transpose(1, 2, 0)
                missing = own.tile_height - part.shape[0] if own.tiled else 0
                blocks.append(np.pad(part, ((0, missing), (0, own.tile_width - part.shape[1]), (0, 0))))
    return blocks


def test_sparse_blocks_overviews_and_masks_are_what_gdal_sees():
    full = image()
    overview = image(width=20, height=12, subfile_type=1)
    mask = image(subfile_type=4, photometric="mask")
    pixels = np.random.default_rng(2).integers(1, 255, (1, 24, 40)).astype(np.uint8)
    valid = np.where(pixels > 100, 255, 0).astype(np.uint8)
    blocks = [
        [None, *(block.tobytes() for block in cut(pixels, full)[1:])],
        [block.tobytes() for block in cut(pixels[:, ::2, ::2], overview)],
        [block.tobytes() for block in cut(valid, mask)],
    ]
    ghost = {**COG_GHOST, "MASK_INTERLEAVED_WITH_IMAGERY": "YES"}
    data = build_tiff(tiff(full, overview, mask, **ghost), blocks)
    expected = pixels.copy()
    expected[:, :16, :16] = 0
    with MemoryFile(data) as memory:
        with memory.open() as dataset:
            np.testing.assert_array_equal(dataset.read(), expected)
            np.testing.assert_array_equal(dataset.dataset_mask(), valid[0])
            assert dataset.overviews(1) == [2]
        with memory.open(overview_level=0) as dataset:
            np.testing.assert_array_equal(dataset.read(), pixels[:, ::2, ::2])


def test_data_runs_from_coarse_to_fine_and_each_mask_block_follows_its_image_block():
    full, mask = image(), image(subfile_type=4, photometric="mask")
    overview = image(width=20, height=12, subfile_type=1)
    built = tiff(full, mask, overview, MASK_INTERLEAVED_WITH_IMAGERY="YES")
    found = parse_all(build_tiff(built, [blocks_of(i) for i in built.images]))
    offsets = [list(i.tile_offsets) for i in found.images]
    interleaved = [offset for pair in zip(offsets[0], offsets[1], strict=True) for offset in pair]
    assert offsets[2] + interleaved == sorted(offsets[2] + interleaved)


def test_leader_and_trailer_stand_around_each_block():
    own = image(width=16, height=32)
    data = build_tiff(tiff(own, **COG_GHOST), [[b"abcdefgh", b"xy"]])
    first, second = (int(offset) for offset in parse_all(data).images[0].tile_offsets)
    assert data[first - 4 : first + 12] == b"\x08\0\0\0" + b"abcdefgh" + b"efgh"
    assert data[second - 4 : second + 6] == b"\x02\0\0\0" + b"xy" + b"xy\0\0"


def test_the_blocks_must_fit_the_images():
    with pytest.raises(ArgumentError, match=r"^build_tiff: image 0 has 6 blocks; 1 were given$"):
        build_tiff(tiff(), [[b""]])
    with pytest.raises(ArgumentError, match="2 sequences of blocks for 1 images"):
        build_tiff(tiff(), [[b""], [b""]])


def test_names_that_tiff_does_not_have_are_refused():
    own = replace(image(), compression="zip")
    with pytest.raises(ArgumentError, match="'zip' is none of none, ccitt_rle"):
        build_tiff(tiff(own), [blocks_of(own)])
