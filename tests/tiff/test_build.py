"""Building is the inverse of parsing, and GDAL reads what is built."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from rasteret_sql.errors import ArgumentError
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image, Tiff
from tests.tiff.examples import (
    COG_GHOST,
    NO_TABLE,
    assert_same_image,
    blocks_of,
    image,
    parse_all,
    parse_in_rounds,
    tiff,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0|"), min_size=1, max_size=20)
NUMBER = st.floats(allow_nan=False)
SAMPLES = st.sampled_from(
    [
        ("uint8", 8, "uint"),
        ("uint8", 1, "uint"),
        ("uint16", 12, "uint"),
        ("int16", 16, "int"),
        ("float16", 16, "float"),
        ("float32", 24, "float"),
        ("float64", 64, "float"),
        ("complex64", 32, "complex_int"),
        ("complex128", 128, "complex"),
    ]
)


@st.composite
def images(draw) -> Image:
    width, height, bands = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 4))
    tiled = draw(st.booleans())
    dtype, bits, sample_format = draw(SAMPLES)
    extra = ("unspecified", "associated_alpha", "unassociated_alpha")
    keys = st.dictionaries(
        st.integers(1024, 5000),
        st.one_of(st.integers(0, 65535), NUMBER, TEXT, st.tuples(NUMBER, NUMBER, NUMBER)),
        max_size=5,
    )
    geo_keys = draw(keys)
    return Image(
        width=width,
        height=height,
        tile_width=draw(st.sampled_from([16, 32])) if tiled else width,
        tile_height=draw(st.sampled_from([16, 48])) if tiled else draw(st.integers(1, height)),
        tiled=tiled,
        band_count=bands,
        dtype=dtype,
        bits_per_sample=bits,
        sample_format=sample_format,
        compression=draw(st.sampled_from(["none", "deflate", "lzw", "zstd", "lerc", "unknown (60000)"])),
        predictor=draw(st.integers(1, 3)),
        interleave=draw(st.sampled_from(["pixel", "band"])),
        photometric=draw(st.sampled_from(["minisblack", "rgb", "palette", "mask", "unknown (77)"])),
        fill_order=draw(st.integers(1, 2)),
        extra_samples=tuple(draw(st.lists(st.sampled_from(extra), max_size=bands))),
        subfile_type=draw(st.integers(0, 7)),
        tile_offsets=NO_TABLE,
        tile_byte_counts=NO_TABLE,
        jpeg_tables=draw(st.none() | st.binary(min_size=1, max_size=40)),
        lerc_parameters=draw(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 2))),
        colormap=draw(st.none() | st.tuples(*[st.integers(0, 65535)] * 6)),
        gdal_nodata=draw(st.none() | TEXT),
        gdal_metadata=draw(st.none() | TEXT),
        model_tiepoint=draw(st.none() | st.tuples(*[NUMBER] * 6)),
        model_pixel_scale=draw(st.none() | st.tuples(*[NUMBER] * 3)),
        model_transformation=draw(st.none() | st.tuples(*[NUMBER] * 16)),
        geo_keys=geo_keys,
        geo_minor_revision=draw(st.integers(0, 1)) if geo_keys else 0,
    )


@st.composite
def files(draw) -> tuple[Tiff, list[list[bytes | None]]]:
    own = tuple(draw(st.lists(images(), min_size=1, max_size=3)))
    block = st.none() | st.binary(min_size=1, max_size=9)
    blocks = [[draw(block) for _ in range(min(i.block_count, 6))] for i in own]
    blocks = [(b * i.block_count)[: i.block_count] for b, i in zip(blocks, own, strict=True)]
    ghost = draw(st.sampled_from([{}, COG_GHOST, {**COG_GHOST, "MASK_INTERLEAVED_WITH_IMAGERY": "YES"}]))
    order = draw(st.sampled_from(["little", "big"]))
    return Tiff(byte_order=order, big=draw(st.booleans()), images=own, ghost=ghost), blocks


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
        for offset, count, block in zip(ours.tile_offsets, ours.tile_byte_counts, own, strict=True):
            assert (offset == 0) == (block is None)
            assert data[int(offset) : int(offset + count)] == (block or b"")


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
