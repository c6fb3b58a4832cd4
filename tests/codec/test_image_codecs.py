"""Codecs that hold pixels: read as GDAL and tifffile, or the codec's own library, read them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from rasteret_sql.codec.block import decode_block
from rasteret_sql.errors import MalformedError
from tests.codec.files import (
    BLOCKS,
    HEIGHT,
    INTERLEAVES,
    TILES,
    Array,
    assert_same_bits,
    decode_file,
    first_block,
    noise,
    ramp,
    read_with_gdal,
    read_with_tifffile,
    strip_layout,
    write_block,
    write_with_gdal,
)


def libtiff_rgb(path: Path) -> Array:
    """RGB as libtiff with libjpeg-turbo converts it, apart from the libjpeg that rasterio brings."""
    return imagecodecs.tiff_decode(path.read_bytes(), asrgb=True)[:, :, :3]


@BLOCKS
@INTERLEAVES
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_jpeg_without_colour_transform(
    tmp_path: Path, bands: int, interleave: str, blocks: dict[str, Any]
) -> None:
    path = tmp_path / "image.tif"
    write_with_gdal(path, ramp("uint8", bands), compress="JPEG", interleave=interleave, **blocks)
    found, layout = decode_file(path)
    assert layout.jpeg_tables is not None
    assert_same_bits(found, read_with_gdal(path))


def test_jpeg_of_five_bands_each_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    write_with_gdal(path, ramp("uint8", 5), compress="JPEG", interleave="band", **TILES)
    assert_same_bits(decode_file(path)[0], read_with_gdal(path))


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_jpeg_ycbcr_becomes_rgb_whatever_the_subsampling(
    tmp_path: Path, subsampling: tuple[int, int]
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path,
        ramp("uint8"),
        photometric="rgb",
        compression="jpeg",
        subsampling=subsampling,
        tile=(32, 64),
    )
    found, layout = decode_file(path)
    assert layout.photometric == "ycbcr"
    assert_same_bits(found, read_with_tifffile(path))
    assert_same_bits(found, libtiff_rgb(path))


@pytest.mark.parametrize("blocks", [TILES, {"blockysize": 16}], ids=["tiles", "strips"])
def test_jpeg_ycbcr_of_gdal(tmp_path: Path, blocks: dict[str, Any]) -> None:
    path = tmp_path / "image.tif"
    write_with_gdal(path, ramp("uint8"), compress="JPEG", photometric="YCBCR", **blocks)
    found, layout = decode_file(path)
    assert (layout.photometric, layout.samples) == ("ycbcr", 3)
    assert_same_bits(found, libtiff_rgb(path))


def test_jpeg_cmyk_is_not_converted(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    write_with_gdal(path, ramp("uint8", 4), compress="JPEG", photometric="CMYK", **TILES)
    found, layout = decode_file(path)
    assert layout.photometric == "cmyk"
    assert_same_bits(found, read_with_tifffile(path))


@pytest.mark.parametrize("photometric", ["minisblack", "rgb", "ycbcr"])
def test_jpeg_of_12_bits(photometric: str) -> None:
    pixels = ramp("uint16", 1 if photometric == "minisblack" else 3, most=4000)
    inner = {"minisblack": "GRAYSCALE", "rgb": "RGB", "ycbcr": "RGB"}[photometric]
    stored = "YCBCR" if photometric == "ycbcr" else inner
    block = imagecodecs.jpeg8_encode(
        pixels.squeeze(), 98, colorspace=inner, outcolorspace=stored, bitspersample=12
    )
    found = decode_block(block, strip_layout("jpeg", pixels, bits_per_sample=12, photometric=photometric))
    expected = imagecodecs.jpeg8_decode(block, colorspace=stored, outcolorspace=inner)
    assert_same_bits(found, expected.reshape(found.shape))
    assert abs(found.astype(int) - pixels).mean() < 40


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("bits", range(8, 17))
def test_lossless_jpeg(tmp_path: Path, bits: int, bands: int) -> None:
    path = tmp_path / "image.tif"
    expected = noise("uint8" if bits == 8 else "uint16", bands) & ((1 << bits) - 1)
    layout = strip_layout("jpeg", expected, bits_per_sample=bits)
    shaped = expected[:, :, 0] if bands == 1 else expected
    write_block(path, imagecodecs.jpeg8_encode(shaped, lossless=True, bitspersample=bits), layout)
    assert_same_bits(decode_file(path)[0], expected)


@BLOCKS
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("opaque", [True, False])
def test_webp(tmp_path: Path, bands: int, lossless: bool, opaque: bool, blocks: dict[str, Any]) -> None:
    path, pixels = tmp_path / "image.tif", ramp("uint8", bands)
    if bands == 4 and opaque:
        pixels[:, :, 3] = 255  # the encoder leaves it out
    write_with_gdal(path, pixels, compress="WEBP", webp_lossless=lossless, **blocks)
    found, _ = decode_file(path)
    assert_same_bits(found, read_with_gdal(path))
    if lossless:
        assert_same_bits(found, pixels)


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000", "jpeg"])
def test_other_codecs_take_no_notice_of_the_byte_order(tmp_path: Path, compression: str) -> None:
    path, expected = tmp_path / "image.tif", noise("uint16", 1)
    encode = {
        "jpegxl": imagecodecs.jpegxl_encode,
        "jpeg2000": imagecodecs.jpeg2k_encode,
        "jpeg": imagecodecs.jpeg8_encode,
    }[compression]
    options: dict[str, Any] = {"lossless": True, "bitspersample": 16}
    if compression == "jpeg2000":
        options = {"reversible": True, "level": 0}
    block = encode(expected[:, :, 0], **options)
    write_block(path, block, strip_layout(compression, expected, byte_order="big"))
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_tifffile(path), expected)


@pytest.mark.parametrize("boxes", ["j2k", "jp2"])
@pytest.mark.parametrize(("rows", "columns"), [(-1, 0), (0, -1), (0, 1), (1, 0), (8, 8), (-8, -8)])
def test_a_jpeg2000_tile_of_another_size_than_the_tiff_says_is_refused(
    rows: int, columns: int, boxes: str
) -> None:
    """As in slides whose tiles are cut otherwise than their tags say."""
    said = noise("uint8", 3)
    height, width = said.shape[0] + rows, said.shape[1] + columns
    block = imagecodecs.jpeg2k_encode(np.zeros((height, width, 3), np.uint8), level=0, codecformat=boxes)
    with pytest.raises(MalformedError, match=f"expected .* pixels .*, found {width} x {height} pixels"):
        decode_block(block, strip_layout("jpeg2000", said))


JXL_DTYPES = ["uint8", "uint16", "float16", "float32"]
J2K_DTYPES = ["uint8", "int8", "uint16", "int16"]
NEW_CODECS = [
    *itertools.product(["jpegxl"], JXL_DTYPES),
    *itertools.product(["jpeg2000"], J2K_DTYPES),
]


@INTERLEAVES
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize(("compression", "dtype"), NEW_CODECS)
def test_jpegxl_and_jpeg2000(
    tmp_path: Path, compression: str, dtype: str, bands: int, lossless: bool, interleave: str
) -> None:
    path, pixels = tmp_path / "image.tif", ramp(dtype, bands, most=120)
    by_band = interleave == "band" and bands > 1
    options = {"lossless": lossless} if compression == "jpegxl" else {"reversible": lossless}
    if compression == "jpeg2000":
        options["level"] = 0 if lossless else 40
    tifffile.imwrite(
        path,
        pixels.transpose(2, 0, 1) if by_band else pixels[:, :, 0] if bands == 1 else pixels,
        photometric="minisblack",
        planarconfig=("separate" if by_band else "contig") if bands > 1 else None,
        compression=compression,
        compressionargs=options,
        tile=(16, 32),
    )
    found, layout = decode_file(path)
    assert (layout.compression, layout.samples) == (compression, 1 if by_band else bands)
    assert_same_bits(found, read_with_tifffile(path))
    if lossless:
        assert_same_bits(found, pixels)


@pytest.mark.parametrize("boxes", ["J2K", "JP2"])
@pytest.mark.parametrize("bits", [1, 4, 7, 8, 10, 12, 16, 20, 24])
def test_jpeg2000_of_odd_widths(bits: int, boxes: str) -> None:
    dtype = next(f"uint{width}" for width in (8, 16, 32) if bits <= width)
    expected = noise(dtype, 1) & ((1 << bits) - 1)
    block = imagecodecs.jpeg2k_encode(
        expected[:, :, 0], codecformat=boxes, bitspersample=bits, reversible=True, level=0
    )
    layout = strip_layout("jpeg2000", expected, bits_per_sample=bits)
    assert_same_bits(decode_block(block, layout), expected)


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize(("bits", "dtype"), [(8, "uint8"), (10, "uint16"), (12, "uint16"), (14, "uint16")])
def test_jpegxl_of_odd_widths(bits: int, dtype: str, boxes: bool) -> None:
    expected = noise(dtype, 1) & ((1 << bits) - 1)
    block = imagecodecs.jpegxl_encode(
        expected[:, :, 0], lossless=True, bitspersample=bits, usecontainer=boxes
    )
    assert_same_bits(decode_block(block, strip_layout("jpegxl", expected, bits_per_sample=bits)), expected)


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000"])
def test_streams_of_fewer_bits_than_the_tags_say(tmp_path: Path, compression: str) -> None:
    path, expected = tmp_path / "image.tif", noise("uint16", 1) & 4095
    encode = {"jpegxl": imagecodecs.jpegxl_encode, "jpeg2000": imagecodecs.jpeg2k_encode}[compression]
    options = {"reversible": True, "level": 0} if compression == "jpeg2000" else {"lossless": True}
    block = encode(expected[:, :, 0], bitspersample=12, **options)
    write_block(path, block, strip_layout(compression, expected))
    assert_same_bits(decode_file(path)[0], expected)
    assert_same_bits(read_with_tifffile(path), expected)


FAX = {"CCITTRLE": "ccitt_rle", "CCITTFAX3": "ccitt_g3", "CCITTFAX4": "ccitt_g4"}


def bilevel() -> Array:
    """Long runs, short runs, and rows of one colour."""
    pixels = (noise("uint8", 1) < 40).astype("uint8")
    pixels[10:14], pixels[14:18], pixels[20, :30] = 0, 1, 1
    return pixels


@BLOCKS
@pytest.mark.parametrize("photometric", ["MINISBLACK", "MINISWHITE"])
@pytest.mark.parametrize("compress", FAX)
def test_fax(tmp_path: Path, compress: str, photometric: str, blocks: dict[str, Any]) -> None:
    path, expected = tmp_path / "image.tif", bilevel()
    write_with_gdal(path, expected, nbits=1, compress=compress, photometric=photometric, **blocks)
    found, layout = decode_file(path)
    assert (layout.compression, layout.photometric) == (FAX[compress], photometric.lower())
    assert_same_bits(found, expected)


@pytest.mark.parametrize("compress", FAX)
def test_fax_of_reversed_bits(tmp_path: Path, compress: str) -> None:
    path = tmp_path / "image.tif"
    write_with_gdal(path, bilevel(), nbits=1, compress=compress, blockysize=HEIGHT)
    block, layout = first_block(path)
    reversed_bits = bytes(imagecodecs.bitorder_encode(block))
    write_block(path, reversed_bits, replace(layout, fill_order=2))
    found, of_file = decode_file(path)
    assert of_file.fill_order == 2
    assert_same_bits(found, bilevel())
    assert_same_bits(read_with_gdal(path), bilevel())


def test_fax_of_group_3_in_two_dimensions(tmp_path: Path) -> None:
    # EOL, 1: a row of runs (white 2, black 3, white 3). EOL, 0: three times V(0), the same again.
    row = "000000000001" + "1" + "0111" + "10" + "1000"
    again = "000000000001" + "0" + "1" + "1" + "1"
    text = row + again
    block = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    expected = np.array([[0, 0, 1, 1, 1, 0, 0, 0]] * 2, "uint8")[:, :, None]
    path = tmp_path / "image.tif"
    write_block(path, block, strip_layout("ccitt_g3_2d", expected, bits_per_sample=1))
    found, layout = decode_file(path)
    assert layout.compression == "ccitt_g3_2d"
    assert_same_bits(found, expected)
    assert_same_bits(read_with_gdal(path), expected)


def streams() -> dict[str, tuple[bytes, Array]]:
    """One lossless stream of each codec, and its pixels."""
    one, three = ramp("uint8", 1), ramp("uint8")
    return {
        "jpeg": (imagecodecs.jpeg8_encode(one[:, :, 0], lossless=True), one),
        "webp": (imagecodecs.webp_encode(three, lossless=True), three),
        "jpegxl": (imagecodecs.jpegxl_encode(one[:, :, 0], lossless=True), one),
        "jpeg2000": (imagecodecs.jpeg2k_encode(one[:, :, 0], reversible=True, level=0), one),
    }


@pytest.mark.parametrize("codec", streams())
def test_a_predictor_tag_beside_an_image_codec_means_nothing(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "image.tif"
    block, expected = streams()[codec]
    write_block(path, block, strip_layout(codec, expected, predictor=2))
    found, layout = decode_file(path)
    assert layout.predictor == 2
    assert_same_bits(found, expected)
    assert_same_bits(read_with_tifffile(path), expected)


def test_jpeg_takes_no_notice_of_fill_order(tmp_path: Path) -> None:
    path, pixels = tmp_path / "image.tif", ramp("uint8", 1)
    write_block(path, imagecodecs.jpeg8_encode(pixels[:, :, 0]), strip_layout("jpeg", pixels, fill_order=2))
    assert_same_bits(decode_file(path)[0], read_with_gdal(path))


@pytest.mark.parametrize("codec", ["webp", "lerc"])
def test_libtiff_reverses_the_bits_of_other_image_codecs(tmp_path: Path, codec: str) -> None:
    path, pixels = tmp_path / "image.tif", ramp("uint8")
    layout = strip_layout(codec, pixels, fill_order=2, lerc_parameters=(4, 0) if codec == "lerc" else None)
    encode = {"webp": imagecodecs.webp_encode, "lerc": imagecodecs.lerc_encode}[codec]
    options = {"webp": {"lossless": True}, "lerc": {"level": 0, "planar": False}}[codec]
    write_block(path, bytes(imagecodecs.bitorder_encode(encode(pixels, **options))), layout)
    assert_same_bits(decode_file(path)[0], pixels)
    assert_same_bits(read_with_gdal(path), pixels)


REAL_FILES = {
    "async-tiff/quad-tile.jpg.tiff": "jpeg",
    "async-tiff/tiled-jpeg-rgb-u8.tif": "jpeg",
    "async-tiff/tiled-jpeg-ycbcr.tif": "jpeg",
    "cogeotiff/be_cog.tiff": "jpeg",
    "cogeotiff/rgba8_strip.tiff": "webp",
    "cogeotiff/rgba8_tiled.tiff": "webp",
    "rasterio/alpha.tif": "jpeg",
    "rio-tiler/cog_rgb.tif": "jpeg",
}


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_decode_as_tifffile_decodes_them(shared_data: Path, name: str) -> None:
    path = shared_data / "cog" / name
    found, layout = decode_file(path)
    assert layout.compression == REAL_FILES[name]
    assert_same_bits(found, read_with_tifffile(path))
    if layout.photometric == "ycbcr":
        # rasterio's wheels bring another libjpeg, which smooths chroma in its own way
        assert_same_bits(found, libtiff_rgb(path))
    else:
        assert_same_bits(found, read_with_gdal(path))
