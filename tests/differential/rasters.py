"""Random files in random places: UTM, Web Mercator, degrees of either range, poles, a geostationary view."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.parse import parse
from tests.differential.case import Raster
from tests.duck import random_files

GEOS = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80 +units=m"
PLACES: Mapping[str, tuple[str, float, float, float]] = {
    "zone 32": ("EPSG:32632", 7e5, 5.3e6, 10.0),
    "zone 60, past 180": ("EPSG:32660", 8.2e5, 2e6, 60.0),
    "web mercator": ("EPSG:3857", 1.2e6, 6e6, 2.5),
    "degrees": ("EPSG:4326", 11.5, 48.2, 0.001),
    "degrees at 180": ("EPSG:4326", 179.9, 10.0, 0.0005),
    "degrees from 0 to 360": ("EPSG:4326", 250.0, 40.0, 0.6),
    "NAD83": ("EPSG:4269", -100.0, 40.0, 0.01),
    "north pole": ("EPSG:3413", -6e5, 7e5, 1e4),
    "south pole": ("EPSG:3031", 1e6, -1e6, 500.0),
    "equal area": ("EPSG:6933", -1e6, 3e6, 1000.0),
    "geostationary": (GEOS, -1e6, 2e6, 2e4),
}
"""CRS, x and y of the first corner, size of a pixel."""
MASK_TILE = 16
"""Rows and columns of the tiles of masks that are made here."""


def write_raster(folder: Path, seed: int) -> Raster:
    """One file, always the same of a seed."""
    choose = random.Random(f"raster {seed}")
    place = choose.choice(list(PLACES))
    crs, x, y, size = PLACES[place]
    path = folder / f"{seed}.tif"
    about = random_files.write_random(path, seed, places={crs: (x, y, size)})
    about["place"] = place
    if about["dtype"] != "float16" and np.dtype(about["dtype"]).kind != "c" and choose.random() < 0.3:
        _describe(path, choose, about)
    if about["writer"] == "gdal" and not about["overviews"] and not about["mask"] and choose.random() < 0.2:
        _mask_of_bands(path, about)
    return Raster(path=path, about=about)


def _describe(path: Path, choose: random.Random, about: dict[str, Any]) -> None:
    """Names, scales and offsets of the bands."""
    bands = about["bands"]
    scales = tuple(choose.choice([1.0, 0.5, 0.0001, -2.0]) for _ in range(bands))
    offsets = tuple(choose.choice([0.0, -0.1, 273.15]) for _ in range(bands))
    about |= {"scales": scales, "offsets": offsets}
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.scales, dataset.offsets = scales, offsets


def _mask_of_bands(path: Path, about: dict[str, Any]) -> None:
    """An internal mask with a sample for each band, which GDAL reads and does not write."""
    file = path.read_bytes()
    tiff = parse(Bytes(file, size=len(file)))
    (first, *_) = tiff.images
    mask = np.random.default_rng(about["seed"]).random((first.band_count, first.height, first.width)) < 0.7
    image = replace(
        first, tile_width=MASK_TILE, tile_height=MASK_TILE, tiled=True, dtype="uint8", bits_per_sample=8,
        sample_format="uint", compression="none", predictor=1, photometric="mask", extra_samples=(),
        subfile_type=4, interleave="pixel", gdal_nodata=None, gdal_metadata=None, geo_keys={},
        model_tiepoint=None, model_pixel_scale=None, model_transformation=None,
    )  # fmt: skip
    padded = np.pad(mask, ((0, 0), (0, -first.height % MASK_TILE), (0, -first.width % MASK_TILE)))
    tiles = [
        (padded[:, y : y + MASK_TILE, x : x + MASK_TILE].transpose(1, 2, 0) * np.uint8(255)).tobytes()
        for y in range(0, first.height, MASK_TILE)
        for x in range(0, first.width, MASK_TILE)
    ]
    table = zip(first.tile_offsets.tolist(), first.tile_byte_counts.tolist(), strict=True)
    stored = [file[start : start + length] if length else None for start, length in table]
    path.write_bytes(build_tiff(replace(tiff, images=(first, image), like=None), [stored, tiles]))
    about["mask of bands"] = True
