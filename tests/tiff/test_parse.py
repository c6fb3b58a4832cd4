"""What the parser reads from files that rasterio and tifffile wrote, and how many reads it takes."""

import io
import re
import struct

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.io import MemoryFile

from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError
from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.head import READ_AHEAD
from rasteret_sql.tiff.parse import parse
from tests.tiff.examples import (
    COG_GHOST,
    blocks_of,
    entry_offset,
    image,
    parse_all,
    parse_in_rounds,
    patched,
    tiff,
    without,
)

SOMEWHERE = rasterio.Affine(10, 0, 500000, 0, -10, 5300000)


def written_by_tifffile(pixels, **options) -> bytes:
    out = io.BytesIO()
    big, order = options.pop("bigtiff", False), options.pop("byteorder", "<")
    with tifffile.TiffWriter(out, bigtiff=big, byteorder=order) as writer:
        writer.write(pixels, metadata=None, **options)
    return out.getvalue()


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("layout", [{"tile": (32, 16)}, {"rowsperstrip": 7}])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_layouts_that_tifffile_writes(bigtiff, byteorder, layout, planar):
    shape = (50, 45, 3) if planar == "contig" else (3, 50, 45)
    data = written_by_tifffile(
        np.arange(50 * 45 * 3, dtype=np.uint16).reshape(shape),
        bigtiff=bigtiff, byteorder=byteorder, photometric="rgb", planarconfig=planar,
        compression="zlib", predictor=2, **layout,
    )  # fmt: skip
    found = parse_all(data)
    own = found.images[0]
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    assert (found.big, found.byte_order) == (bigtiff, "little" if byteorder == "<" else "big")
    assert (own.width, own.height, own.band_count) == (45, 50, 3)
    assert (own.tile_height, own.tile_width) == layout.get("tile", (7, 45))
    assert own.tiled == ("tile" in layout)
    assert (own.dtype, own.bits_per_sample, own.sample_format) == ("uint16", 16, "uint")
    assert (own.compression, own.predictor, own.photometric) == ("deflate", 2, "rgb")
    assert own.interleave == ("pixel" if planar == "contig" else "band")
    assert own.tile_offsets.tolist() == list(page.dataoffsets)
    assert own.tile_byte_counts.tolist() == list(page.databytecounts)
    assert own.block_count == len(page.dataoffsets)


def test_one_strip_without_rows_per_strip():
    own = image(tiled=False, tile_width=40, tile_height=24)
    data = without(build_tiff(tiff(own), [blocks_of(own)]), 278)
    assert parse_all(data).images[0].tile_height == 24


def test_rows_per_strip_may_pass_the_image():
    own = image(tiled=False, tile_width=40, tile_height=24)
    data = patched(build_tiff(tiff(own), [blocks_of(own)]), 278, value=0xFFFFFFFF)
    assert parse_all(data).images[0].tile_height == 24


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("bits", [1, 12, 16])
@pytest.mark.parametrize("tiled", [False, True])
def test_byte_counts_of_uncompressed_blocks_follow_from_the_rest(interleave, bits, tiled):
    shape = {"tile_width": 16, "tile_height": 16} if tiled else {"tile_width": 40, "tile_height": 10}
    own = image(
        **shape, tiled=tiled, band_count=3, interleave=interleave, bits_per_sample=bits,
        dtype="uint8" if bits == 1 else "uint16", photometric="rgb",
    )  # fmt: skip
    data = build_tiff(tiff(own), [blocks_of(own)])
    stripped = without(data, 325 if tiled else 279)
    assert parse_all(stripped).images[0].tile_byte_counts.tolist() == list(map(len, blocks_of(own)))


def test_byte_counts_of_compressed_blocks_do_not():
    data = build_tiff(tiff(image(compression="lzw")), [blocks_of(image())])
    with pytest.raises(MalformedError, match=r"^IFD 0 at byte 8: TileByteCounts \(325\) is missing"):
        parse_all(without(data, 325))


def test_tiles_whose_tables_are_in_the_tags_for_strips():
    data = build_tiff(tiff(), [blocks_of(image())])
    moved = patched(patched(data, 324, tag=273), 325, tag=279)
    assert parse_all(moved).images[0].tile_offsets.tolist() == parse_all(data).images[0].tile_offsets.tolist()


def test_sub_ifds_follow_the_image_that_names_them():
    out = io.BytesIO()
    pixels = np.zeros((64, 64), np.uint8)
    with tifffile.TiffWriter(out) as writer:
        writer.write(pixels, subifds=2, tile=(16, 16), metadata=None)
        writer.write(pixels[::2, ::2], subfiletype=1, tile=(16, 16), metadata=None)
        writer.write(pixels[::4, ::4], subfiletype=1, tile=(16, 16), metadata=None)
        writer.write(np.zeros((10, 10), np.uint8), metadata=None)
    found = parse_all(out.getvalue())
    assert [own.width for own in found.images] == [64, 32, 16, 10]
    assert [own.is_reduced for own in found.images] == [False, True, True, False]


def test_subfile_type_of_old_files():
    data = build_tiff(tiff(), [blocks_of(image())])
    assert parse_all(patched(data, 254, tag=255, value=2)).images[0].is_reduced


def test_mask_alpha_colormap_and_jpeg_tables_of_gdal():
    with MemoryFile() as memory:
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            memory.open(driver="GTiff", width=64, height=64, count=3, dtype="uint8", compress="jpeg",
                        photometric="ycbcr", tiled=True, blockxsize=32, blockysize=32,
                        transform=SOMEWHERE) as dataset,
        ):  # fmt: skip
            dataset.write(np.zeros((3, 64, 64), np.uint8))
            dataset.write_mask(np.eye(64, dtype=bool))
        data = memory.read()
    full, mask = parse_all(data).images
    assert (full.compression, full.photometric, full.is_mask) == ("jpeg", "ycbcr", False)
    assert full.jpeg_tables == tifffile.TiffFile(io.BytesIO(data)).pages[0].jpegtables
    assert (mask.photometric, mask.is_mask, mask.bits_per_sample, mask.dtype) == ("mask", True, 1, "uint8")

    palette = written_by_tifffile(
        np.zeros((8, 8), np.uint8),
        photometric="palette",
        colormap=np.arange(768, dtype=np.uint16).reshape(3, 256),
    )
    assert parse_all(palette).images[0].colormap == tuple(range(768))
    rgba = written_by_tifffile(np.zeros((8, 8, 4), np.uint8), photometric="rgb", extrasamples=["unassalpha"])
    assert parse_all(rgba).images[0].extra_samples == ("unassociated_alpha",)


def test_gdal_text_and_georeference():
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=4, height=3, count=2, dtype="float32", crs="EPSG:3035", nodata=-9999,
            transform=rasterio.Affine(10, 0, 4321000, 0, -10, 3210000),
        ) as dataset:  # fmt: skip
            dataset.set_band_description(2, "größe")
        own = parse_all(memory.read()).images[0]
    assert own.gdal_nodata == "-9999"
    assert own.gdal_metadata is not None
    assert 'role="description">größe</Item>' in own.gdal_metadata
    assert own.model_pixel_scale == (10, 10, 0)
    assert own.model_tiepoint == (0, 0, 0, 4321000, 3210000, 0)
    assert own.geo_keys[3072] == 3035
    assert own.geo_keys[1026] == "ETRS89-extended / LAEA Europe"


def test_the_ghost_area_of_a_cog_that_gdal_writes():
    with MemoryFile() as memory:
        with memory.open(
            driver="COG", width=600, height=600, count=1, dtype="uint8", BLOCKSIZE=256, transform=SOMEWHERE
        ) as dataset:
            dataset.write(np.random.default_rng(0).integers(0, 9, (1, 600, 600)).astype(np.uint8))
        data = memory.read()
    found = parse_all(data)
    assert found.ghost == COG_GHOST
    assert [own.width for own in found.images] == [600, 300, 150]
    offset, count = int(found.images[0].tile_offsets[0]), int(found.images[0].tile_byte_counts[0])
    assert struct.unpack_from("<I", data, offset - 4)[0] == count
    assert data[offset + count : offset + count + 4] == data[offset + count - 4 : offset + count]


def test_tags_that_nobody_knows_do_no_harm():
    data = written_by_tifffile(
        np.zeros((8, 8), np.uint8),
        iccprofile=bytes(5000),
        extratags=[(65001, "s", 0, "x" * 3000, True), (65002, "d", 3, (1.0, 2.0, 3.0), True)],
    )
    found, rounds = parse_in_rounds(data, 300)
    assert found.images[0].width == 8
    assert sum(length for ranges in rounds for _, length in ranges) < 600


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (8, "deflate"),
        (32946, "deflate"),
        (34926, "zstd"),
        (50000, "zstd"),
        (6, "ojpeg"),
        (34712, "jpeg2000"),
        (34925, "lzma"),
        (50001, "webp"),
        (52546, "jpegxl"),
        (4242, "unknown (4242)"),
    ],
)
def test_compressions_by_name(code, name):
    data = build_tiff(tiff(), [blocks_of(image())])
    assert parse_all(patched(data, 259, value=code)).images[0].compression == name


@pytest.mark.parametrize("kind", [1, 3, 4, 13])
def test_integers_of_any_width(kind):
    data = build_tiff(tiff(), [blocks_of(image())])
    assert parse_all(patched(data, 256, kind=kind)).images[0].width == 40


# How many reads


def test_a_cog_takes_one_read_and_a_file_with_its_tables_elsewhere_two():
    cog = build_tiff(
        tiff(image(), image(width=20, height=12, subfile_type=1)), [blocks_of(image()), [b"x"] * 2]
    )
    assert parse_in_rounds(cog)[1] == [((0, len(cog)),)]
    assert parse_in_rounds(cog, size_known=False)[1] == [((0, READ_AHEAD),)]

    own = image(width=1600, height=1600)
    large = build_tiff(tiff(own, own), [[b"x" * 40] * own.block_count] * 2)
    directories_end = int(parse_all(large).images[0].tile_offsets.min())
    assert directories_end > READ_AHEAD * 2
    _, rounds = parse_in_rounds(large, READ_AHEAD)
    assert len(rounds) == 2, "the tables of the first directory and the second one, then the second's tables"


def test_all_missing_values_are_asked_for_at_once():
    data = build_tiff(tiff(image(), image()), [blocks_of(image())] * 2)
    second = entry_offset(data, 254, ifd=1) - 2
    buffer = Bytes(size=len(data))
    for start in (8, second):  # the directories alone
        buffer.add(start, data[start : start + 2 + 12 * struct.unpack_from("<H", data, start)[0] + 4])
    buffer.add(0, data[:8])
    with pytest.raises(NeedBytes) as need:
        parse(buffer)
    missing = {byte for start, length in need.value.ranges for byte in range(start, start + length)}
    for ifd in (0, 1):
        # The tables' lengths follow from the grid, the georeference's from its own entries.
        for tag, width in ((324, 4), (33550, 8), (33922, 8), (34735, 2), (34737, 1)):
            position = entry_offset(data, tag, ifd)
            count, value = struct.unpack_from("<II", data, position + 4)
            assert set(range(value, value + count * width)) <= missing, tag


def test_parsing_goes_on_from_any_first_read():
    data = build_tiff(tiff(image(), image(subfile_type=4), **COG_GHOST), [blocks_of(image())] * 2)
    expected = parse_all(data).images[1].tile_offsets.tolist()
    for first in range(0, 1200, 7):
        found, rounds = parse_in_rounds(data, first, size_known=bool(first % 2))
        assert found.images[1].tile_offsets.tolist() == expected
        assert len(rounds) <= 3


# What is refused, and where it is


BUILT = build_tiff(tiff(image(gdal_nodata="1")), [blocks_of(image())])


@pytest.mark.parametrize(
    ("tag", "change", "error", "message"),
    [
        (256, {"value": 0}, MalformedError, r"^IFD 0 at byte 8: ImageWidth \(256\) is 0$"),
        (322, {"value": 0}, MalformedError, r"TileWidth \(322\) is 0$"),
        (257, {"value": 1 << 31}, UnsupportedError, r"ImageLength \(257\) is 2,147,483,648; at most 2,147"),
        (256, {"kind": 12}, MalformedError, r"ImageWidth \(256\): bytes 40 to 48|type 12 where an integer"),
        (256, {"kind": 11}, MalformedError, r"ImageWidth \(256\) has field type 11 where an integer was"),
        (256, {"kind": 99}, MalformedError, r"ImageWidth \(256\) has field type 99"),
        (256, {"kind": 8, "value": 0xFFFF}, MalformedError, r"ImageWidth \(256\) is -1; it cannot be"),
        (256, {"count": 2}, MalformedError, r"ImageWidth \(256\) holds 2 different values where one was"),
        (284, {"value": 3}, MalformedError, r"PlanarConfiguration \(284\) is 3 where 1 or 2 was expected"),
        (277, {"value": 0}, MalformedError, r"SamplesPerPixel \(277\) is 0 where 1 to 65535 was expected"),
        (
            324,
            {"count": 5},
            MalformedError,
            r"TileOffsets \(324\) has 5 values; an image of 40 x 24",
        ),
        (324, {"value": 1 << 30}, MalformedError, r"TileOffsets \(324\): bytes 1073741824 to 1073741848 are"),
        (256, {"value": 1 << 30}, LimitError, r"has 134,217,728 blocks; at most 16,777,216 are read"),
        (34735, {"count": 1 << 30}, LimitError, r"GeoKeyDirectory \(34735\) holds 2,147,483,648 bytes; at"),
        (
            42113,
            {"kind": 3},
            MalformedError,
            r"GDAL_NODATA \(42113\) has field type 3 where text was",
        ),
        (339, {"value": 9}, UnsupportedError, r"samples of 8 bits in sample format 9 \(unknown \(9\)\)"),
        (
            258,
            {"value": 65},
            UnsupportedError,
            r"samples of 65 bits in sample format 1 \(uint\) are not",
        ),
    ],
)
def test_nonsense_is_refused_with_its_place(tag, change, error, message):
    with pytest.raises(error, match=message):
        parse_all(patched(BUILT, tag, **change))


def test_missing_tags_are_named():
    with pytest.raises(MalformedError, match=r"ImageLength \(257\) is missing"):
        parse_all(without(BUILT, 257))
    with pytest.raises(MalformedError, match=r"TileOffsets \(324\) is missing"):
        parse_all(without(BUILT, 324))


def test_bands_of_different_widths_are_not_read():
    own = image(band_count=3, photometric="rgb")
    data = bytearray(build_tiff(tiff(own), [blocks_of(own)]))
    struct.pack_into(
        "<3H", data, struct.unpack_from("<I", data, entry_offset(bytes(data), 258) + 8)[0], 5, 6, 5
    )
    with pytest.raises(UnsupportedError, match=r"BitsPerSample is \(5, 6, 5\); bands of different widths"):
        parse_all(bytes(data))


def test_more_extra_samples_than_samples():
    own = image(band_count=2, extra_samples=("unspecified", "unspecified"))
    data = patched(build_tiff(tiff(own), [blocks_of(own)]), 277, value=1)
    with pytest.raises(MalformedError, match=r"ExtraSamples \(338\) names 2 of 1 samples"):
        parse_all(data)


def test_table_values_past_the_grid_are_left_out():
    data = patched(BUILT, 257, value=16)
    assert len(parse_all(data).images[0].tile_offsets) == 3


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": 2}, r"IFD 0 at byte \d+: GeoKeyDirectory \(34735\) has field type 2 where an integer"),
        ({"count": 7}, r"IFD 0 at byte \d+: GeoKeyDirectory claims 5 keys and has room for 0"),
    ],
)
def test_malformed_geo_keys_are_left_out_and_named(change, problem):
    own = parse_all(patched(BUILT, 34735, **change)).images[0]
    assert own.geo_keys == {}
    assert re.match(problem, own.geo_keys_problem)
    assert own.model_pixel_scale == image().model_pixel_scale
