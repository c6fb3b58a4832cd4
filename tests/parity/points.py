"""Values at points, and the points of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
from rasterio.transform import xy
from rasterio.windows import Window

from tests.duck.corpus import NAMES
from tests.geo.gdal_points import interpolate
from tests.parity.comparison import Comparison, Ground, Tally
from tests.parity.pixels import files

NO_MASK_IN_SEDONA = ("rgb_mask", "rgba_alpha", "float32_nan")
POINTS = "SELECT RS_Values($1, $2, $3, $4, level := 0, aoi_crs := $5)"


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


COMPARISONS = (
    Comparison(
        functions=("RS_Value", "RS_Values"), peer="rasterio's sample", library="rasterio", run=samples,
        limit=0, cases="nearest, 300 points a file",
    ),
    Comparison(
        functions=("RS_Value", "RS_Values"), peer="GDALRasterInterpolateAtPoint", library="GDAL",
        run=bilinear, limit=1e-7, cases="bilinear, 1,000 points a file",
        why="it is asked by column and row, this package by coordinates, which hold some 1e-10 pixels",
    ),
    Comparison(
        functions=("RS_Value", "RS_Values"), peer="SedonaDB", library="sedonadb", run=sedona_points, limit=0,
        cases="nearest, 60 points a file",
        why="files with a mask, alpha or NaN as nodata left out: it heeds none",
    ),
    Comparison(
        functions=("RS_PixelAsCentroids",), peer="rasterio.transform.xy", library="rasterio", run=centroids,
        limit=1e-12, cases="a window of each file", why="products of an affine in another order",
    ),
)  # fmt: skip
