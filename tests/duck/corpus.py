"""A named corpus of small GeoTIFFs, written by GDAL and by tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from rasterio.enums import ColorInterp
from rasterio.shutil import copy as gdal_copy
from rasterio.transform import Affine

WIDTH, HEIGHT = 300, 260
UTM32 = Affine(10.0, 0.0, 699_960.0, 0.0, -10.0, 5_300_040.0)
UTM33 = Affine(10.0, 0.0, 245_000.0, 0.0, -10.0, 5_300_040.0)
NAMES = [
    "utm32_uint16",
    "utm33_uint16",
    "float32_nan",
    "rgb_mask",
    "rgba_alpha",
    "rgba_nodata",
    "bands_strips",
    "sparse",
    "rotated_float64",
    "south_up",
    "geographic",
    "big",
    "motorola",
]


def texture(bands: int, dtype: str, seed: int = 0) -> np.ndarray[Any, Any]:
    """A wedge of zeros in the corner, smooth numbers with noise elsewhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    top = 250 if np.dtype(dtype) == np.uint8 else 4_000
    plane = (np.sin(x / 17) + np.cos(y / 23) + 2) / 4 * top * 0.9 + 5
    pixels = np.stack([plane + rng.random((HEIGHT, WIDTH)) * top * 0.05 + 3 * b for b in range(bands)])
    pixels = pixels.astype(dtype)
    pixels[:, (x + 0.6 * y) < 60] = 0
    return pixels


def write(path: Path, pixels: np.ndarray[Any, Any], *, cog: bool = True, **options: Any) -> None:
    """A GeoTIFF by GDAL; a COG with overviews unless said otherwise."""
    names = options.pop("names", None)
    mask = options.pop("mask", None)
    alpha = options.pop("alpha", False)
    profile = {
        "driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2],
        "dtype": pixels.dtype.name,
        "crs": options.pop("crs", "EPSG:32632"), "transform": options.pop("transform", UTM32),
        "nodata": options.pop("nodata", None), "tiled": True, "blockxsize": 128, "blockysize": 128,
    } | ({} if cog else options)  # fmt: skip
    plain = path.with_suffix(".plain.tif") if cog else path
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(plain, "w", **profile) as dataset:
        dataset.write(pixels)
        if names:
            dataset.descriptions = names
        if mask is not None:
            dataset.write_mask(mask)
        if alpha:
            dataset.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    if cog:
        creation = {"BLOCKSIZE": 128, "OVERVIEWS": "IGNORE_EXISTING", "OVERVIEW_RESAMPLING": "NEAREST"}
        gdal_copy(plain, path, driver="COG", **(creation | options))
        plain.unlink()


def write_corpus(folder: Path) -> None:
    write(folder / "utm32_uint16.tif", texture(1, "uint16"), nodata=0, COMPRESS="DEFLATE", PREDICTOR=2)
    write(
        folder / "utm33_uint16.tif", texture(1, "uint16", 1), nodata=0, crs="EPSG:32633", transform=UTM33,
        COMPRESS="DEFLATE", PREDICTOR=2,
    )  # fmt: skip
    floats = texture(1, "float32", 2)
    floats[floats == 0] = np.nan
    write(folder / "float32_nan.tif", floats, nodata=float("nan"), COMPRESS="ZSTD", PREDICTOR=3)
    inside = np.full((HEIGHT, WIDTH), 255, np.uint8)
    inside[40:90, 100:200] = 0
    write(
        folder / "rgb_mask.tif",
        texture(3, "uint8", 3),
        mask=inside,
        names=("red", "green", "blue"),
        COMPRESS="LZW",
    )
    rgba = texture(4, "uint8", 4)
    rgba[3] = np.where(inside > 0, 200, 0)
    write(folder / "rgba_alpha.tif", rgba, alpha=True, COMPRESS="DEFLATE")
    write(folder / "rgba_nodata.tif", rgba, cog=False, alpha=True, nodata=7, compress="deflate")
    write(
        folder / "bands_strips.tif", texture(3, "int16", 5), cog=False, tiled=False, blockysize=37,
        interleave="band", compress="packbits", nodata=-1,
    )  # fmt: skip
    sparse = np.full((2, HEIGHT, WIDTH), -5, np.int32)
    sparse[:, 130:200, 10:60] = 77
    write(
        folder / "sparse.tif", sparse, nodata=-5, cog=False, compress="lzw", SPARSE_OK=True, interleave="band"
    )
    write(
        folder / "rotated_float64.tif", texture(1, "float64", 6), cog=False, compress="deflate", predictor=3,
        transform=UTM32 @ Affine.rotation(25),
    )  # fmt: skip
    write(
        folder / "south_up.tif", texture(1, "uint8", 7), cog=False, compress="zstd",
        transform=Affine(10, 0, 699_960, 0, 10, 5_297_440),
    )  # fmt: skip
    write(
        folder / "geographic.tif", texture(1, "int16", 8), crs="EPSG:4326",
        transform=Affine(0.001, 0.0, 11.5, 0.0, -0.001, 48.2), nodata=0, COMPRESS="NONE",
    )  # fmt: skip
    write(folder / "big.tif", texture(2, "uint32", 9), BIGTIFF="YES", COMPRESS="DEFLATE", nodata=0)
    _write_big_endian(folder / "motorola.tif")


def _write_big_endian(path: Path) -> None:
    geo = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632]
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 699_960.0, 5_300_040.0, 0.0), True),
        (34735, "H", len(geo), tuple(geo), True),
    ]
    tifffile.imwrite(
        path, texture(1, "uint16", 10)[0], byteorder=">", tile=(128, 128), compression="deflate",
        predictor=True, extratags=tags, metadata=None,
    )  # fmt: skip
