"""Pixels as they are stored: windows, polygons, arrays, files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.mask import raster_geometry_mask
from rasterio.windows import Window

from tests.duck.corpus import NAMES
from tests.duck.test_warps import real_files
from tests.parity.comparison import Comparison, Ground, Tally


def files(ground: Ground) -> Iterator[Path]:
    """The corpus and the small real files."""
    yield from (ground.corpus / f"{name}.tif" for name in NAMES)
    yield from real_files(ground.con, ground.real / "cog")


def windows(ground: Ground) -> Tally:
    """Three windows of each file, pixels and mask."""
    tally, rng = Tally(), np.random.default_rng(0)
    for path in files(ground):
        with rasterio.open(path) as dataset:
            for _ in range(3):
                x, y = int(rng.integers(dataset.width)), int(rng.integers(dataset.height))
                width, height = (
                    int(rng.integers(1, 1 + min(300, n))) for n in (dataset.width - x, dataset.height - y)
                )
                area = f"{{'x_off': {x}, 'y_off': {y}, 'width': {width}, 'height': {height}}}"
                found = ground.chip(f"SELECT c FROM read_cog($1, {area}) AS c", str(path))
                assert found is not None
                window = Window(x, y, width, height)
                tally.add(found["pixels"], dataset.read(window=window), path.name)
                tally.add(found["valid"], dataset.dataset_mask(window=window) > 0, path.name, again=True)
    return tally


def clips(ground: Ground) -> Tally:
    """Random stars in files of EPSG codes: the pixels inside, and which these are."""
    tally, rng = Tally(), np.random.default_rng(1)
    for path in files(ground):
        with rasterio.open(path) as dataset:
            if dataset.crs is None or dataset.crs.to_epsg() is None or dataset.transform.is_identity:
                continue
            for touched in (False, True):
                zone = star(dataset, rng)
                outside, _, window = raster_geometry_mask(dataset, [zone], crop=True, all_touched=touched)
                query = f"SELECT RS_Clip($1, $2, all_touched := {touched}, aoi_crs := $3)"
                crs = f"EPSG:{dataset.crs.to_epsg()}"
                found = ground.chip(query, str(path), shapely.to_wkb(zone), crs)
                assert found is not None
                inside = ~outside & (dataset.dataset_mask(window=window) > 0)
                tally.add(found["valid"], inside, path.name)
                pixels = dataset.read(window=window)[:, inside]
                tally.add(found["pixels"][:, inside], pixels, path.name, again=True)
    return tally


def star(dataset: Any, rng: np.random.Generator) -> Any:
    """A polygon of seven corners, in a raster for the most part, and on the globe."""
    angle = np.sort(rng.random(7)) * 2 * np.pi
    middle, reach = rng.uniform(0.2, 0.8, (2, 1)), rng.uniform(0.1, 0.6, 7)
    size = np.array([[dataset.width], [dataset.height]])
    columns, rows = middle * size + min(400, *size.ravel()) * reach * np.stack((np.cos(angle), np.sin(angle)))
    corners = np.column_stack(dataset.transform @ (columns, rows))
    if dataset.crs.is_geographic:
        corners = corners.clip((-180, -90), (180, 90))
    return shapely.Polygon(corners)


def written(ground: Ground) -> Tally:
    """The whole corpus, read back by GDAL: pixels and mask."""
    tally = Tally()
    for path in files(ground):
        with rasterio.open(path) as dataset:
            pixels, mask = dataset.read(), dataset.dataset_mask() > 0
        with MemoryFile(ground.one("SELECT RS_AsGeoTiff($1)", str(path))) as memory, memory.open() as made:
            tally.add(made.read(), pixels, path.name)
            tally.add(made.dataset_mask() > 0, mask, path.name, again=True)
    return tally


def arrays(ground: Ground) -> Tally:
    """Files of NumPy, loaded by NumPy."""
    tally = Tally()
    for path in files(ground):
        with rasterio.open(path) as dataset:
            pixels, first = dataset.read(), dataset.read(1, masked=True)
        made = np.load(io.BytesIO(ground.one("SELECT RS_AsNPY($1)", str(path))))
        tally.add(made, pixels, path.name)
        if pixels.dtype.kind != "c":
            values = ground.one("SELECT flatten(RS_AsArray($1))", str(path))
            usable = np.array([value is not None for value in values])
            there = np.array([v for v in values if v is not None], first.dtype)
            tally.add(there, first.data.ravel()[usable], path.name, again=True)
    return tally


def pictures(ground: Ground) -> Tally:
    """Bytes drawn as they are, decoded by Pillow."""
    tally = Tally()
    for name, bands in (("rgb_mask", [1, 2, 3]), ("rgba_alpha", [3, 1, 2]), ("south_up", [1])):
        path = ground.corpus / f"{name}.tif"
        query = f"SELECT RS_AsPNG($1, bands := {bands}, stretch := [0, 255])"
        image = np.asarray(Image.open(io.BytesIO(ground.one(query, str(path)))))
        with rasterio.open(path) as dataset:
            pixels, seen = dataset.read(bands), dataset.dataset_mask() > 0
        made = image.reshape(*image.shape[:2], -1)[..., : len(pixels)]
        tally.add(made[seen], np.moveaxis(pixels, 0, -1)[seen], name)
    return tally


COMPARISONS = (
    Comparison(
        functions=("read_cog",), peer="rasterio", library="rasterio", run=windows, limit=0,
        cases="random windows of generated and of real files: pixels, and which are valid",
        why="JPEG in YCbCr is left out: libjpeg versions upsample chroma differently",
    ),
    Comparison(
        functions=("RS_Clip",), peer="rasterio.mask", library="rasterio", run=clips, limit=0,
        cases="random polygons, also all_touched",
    ),
    Comparison(
        functions=("RS_AsGeoTiff",), peer="GDAL reads it back", library="rasterio", run=written, limit=0,
        cases="whole files: pixels and mask",
    ),
    Comparison(
        functions=("RS_AsNPY", "RS_AsArray"), peer="NumPy", library="numpy", run=arrays, limit=0,
        cases="whole files",
    ),
    Comparison(
        functions=("RS_AsPNG",), peer="Pillow reads it back", library="pillow", run=pictures, limit=0,
        cases="bytes of one and of three bands",
    ),
)  # fmt: skip
