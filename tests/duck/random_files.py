"""Random small GeoTIFFs, written by GDAL and by tifffile, each from a seed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from rasterio.enums import ColorInterp, Resampling
from rasterio.shutil import copy as gdal_copy
from rasterio.transform import Affine

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
COMPRESSIONS = ("none", "deflate", "lzw", "zstd", "packbits")
CRS = {"EPSG:32632": (700_000.0, 5_300_000.0, 10.0), "EPSG:3857": (1.2e6, 6e6, 2.5), "EPSG:4326": (11.5, 48.2, 0.001)}
ODD_NODATA = ("nan", "inf", "-inf", "-9999", "300", "0.1", "1e+20", "-3.4028235e+38", "255.5", " 7 ", "-0")


def write_random(path: Path, seed: int) -> dict[str, Any]:
    """One file; the answer says how it was made."""
    choose = random.Random(seed)
    about: dict[str, Any] = {
        "seed": seed, "writer": choose.choice(["gdal", "gdal", "cog", "tifffile"]),
        "dtype": choose.choice([*INTEGERS, *FLOATS, *FLOATS, *COMPLEX]), "bands": choose.choice([1, 1, 2, 3, 4, 5]),
        "width": choose.randint(1, 170), "height": choose.randint(1, 170), "crs": choose.choice(list(CRS)),
        "compress": choose.choice(COMPRESSIONS), "interleave": choose.choice(["pixel", "band"]),
        "predictor": 1, "transform": "",
    }  # fmt: skip
    if about["writer"] == "tifffile" and choose.random() < 0.15:
        about["dtype"] = "float16"
    if about["compress"] in ("deflate", "lzw", "zstd"):
        about["predictor"] = choose.choice(_predictors(about))
    transform = _transform(choose, about)
    pixels = _pixels(choose, about)
    {"gdal": _by_gdal, "cog": _by_cog_driver, "tifffile": _by_tifffile}[about["writer"]](path, pixels, transform, choose, about)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return about


def _predictors(about: dict[str, Any]) -> list[int]:
    kind = np.dtype(about["dtype"]).kind
    if about["writer"] == "tifffile":
        return {"f": [1, 3], "c": [1]}.get(kind, [1, 2])
    return [1] if about["dtype"] == "complex128" else [1, 2, 3] if kind == "f" else [1, 2]


def _transform(choose: random.Random, about: dict[str, Any]) -> Affine:
    x, y, size = CRS[about["crs"]]
    about["transform"] = choose.choice(["north up", "north up", "south up", "rotated", "oblong"])
    scale = {"south up": (size, size), "oblong": (size, -size / 3)}.get(about["transform"], (size, -size))
    transform = Affine.translation(x, y) @ Affine.scale(*scale)
    return transform @ Affine.rotation(choose.uniform(1, 359)) if about["transform"] == "rotated" else transform


def _pixels(choose: random.Random, about: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Few different values, so that nodata is met and codecs have something to do."""
    shape = (about["bands"], about["height"], about["width"])
    rng = np.random.default_rng(about["seed"])
    values = np.array([0, 1, 2, 3, 7, 100, 127])
    if choose.random() < 0.5:
        pixels = values[rng.integers(0, len(values), shape)]
    else:
        pixels = np.cumsum(rng.integers(0, 2, shape), axis=2) % 120
    if np.dtype(about["dtype"]).kind == "u":
        return pixels.astype(about["dtype"])
    pixels = np.where(rng.random(shape) < 0.3, -pixels, pixels).astype(about["dtype"])
    if pixels.dtype.kind == "f":
        pixels += rng.choice(np.array([0, 0.1, 0.25], pixels.dtype), shape)
        specials = np.array([np.nan, np.inf, -np.inf, np.finfo(pixels.dtype).min], pixels.dtype)
        pixels = np.where(rng.random(shape) < 0.1, rng.choice(specials, shape), pixels)
    if pixels.dtype.kind == "c":
        pixels = pixels + (1j * rng.integers(0, 3, shape)).astype(pixels.dtype)
    return pixels


def _nodata(choose: random.Random, pixels: np.ndarray[Any, Any]) -> float | None:
    options: list[float | None] = [None, 0, 7, 100]
    if pixels.dtype.kind == "i":
        options += [-1, float(np.iinfo(pixels.dtype).min)] if pixels.itemsize < 8 else [-1]
    if pixels.dtype.kind == "f":
        options += [float("nan"), float("inf"), 0.1, -9999.0]
    return choose.choice(options)


def _by_gdal(path: Path, pixels: np.ndarray[Any, Any], transform: Affine, choose: random.Random, about: dict[str, Any]) -> None:
    bands, height, width = pixels.shape
    about |= {
        "nodata": _nodata(choose, pixels), "endian": choose.choice(["LITTLE", "BIG"]), "big": choose.random() < 0.3,
        "tiled": choose.random() < 0.6, "mask": choose.random() < 0.25, "point": choose.random() < 0.2,
        "sparse": choose.random() < 0.25, "overviews": min(height, width) > 20 and choose.random() < 0.4,
        "alpha": bands > 1 and choose.random() < 0.3,
    }  # fmt: skip
    if about["alpha"]:
        about["nodata"] = None  # GDAL forgets alpha beside nodata
    options: dict[str, Any] = {
        "compress": about["compress"], "interleave": about["interleave"], "ENDIANNESS": about["endian"],
        "BIGTIFF": "YES" if about["big"] else "NO", "SPARSE_OK": about["sparse"], "predictor": about["predictor"],
    }  # fmt: skip
    if about["tiled"]:
        about["block"] = (16 * choose.randint(1, 5), 16 * choose.randint(1, 5))
        options |= {"tiled": True, "blockxsize": about["block"][0], "blockysize": about["block"][1]}
    else:
        about["block"] = choose.randint(1, height)
        options["blockysize"] = about["block"]
    if pixels.dtype == np.uint8 and about["predictor"] == 1 and choose.random() < 0.3:
        about["nbits"] = options["NBITS"] = choose.choice([1, 2, 4])
        pixels &= (1 << about["nbits"]) - 1
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": about["dtype"]}
    if about["alpha"]:
        options["ALPHA"] = "YES"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(path, "w", **profile, crs=about["crs"], transform=transform, nodata=about["nodata"], **options) as out:
            if about["sparse"]:
                rows, columns = slice(height // 3, None), slice(None, max(1, width // 2))
                out.write(pixels[:, rows, columns], window=rasterio.windows.Window.from_slices(rows, columns, height, width))
            else:
                out.write(pixels)
            if about["point"]:
                out.update_tags(AREA_OR_POINT="Point")
            if about["alpha"]:
                out.colorinterp = [*[ColorInterp.undefined] * (bands - 1), ColorInterp.alpha]
            if about["mask"]:
                out.write_mask(np.random.default_rng(about["seed"]).random((height, width)) < 0.7)
        if about["overviews"]:
            with rasterio.open(path, "r+") as out:
                out.build_overviews([2, 4], Resampling.nearest)


def _by_cog_driver(path: Path, pixels: np.ndarray[Any, Any], transform: Affine, choose: random.Random, about: dict[str, Any]) -> None:
    bands, height, width = pixels.shape
    about["compress"] = choose.choice(["none", "deflate", "lzw", "zstd"])
    about |= {"nodata": _nodata(choose, pixels), "mask": choose.random() < 0.3, "block": choose.choice([128, 256])}
    plain = path.with_suffix(".plain.tif")
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": about["dtype"]}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(plain, "w", **profile, crs=about["crs"], transform=transform, nodata=about["nodata"]) as out:
            out.write(pixels)
            if about["mask"]:
                out.write_mask(np.random.default_rng(about["seed"]).random((height, width)) < 0.7)
        predictor = about["predictor"] if about["compress"] != "none" else 1
        creation = {"PREDICTOR": {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}[predictor]} if predictor > 1 else {}
        gdal_copy(
            plain, path, driver="COG", COMPRESS=about["compress"].upper(), BLOCKSIZE=about["block"],
            OVERVIEW_RESAMPLING="NEAREST", OVERVIEW_COUNT=2, INTERLEAVE=about["interleave"].upper(), **creation,
        )  # fmt: skip
    plain.unlink()


def _by_tifffile(path: Path, pixels: np.ndarray[Any, Any], transform: Affine, choose: random.Random, about: dict[str, Any]) -> None:
    bands, height, width = pixels.shape
    about |= {"byteorder": choose.choice("<>"), "big": choose.random() < 0.3, "nodata": choose.choice([None, "0", "7", *ODD_NODATA])}
    code = int(about["crs"].removeprefix("EPSG:"))
    keys = [1, 1, 0, 3, 1024, 0, 1, 2 if code == 4326 else 1, 1025, 0, 1, 1, 2048 if code == 4326 else 3072, 0, 1, code]
    a, b, c, d, e, f = transform[:6]
    matrix = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    tags: list[Any] = [(34264, "d", 16, matrix, True), (34735, "H", len(keys), tuple(keys), True)]
    if about["nodata"] is not None:
        tags.append((42113, "s", 0, about["nodata"], True))
    options: dict[str, Any] = {}
    if choose.random() < 0.5:
        about["block"] = options["tile"] = (16 * choose.randint(1, 5), 16 * choose.randint(1, 5))
    else:
        about["block"] = options["rowsperstrip"] = choose.randint(1, height)
    if bands > 1:
        options["planarconfig"] = "contig" if about["interleave"] == "pixel" else "separate"
        if choose.random() < 0.3 and about["nodata"] is None:
            about["alpha"] = choose.choice(["unassalpha", "assocalpha"])
            options["extrasamples"] = ["unspecified"] * (bands - 2) + [about["alpha"]]
        if about["interleave"] == "pixel":
            pixels = np.moveaxis(pixels, 0, 2)
    if about["predictor"] > 1:
        options["predictor"] = about["predictor"]
    tifffile.imwrite(
        path, pixels[0] if bands == 1 else pixels, byteorder=about["byteorder"], bigtiff=about["big"],
        compression=None if about["compress"] == "none" else about["compress"], photometric="minisblack",
        extratags=tags, metadata=None, **options,
    )  # fmt: skip
