"""Random small GeoTIFFs, written by GDAL and by tifffile, each from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from rasterio.enums import Resampling
from rasterio.shutil import copy as gdal_copy
from rasterio.transform import Affine
from rasterio.windows import Window

Pixels = np.ndarray[Any, Any]
About = dict[str, Any]
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
COMPRESSIONS = ("none", "deflate", "lzw", "zstd", "packbits")
CRS = {"EPSG:32632": (7e5, 5.3e6, 10.0), "EPSG:3857": (1.2e6, 6e6, 2.5), "EPSG:4326": (11.5, 48.2, 0.001)}
"""x and y of the corner, and the size of a pixel."""
GEOGRAPHIC = (4326, 4269)
ODD_NODATA = ("nan", "inf", "-inf", "-9999", "300", "1e+20", "-3.4028235e+38", " 7 ", "-0")
FRACTIONS = ("0.1", "255.5")


def write_random(path: Path, seed: int, *, places: Mapping[str, tuple[float, float, float]] = CRS) -> About:
    """One file in one of some places; the answer says how it was made."""
    choose = random.Random(seed)
    about: About = {
        "seed": seed, "writer": choose.choice(["gdal", "gdal", "cog", "tifffile"]), "predictor": 1,
        "dtype": choose.choice([*INTEGERS, *FLOATS, *FLOATS, *COMPLEX]),
        "bands": choose.choice([1, 1, 2, 3, 4, 5]), "width": choose.randint(1, 170),
        "height": choose.randint(1, 170), "crs": choose.choice(list(places)),
        "compress": choose.choice(COMPRESSIONS), "interleave": choose.choice(["pixel", "band"]),
    }  # fmt: skip
    if about["writer"] == "tifffile" and not about["crs"].startswith("EPSG:"):
        about["writer"] = "gdal"
    if about["writer"] == "tifffile" and choose.random() < 0.15:
        about["dtype"] = "float16"
    if about["compress"] in ("deflate", "lzw", "zstd"):
        about["predictor"] = choose.choice(_predictors(about))
    transform = _transform(choose, about, places[about["crs"]])
    pixels = _pixels(choose, about)
    writer = {"gdal": _by_gdal, "cog": _by_cog_driver, "tifffile": _by_tifffile}[about["writer"]]
    writer(path, pixels, transform, choose, about)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return about


def _predictors(about: About) -> list[int]:
    kind = np.dtype(about["dtype"]).kind
    if about["writer"] == "tifffile":
        return {"f": [1, 3], "c": [1]}.get(kind, [1, 2])
    return [1] if about["dtype"] == "complex128" else [1, 2, 3] if kind == "f" else [1, 2]


def _transform(choose: random.Random, about: About, place: tuple[float, float, float]) -> Affine:
    x, y, size = place
    about["transform"] = choose.choice(["north up", "north up", "south up", "rotated", "oblong"])
    scale = {"south up": (size, size), "oblong": (size, -size / 3)}.get(about["transform"], (size, -size))
    transform = Affine.translation(x, y) @ Affine.scale(*scale)
    return (
        transform @ Affine.rotation(choose.uniform(1, 359)) if about["transform"] == "rotated" else transform
    )


def _pixels(choose: random.Random, about: About) -> Pixels:
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


def _nodata(choose: random.Random, pixels: Pixels) -> float | None:
    options: list[float | None] = [None, 0, 7, 100]
    if pixels.dtype.kind == "i":
        options += [-1, float(np.iinfo(pixels.dtype).min)] if pixels.itemsize < 8 else [-1]
    if pixels.dtype.kind == "f":
        options += [float("nan"), float("inf"), 0.1, -9999.0]
    return choose.choice(options)


def _block(choose: random.Random, height: int) -> tuple[int, int] | int:
    """Width and height of a tile, or rows of a strip."""
    tile = (16 * choose.randint(1, 5), 16 * choose.randint(1, 5))
    return tile if choose.random() < 0.6 else choose.randint(1, height)


def _by_gdal(path: Path, pixels: Pixels, transform: Affine, choose: random.Random, about: About) -> None:
    bands, height, width = pixels.shape
    about |= {
        "nodata": _nodata(choose, pixels), "endian": choose.choice(["LITTLE", "BIG"]),
        "big": choose.random() < 0.3, "block": _block(choose, height), "point": choose.random() < 0.2,
        "sparse": choose.random() < 0.25,
        "mask": choose.random() < 0.25, "alpha": bands > 1 and choose.random() < 0.3,
        "overviews": min(height, width) > 20 and choose.random() < 0.4, "bits": None,
    }  # fmt: skip
    if about["dtype"] in ("int64", "uint64"):
        about["overviews"] = False  # GDAL 3.10 may not come back from these, where there is nodata
    if about["dtype"] == "uint8" and about["predictor"] == 1 and choose.random() < 0.3:
        about["bits"] = choose.choice([1, 2, 4])
        pixels &= (1 << about["bits"]) - 1
    options: dict[str, Any] = {
        "compress": about["compress"], "interleave": about["interleave"], "ENDIANNESS": about["endian"],
        "BIGTIFF": "YES" if about["big"] else "NO", "SPARSE_OK": about["sparse"],
        "predictor": about["predictor"],
    }  # fmt: skip
    if isinstance(about["block"], tuple):
        options |= {"tiled": True, "blockxsize": about["block"][0], "blockysize": about["block"][1]}
    else:
        options["blockysize"] = about["block"]
    options |= {"NBITS": about["bits"]} if about["bits"] else {}
    options |= {"ALPHA": "YES"} if about["alpha"] else {}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        _write(path, pixels, transform, about, options)
        if about["overviews"]:
            with rasterio.open(path, "r+") as out:
                out.build_overviews([2, 4], Resampling.nearest)


def _write(path: Path, pixels: Pixels, transform: Affine, about: About, options: dict[str, Any]) -> None:
    bands, height, width = pixels.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": about["dtype"],
        "crs": about["crs"], "transform": transform, "nodata": about["nodata"],
    }  # fmt: skip
    with rasterio.open(path, "w", **profile, **options) as out:
        if about.get("sparse"):
            part = Window(0, height // 3, max(1, width // 2), height - height // 3)
            out.write(pixels[:, height // 3 :, : part.width], window=part)
        else:
            out.write(pixels)
        if about.get("point"):
            out.update_tags(AREA_OR_POINT="Point")
        if about["mask"]:
            out.write_mask(np.random.default_rng(about["seed"]).random((height, width)) < 0.7)


def _by_cog_driver(
    path: Path, pixels: Pixels, transform: Affine, choose: random.Random, about: About
) -> None:
    about |= {
        "nodata": _nodata(choose, pixels),
        "mask": choose.random() < 0.3,
        "block": choose.choice([128, 256]),
    }
    if about["compress"] == "packbits":
        about["compress"] = "none"
    plain = path.with_suffix(".plain.tif")
    names = {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        _write(plain, pixels, transform, about, {})
        gdal_copy(
            plain, path, driver="COG", COMPRESS=about["compress"].upper(), BLOCKSIZE=about["block"],
            OVERVIEW_RESAMPLING="NEAREST", OVERVIEW_COUNT=2, PREDICTOR=names[about["predictor"]],
        )  # fmt: skip
    plain.unlink()


def _by_tifffile(path: Path, pixels: Pixels, transform: Affine, choose: random.Random, about: About) -> None:
    bands, height, _ = pixels.shape
    # GDAL reads the nodata of 64-bit integers as far as it is one, and widens float16 before it compares
    plain = about["dtype"] in ("int64", "uint64", "float16")
    odd = () if plain else ODD_NODATA if about["dtype"] in INTEGERS else ODD_NODATA + FRACTIONS
    about |= {
        "endian": choose.choice("<>"), "big": choose.random() < 0.3, "block": _block(choose, height),
        "nodata": choose.choice([None, "0", "7", *odd]), "alpha": None,
    }  # fmt: skip
    options: dict[str, Any] = {
        "tile" if isinstance(about["block"], tuple) else "rowsperstrip": about["block"]
    }
    options |= {"predictor": about["predictor"]} if about["predictor"] > 1 else {}
    if bands > 1:
        options["planarconfig"] = "contig" if about["interleave"] == "pixel" else "separate"
        if choose.random() < 0.3:
            about["alpha"] = choose.choice(["unassalpha", "assocalpha"])
            options["extrasamples"] = ["unspecified"] * (bands - 2) + [about["alpha"]]
        if about["interleave"] == "pixel":
            pixels = np.moveaxis(pixels, 0, 2)
    tifffile.imwrite(
        path, pixels[0] if bands == 1 else pixels, byteorder=about["endian"], bigtiff=about["big"],
        compression=None if about["compress"] == "none" else about["compress"], photometric="minisblack",
        extratags=_geotiff_tags(transform, about), metadata=None, **options,
    )  # fmt: skip


def _geotiff_tags(transform: Affine, about: About) -> list[Any]:
    code = int(about["crs"].removeprefix("EPSG:"))
    model, key = (2, 2048) if code in GEOGRAPHIC else (1, 3072)
    keys = (1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, code)
    a, b, c, d, e, f = transform[:6]
    matrix = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    tags: list[Any] = [(34264, "d", 16, matrix, True), (34735, "H", len(keys), keys, True)]
    return tags if about["nodata"] is None else [*tags, (42113, "s", 0, about["nodata"], True)]
