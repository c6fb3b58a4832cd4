"""Pixels as they are stored: windows, polygons, points, arrays, files."""

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
from rasterio.transform import xy
from rasterio.windows import Window

from tests.duck.corpus import NAMES
from tests.duck.test_warps import real_files
from tests.parity.comparison import Comparison, Ground, Tally
from tests.raster.gdal_points import interpolate

NO_MASK_IN_SEDONA = ("rgb_mask", "rgba_alpha", "float32_nan")
POINTS = "SELECT RS_Values($1, $2, $3, $4, level := 0, aoi_crs := $5)"


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
    """A polygon of seven corners, in a raster for the most part; of longitudes and latitudes within the globe."""
    angle = np.sort(rng.random(7)) * 2 * np.pi
    middle, reach = rng.uniform(0.2, 0.8, (2, 1)), rng.uniform(0.1, 0.6, 7)
    size = np.array([[dataset.width], [dataset.height]])
    columns, rows = middle * size + min(400, *size.ravel()) * reach * np.stack((np.cos(angle), np.sin(angle)))
    corners = np.column_stack(dataset.transform @ (columns, rows))
    if dataset.crs.is_geographic:
        corners = corners.clip((-180, -90), (180, 90))
    return shapely.Polygon(corners)


def places(dataset: Any, rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    """Points in and around a raster: pixels (2, count), and world coordinates (count, 2)."""
    at = rng.uniform(-0.02, 1.02, (2, count)) * [[dataset.width], [dataset.height]]
    return at, np.column_stack(dataset.transform @ at)


def number(values: list[float | None]) -> Any:
    """NULL as NaN."""
    return np.array([np.nan if value is None else value for value in values], float)


def samples(ground: Ground) -> Tally:
    """300 points a file, nearest."""
    tally, rng = Tally(), np.random.default_rng(2)
    for path in files(ground):
        with rasterio.open(path) as dataset:
            crs = None if dataset.crs is None else dataset.crs.to_epsg()
            if crs is None or dataset.transform.is_identity or dataset.dtypes[0].startswith("complex"):
                continue
            _, points = places(dataset, rng, 300)
            if dataset.crs.is_geographic:
                points = points[np.abs(points[:, 1]) <= 90]
            sampled = dataset.sample(points.tolist(), indexes=1, masked=True)
            want = [None if v.mask.all() else float(v.data[0]) for v in sampled]
        found = ground.one(POINTS, str(path), points.tolist(), 1, "nearest", f"EPSG:{crs}")
        tally.add(number(found), number(want), path.name)
    return tally


def bilinear(ground: Ground) -> Tally:
    """1,000 points a file of the corpus, between pixels."""
    tally, rng = Tally(relative=True), np.random.default_rng(3)
    for name in ("utm32_uint16", "bands_strips", "geographic", "south_up", "big"):
        path = ground.corpus / f"{name}.tif"
        with rasterio.open(path) as dataset:
            at, points = places(dataset, rng, 1000)
            crs = dataset.crs.to_string()
        found = ground.one(POINTS, str(path), points.tolist(), 1, "bilinear", crs)
        tally.add(number(found), number(interpolate(path, 1, list(zip(*at.tolist(), strict=True)))), name)
    return tally


def sedona_points(ground: Ground) -> Tally:
    """60 points a file of the corpus that has neither mask nor alpha."""
    import sedonadb

    sedona, tally, rng = sedonadb.connect(), Tally(), np.random.default_rng(4)
    for name in (name for name in NAMES if name not in NO_MASK_IN_SEDONA):
        path = ground.corpus / f"{name}.tif"
        with rasterio.open(path) as dataset:
            _, points = places(dataset, rng, 60)
            crs = dataset.crs.to_string()
        rows = " UNION ALL ".join(
            f"SELECT {n} AS n, ST_SetCRS(ST_Point({x!r}, {y!r}), '{crs}') AS p"
            for n, (x, y) in enumerate(points.tolist())
        )
        query = f"SELECT n, RS_Value(RS_FromPath('{path}'), p, 1) AS v FROM ({rows}) ORDER BY n"
        want = sedona.sql(query).to_arrow_table()["v"].to_pylist()
        found = ground.one(POINTS, str(path), points.tolist(), 1, "nearest", crs)
        tally.add(number(found), number(want), name)
    return tally


def centroids(ground: Ground) -> Tally:
    """Where the pixels of one window of each file are."""
    tally = Tally(relative=True)
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        query = f"""
            SELECT p.x, p.y, p.row, p.col
            FROM read_cog('{path}', {{'x_off': 20, 'y_off': 30, 'width': 9, 'height': 7}}) AS c,
                 RS_PixelAsCentroids(c, exclude_nodata := false) AS p
        """
        x, y, row, column = np.array(ground.con.execute(query).fetchall(), float).T
        with rasterio.open(path) as dataset:
            want = xy(dataset.window_transform(Window(20, 30, 9, 7)), row, column)
        tally.add(np.stack((x, y)), np.stack(want), name)
    return tally


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
        functions=("RS_Value", "RS_Values"), peer="rasterio's sample", library="rasterio", run=samples, limit=0,
        cases="nearest, 300 points a file",
    ),
    Comparison(
        functions=("RS_Value", "RS_Values"), peer="GDALRasterInterpolateAtPoint", library="GDAL", run=bilinear,
        limit=1e-7, cases="bilinear, 1,000 points a file", why="it takes columns and rows, this package world coordinates, which hold some 1e-10 pixels",
    ),
    Comparison(
        functions=("RS_Value", "RS_Values"), peer="SedonaDB", library="sedonadb", run=sedona_points, limit=0,
        cases="nearest, 60 points a file", why="files with a mask, alpha or NaN as nodata left out: it heeds none",
    ),
    Comparison(
        functions=("RS_PixelAsCentroids",), peer="rasterio.transform.xy", library="rasterio", run=centroids,
        limit=1e-12, cases="a window of each file", why="products of an affine in another order",
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
