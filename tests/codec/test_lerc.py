"""LERC: what GDAL writes, with its masks as NaN and as alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from rasteret_sql.codec.block import decode_block
from rasteret_sql.errors import UnsupportedError
from tests.codec.files import (
    BLOCKS,
    INTERLEAVES,
    TILES,
    assert_same_bits,
    decode_file,
    noise,
    ramp,
    read_with_gdal,
    strip_layout,
    write_block,
    write_with_gdal,
)

LERC_DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


@INTERLEAVES
@BLOCKS
@pytest.mark.parametrize("compress", ["LERC", "LERC_DEFLATE", "LERC_ZSTD"])
@pytest.mark.parametrize("dtype", LERC_DTYPES)
def test_lerc(tmp_path: Path, dtype: str, compress: str, blocks: dict[str, Any], interleave: str) -> None:
    path, expected = tmp_path / "image.tif", ramp(dtype, most=120)
    write_with_gdal(path, expected, compress=compress, interleave=interleave, **blocks)
    found, layout = decode_file(path)
    assert layout.lerc_parameters == (4, ["LERC", "LERC_DEFLATE", "LERC_ZSTD"].index(compress))
    assert_same_bits(found, expected)


@INTERLEAVES
@pytest.mark.parametrize("dtype", LERC_DTYPES)
def test_lerc_in_big_endian_files_holds_swapped_samples(tmp_path: Path, dtype: str, interleave: str) -> None:
    # libtiff swaps what LERC gives, though LERC knows its own order, and does so when it writes
    path, expected = tmp_path / "image.tif", ramp(dtype, most=120)
    write_with_gdal(path, expected, compress="LERC", endianness="big", interleave=interleave, **TILES)
    found, layout = decode_file(path)
    assert layout.byte_order == "big"
    assert_same_bits(found, expected)
    assert_same_bits(read_with_gdal(path), expected)


def test_lerc_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    pixels = noise("int16", 1).astype("float32") / 7
    write_with_gdal(path, pixels, compress="LERC", max_z_error=0.5, **TILES)
    found, _ = decode_file(path)
    assert_same_bits(found, read_with_gdal(path))
    assert 0 < abs(found - pixels).max() <= 0.5


@INTERLEAVES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("where", ["in all bands alike", "in each band elsewhere", "everywhere"])
def test_lerc_masks_are_nan(tmp_path: Path, where: str, bands: int, dtype: str, interleave: str) -> None:
    path, pixels = tmp_path / "image.tif", ramp(dtype, bands) + np.dtype(dtype).type(0.25)
    pixels[5:9, 7:30] = np.nan
    if where == "in each band elsewhere":
        pixels[20:30, 11:19, 0] = np.nan
    if where == "everywhere":
        pixels[:] = np.nan
    write_with_gdal(path, pixels, compress="LERC", interleave=interleave, **TILES)
    found, _ = decode_file(path)
    assert np.array_equal(np.isnan(found), np.isnan(pixels))
    assert_same_bits(found, read_with_gdal(path))


@INTERLEAVES
@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("alpha", ["some", "opaque", "clear", "in between"])
def test_lerc_masks_are_alpha(tmp_path: Path, alpha: str, bands: int, interleave: str) -> None:
    path, pixels = tmp_path / "image.tif", ramp("uint8", bands)
    pixels[:, :, -1] = 0 if alpha == "clear" else 255
    pixels[5:20, 10:30, -1] = {"some": 0, "opaque": 255, "clear": 0, "in between": 77}[alpha]
    write_with_gdal(path, pixels, compress="LERC", interleave=interleave, alpha="unassociated", **TILES)
    found, _ = decode_file(path)
    assert_same_bits(found, read_with_gdal(path))
    assert_same_bits(found[:, :, -1].copy(), pixels[:, :, -1].copy())


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6])
def test_lerc_of_every_version(version: int) -> None:
    expected = ramp("float32", 1) / np.float32(7)
    block = imagecodecs.lerc_encode(expected[:, :, 0], 0, version=version)
    assert_same_bits(decode_block(block, strip_layout("lerc", expected)), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32"])
def test_masked_integers_without_alpha_are_refused_as_gdal_refuses_them(tmp_path: Path, dtype: str) -> None:
    path, pixels = tmp_path / "image.tif", ramp(dtype, 1)
    layout = strip_layout("lerc", pixels, lerc_parameters=(4, 0))
    block = imagecodecs.lerc_encode(pixels[:, :, 0], 0, masks=pixels[:, :, 0] > 20)
    write_block(path, block, layout)
    with pytest.raises(UnsupportedError, match="LERC integers with a mask and no alpha sample are not read"):
        decode_file(path)
    with pytest.raises(OSError, match="Read failed"):
        read_with_gdal(path)
