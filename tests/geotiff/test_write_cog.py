"""What ``write_cog`` writes, GDAL reads: the same pixels, levels, masks, georeference and promises."""

from __future__ import annotations

import re
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import tifffile
from affine import Affine
from rasterio.enums import MaskFlags

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage

UTM = (10.0, 0.0, 600_000.0, 0.0, -10.0, 5_500_000.0)
PLACE: dict[str, Any] = {"transform": UTM, "crs": 32632}
SHAPE = (2, 75, 90)  # no multiple of a tile; halves to 38 x 45, 19 x 23, 10 x 12


def noise(dtype: str, shape: tuple[int, int, int] = SHAPE) -> npt.NDArray[Any]:
    rng = np.random.default_rng(11)
    if dtype.startswith("complex"):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if dtype.startswith("float"):
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def written(bands: npt.NDArray[Any], *, mask: npt.NDArray[Any] | None = None, **options: Any) -> bytes:
    """A file of small tiles at ``PLACE``, with options of its description and of its storage."""
    given = {**PLACE, "tile_size": 32, **options}
    described = {field.name: given.pop(field.name) for field in fields(Description) if field.name in given}
    return write_cog(bands, Description(**described), Storage(**given), mask=mask)


def save(folder: Path, bands: npt.NDArray[Any], **options: Any) -> Path:
    path = folder / "cog.tif"
    path.write_bytes(written(bands, **options))
    return path


def read_levels(path: Path) -> list[npt.NDArray[Any]]:
    """All levels as GDAL reads them, fine to coarse."""
    with rasterio.open(path) as dataset:
        levels = [dataset.read()]
        count = len(dataset.overviews(1))
    for i in range(count):
        with rasterio.open(path, overview_level=i) as dataset:
            levels.append(dataset.read())
    return levels


def read_masks(path: Path, count: int) -> list[npt.NDArray[Any]]:
    masks = []
    for i in range(-1, count - 1):
        with rasterio.open(path, **({} if i < 0 else {"overview_level": i})) as dataset:
            assert dataset.mask_flag_enums[0] == [MaskFlags.per_dataset]
            masks.append(dataset.read_masks(1) > 0)
    return masks


STORAGE = {
    "usual": {},
    "pixel interleave": {"interleave": "pixel"},
    "big endian": {"byte_order": "big"},
    "BigTIFF": {"big": True},
    "BigTIFF, big endian, by pixel": {"big": True, "byte_order": "big", "interleave": "pixel"},
    "not compressed": {"compression": "none"},
    "LZW": {"compression": "lzw"},
    "ZSTD": {"compression": "zstd", "level": 19},
    "PackBits": {"compression": "packbits"},
    "deflate without predictor": {"predictor": 1, "level": 9},
    "one tile": {"tile_size": 512},
    "sparse, nothing to leave out": {"sparse": True},
}
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize(
    ("dtype", "storage"),
    [
        *((dtype, storage) for dtype in DTYPES for storage in ("usual", "BigTIFF, big endian, by pixel")),
        *((dtype, storage) for dtype in ("int16", "float32") for storage in STORAGE),
    ],
)
def test_gdal_reads_the_same_pixels_at_every_level(tmp_path: Path, dtype: str, storage: str) -> None:
    pixels = noise(dtype)
    path = save(tmp_path, pixels, overviews=3, **STORAGE[storage])
    levels = read_levels(path)
    assert [level.shape for level in levels] == [(2, 75, 90), (2, 38, 45), (2, 19, 23), (2, 10, 12)]
    for i, level in enumerate(levels):
        step = 2**i
        assert level.dtype == dtype
        assert level.tobytes() == pixels[:, ::step, ::step].tobytes()


def test_float16_is_kept_as_tifffile_reads_it(tmp_path: Path) -> None:
    # GDAL widens it to float32.
    pixels = noise("float16", (1, 20, 20))
    path = save(tmp_path, pixels)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.predictor == 3
        assert tiff.pages.first.asarray().tobytes() == pixels.tobytes()


def test_pixels_in_a_foreign_byte_order_or_a_view_are_written_right(tmp_path: Path) -> None:
    pixels = noise("uint16")
    path = save(tmp_path, pixels.astype(">u2")[:, ::-1])
    assert (read_levels(path)[0] == pixels[:, ::-1]).all()


@pytest.mark.parametrize("storage", STORAGE)
def test_gdal_takes_it_for_a_cog(tmp_path: Path, storage: str) -> None:
    path = save(tmp_path, noise("uint16"), **STORAGE[storage])
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def blocks_of(path: Path) -> list[list[tuple[int, int]]]:
    with tifffile.TiffFile(path) as tiff:
        pages = [tiff.pages.get(i) for i in range(len(tiff.pages))]
        return [list(zip(page.dataoffsets, page.databytecounts, strict=True)) for page in pages]


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_the_layout_keeps_what_the_ghost_area_promises(
    tmp_path: Path, byte_order: str, interleave: str
) -> None:
    path = save(tmp_path, noise("uint16"), byte_order=byte_order, interleave=interleave, overviews=2)
    stored = path.read_bytes()
    for promise in (
        "LAYOUT=IFDS_BEFORE_DATA",
        "BLOCK_LEADER=SIZE_AS_UINT4",
        "KNOWN_INCOMPATIBLE_EDITION=NO\n ",
    ):
        assert promise.encode() in stored[:400]
    pages = blocks_of(path)
    starts = [[start for start, _ in page] for page in pages]
    assert all(page == sorted(page) for page in starts)  # row major
    assert min(starts[1]) > max(starts[2]) + pages[2][-1][1]  # coarse before fine
    assert min(starts[0]) > max(starts[1]) + pages[1][-1][1]
    for start, count in (block for page in pages for block in page):
        assert struct.unpack("<I", stored[start - 4 : start]) == (count,)
        assert stored[start + count : start + count + 4] == stored[start + count - 4 : start + count]


@pytest.mark.parametrize("resampling", ["nearest", "average"])
@pytest.mark.parametrize("storage", STORAGE)
def test_a_mask_has_every_level(tmp_path: Path, storage: str, resampling: str) -> None:
    pixels = noise("uint16")
    valid = np.random.default_rng(3).random(SHAPE[1:]) > 0.6
    options = {**STORAGE[storage], "overviews": 1, "resampling": resampling}
    masks = read_masks(save(tmp_path, pixels, mask=valid, **options), 2)
    assert (masks[0] == valid).all()
    coarse = valid[::2, ::2]
    if resampling == "average":
        padded = np.pad(valid, ((0, 1), (0, 0)))
        coarse = padded[::2, ::2] | padded[1::2, ::2] | padded[::2, 1::2] | padded[1::2, 1::2]
    assert (masks[1] == coarse).all()


def test_masks_follow_their_image_as_gdal_orders_them(tmp_path: Path) -> None:
    path = save(tmp_path, noise("uint8"), mask=np.ones(SHAPE[1:]), overviews=2, interleave="pixel")
    with tifffile.TiffFile(path) as tiff:
        kinds = [tiff.pages.get(i).subfiletype for i in range(len(tiff.pages))]
    assert kinds == [0, 4, 1, 1, 5, 5]
    assert b"MASK_INTERLEAVED_WITH_IMAGERY=YES" in path.read_bytes()[:400]
    image, mask, *_ = blocks_of(path)
    for (start, count), (mask_start, _) in zip(image, mask, strict=True):
        assert mask_start == start + count + 8  # trailer of one, leader of the other


@pytest.mark.parametrize("crs", [32632, "EPSG:32632", "epsg:4326", 3035, "EPSG:3857", 4258, None])
def test_crs_is_read_back(tmp_path: Path, crs: int | str | None) -> None:
    with rasterio.open(save(tmp_path, noise("uint8"), crs=crs)) as dataset:
        expected = None if crs is None else int(str(crs).lower().removeprefix("epsg:"))
        assert (dataset.crs and dataset.crs.to_epsg()) == expected


TRANSFORMS = {
    "north up": UTM,
    "rectangular pixels": (0.25, 0.0, 5.0, 0.0, -0.5, 50.0),
    "south up": (10.0, 0.0, 0.0, 0.0, 10.0, 7.0),
    "rotated": (8.0, 6.0, 600_000.0, 6.0, -8.0, 5_500_000.0),
    "mirrored": (-1.0, 0.0, 9.0, 0.0, -1.0, 4.0),
    "identity": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_transform_is_read_back(tmp_path: Path, name: str) -> None:
    with rasterio.open(save(tmp_path, noise("uint8"), transform=TRANSFORMS[name])) as dataset:
        assert dataset.transform == Affine(*TRANSFORMS[name])


def test_pixel_coordinates_without_a_crs_leave_no_geographic_tags(tmp_path: Path) -> None:
    path = save(tmp_path, noise("uint8"), transform=TRANSFORMS["identity"], crs=None)
    with tifffile.TiffFile(path) as tiff:
        assert not [
            tag.name for tag in tiff.pages.first.tags.values() if "Model" in tag.name or "Geo" in tag.name
        ]


NODATA: dict[str, tuple[str, float]] = {
    "zero": ("uint16", 0),
    "negative": ("int16", -32768),
    "64 bits": ("int64", -(2**63)),
    "NaN": ("float32", float("nan")),
    "fraction": ("float64", 0.1),
    "infinity": ("float32", float("-inf")),
}


@pytest.mark.parametrize("case", NODATA)
def test_nodata_is_read_back(tmp_path: Path, case: str) -> None:
    dtype, nodata = NODATA[case]
    pixels = np.full((1, 20, 20), 5, dtype)
    pixels[0, :10] = nodata
    with rasterio.open(save(tmp_path, pixels, nodata=nodata)) as dataset:
        assert dataset.nodata == nodata or (np.isnan(dataset.nodata) and np.isnan(nodata))
        assert (dataset.read_masks(1)[:, 0] > 0).tolist() == [False] * 10 + [True] * 10


def test_bands_are_described(tmp_path: Path) -> None:
    names = ["red", 'a <"odd"> & name, ü']
    path = save(tmp_path, noise("uint16"), band_names=names, scales=[0.0001, 1], offsets=[-0.1, 0])
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == tuple(names)
        assert dataset.scales == (0.0001, 1.0)
        assert dataset.offsets == (-0.1, 0.0)
    with rasterio.open(save(tmp_path, noise("uint16"), band_names=[None, "nir"])) as dataset:
        assert dataset.descriptions == (None, "nir")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_colormap_is_read_back(tmp_path: Path, dtype: str) -> None:
    size = np.iinfo(dtype).max + 1
    reds, greens, blues = (np.arange(size) * k % 256 for k in (1, 3, 7))
    path = save(
        tmp_path, noise(dtype)[:1], colormap=[int(c) * 257 for c in np.concatenate([reds, greens, blues])]
    )
    with rasterio.open(path) as dataset:
        assert dataset.colormap(1)[200] == (200, 600 % 256, 1400 % 256, 255)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(("dtype", "nodata"), [("int16", -1), ("float32", float("nan")), ("uint8", None)])
def test_sparse_leaves_out_tiles_without_data(
    tmp_path: Path, dtype: str, nodata: float | None, interleave: str
) -> None:
    pixels = noise(dtype)
    empty = 0 if nodata is None else nodata
    pixels[:, :32] = empty  # the first row of tiles, in both bands
    pixels[1, :, 64:] = empty  # the last column, at the image's edge, in one band
    path = save(tmp_path, pixels, nodata=nodata, sparse=True, interleave=interleave, overviews=0)
    left_out = [count == 0 for _, count in blocks_of(path)[0]]
    both, last = [True] * 3 + [False] * 6, [True] * 3 + [False, False, True] * 2
    assert left_out == (both if interleave == "pixel" else both + last)
    assert read_levels(path)[0].tobytes() == pixels.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("nodata", [None, 120])
def test_average_is_gdals_average(tmp_path: Path, dtype: str, nodata: float | None) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 100, (1, 64, 96)).astype(dtype)
    if dtype[0] != "u":
        pixels -= 50
    pixels[rng.random(pixels.shape) > 0.7] = 120
    pixels[0, :8, :8] = 120  # quads of nodata alone
    ours = read_levels(save(tmp_path, pixels, nodata=nodata, overviews=1, resampling="average"))[1]
    plain = save(tmp_path, pixels, nodata=nodata, overviews=0)
    with (
        rasterio.Env(COMPRESS_OVERVIEW="DEFLATE"),
        rasterio.open(plain, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset,
    ):
        dataset.build_overviews([2], rasterio.enums.Resampling.average)
    np.testing.assert_allclose(ours, read_levels(plain)[1], rtol=1e-6)


def test_average_of_the_largest_integers_does_not_overflow(tmp_path: Path) -> None:
    for dtype in ("uint64", "int64"):
        top = np.iinfo(dtype).max
        pixels = np.array([[[top, top], [top, top - 4]]], dtype)
        small = read_levels(save(tmp_path, pixels, overviews=1, resampling="average"))[1]
        assert small.tolist() == [[[top - 1]]]


def test_average_takes_valid_pixels_only_and_never_makes_nodata(tmp_path: Path) -> None:
    pixels = np.array([[[0, 8, -2, 2, 5], [0, 4, 2, -2, 0], [1, 9, 0, 0, 3]]], "int16")
    valid = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 1, 0, 0, 1]], bool)
    path = save(tmp_path, pixels, nodata=0, mask=valid, overviews=1, resampling="average")
    # 8 and 4; a mean of 0 moved to 1; 5 alone; 9 alone; nothing; 3 at the corner.
    assert read_levels(path)[1].tolist() == [[[6, 1, 5], [9, 0, 3]]]
    assert read_masks(path, 2)[1].tolist() == [[True, True, True], [True, False, True]]


def test_average_keeps_a_mean_of_floats_apart_from_nodata(tmp_path: Path) -> None:
    pixels = np.array([[[-1.0, 1.0], [-2.0, 2.0]]], "float32")
    path = save(tmp_path, pixels, nodata=0.0, overviews=1, resampling="average")
    with rasterio.open(path, overview_level=0) as dataset:
        assert dataset.read_masks(1).tolist() == [[255]]
        assert abs(float(dataset.read()[0, 0, 0])) < 1e-30


def test_automatic_overviews_end_with_one_tile(tmp_path: Path) -> None:
    for size, factors in ((32, []), (33, [2]), (64, [2]), (65, [2, 4]), (200, [2, 4, 8])):
        with rasterio.open(save(tmp_path, noise("uint8", (1, 20, size)))) as dataset:
            assert dataset.overviews(1) == factors


REFUSALS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "bands of shape (75, 90): expected (bands, rows, columns)": ({"bands": noise("uint8")[0]}, ArgumentError),
    "bands of shape (0, 75, 90)": ({"bands": noise("uint8")[:0]}, ArgumentError),
    "mask of shape (2, 2): expected (75, 90)": ({"mask": np.ones((2, 2))}, ArgumentError),
    "tile_size := 100: expected a multiple of 16": ({"tile_size": 100}, ArgumentError),
    "interleave 'line': expected one of band, pixel": ({"interleave": "line"}, ArgumentError),
    "byte_order 'middle': expected one of little, big": ({"byte_order": "middle"}, ArgumentError),
    "resampling 'cubic' of overviews: one of nearest, average": ({"resampling": "cubic"}, ArgumentError),
    "overviews=8: 'auto', or 0 to 7 for 90 pixels": ({"overviews": 8}, ArgumentError),
    "overviews='all': 'auto', or 0 to 7": ({"overviews": "all"}, ArgumentError),
    "unknown CRS 'UTM'": ({"crs": "UTM"}, ArgumentError),
    "there is no EPSG code 1": ({"crs": 1}, ArgumentError),
    "crs 4978 of a GeoTIFF to write: a Geocentric CRS": ({"crs": 4978}, ArgumentError),
    "transform (1, 0): expected six finite numbers": ({"transform": (1, 0)}, ArgumentError),
    "all pixels lie on one line": ({"transform": (0, 0, 0, 0, 0, 0)}, ArgumentError),
    "nodata -1 of uint8 pixels: expected a number in their range": ({"nodata": -1}, ArgumentError),
    "nodata nan of uint8 pixels: expected a number in their range": ({"nodata": float("nan")}, ArgumentError),
    "1 values of description for 2 bands": ({"band_names": ["red"]}, ArgumentError),
    "colormap of 9 values for 2 bands of uint8": ({"colormap": [0] * 9}, ArgumentError),
    "level 99 of deflate compression: 0 to 12": ({"level": 99}, ArgumentError),
    "JPEG compression is not": ({"compression": "jpeg"}, UnsupportedError),
    "predictor 3 with 8 bits of uint8 has no meaning": ({"predictor": 3}, UnsupportedError),
    "samples of type bool are not": ({"bands": noise("uint8") > 9}, UnsupportedError),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_what_does_not_fit_is_refused(message: str) -> None:
    wrong, error = REFUSALS[message]
    with pytest.raises(error, match=re.escape(message)):
        written(**{"bands": noise("uint8"), **wrong})
