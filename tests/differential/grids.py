"""Questions of other grids: read_cog with crs, resolution and resampling, against GDAL's warper."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT

from rasteret_sql.geo.grid import Grid
from tests.differential.case import Query, Raster, apart
from tests.raster.test_warp import PROJS_DIFFER_M
from tests.raster.warping import at_the_rim, on_an_edge

FLAT = ("zone 32", "web mercator", "degrees", "NAD83", "equal area")
"""Places whose pixels are as large in another CRS."""
OTHERS = {"EPSG:3857": 1.0, "EPSG:4326": 1e-5, "EPSG:32632": 1.0, "EPSG:3035": 1.0}
"""CRS, and its unit in metres or about so."""


AREAS = ("average", "min", "max", "mode")
"""Resamplings that are GDAL's own to the value where every pixel is valid and no grid is turned."""


def warped(choose: random.Random, raster: Raster) -> Query | None:
    """The whole raster on a grid in another CRS: the nearest pixels, or statistics of those under each."""
    about = raster.about
    special = np.dtype(about["dtype"]).kind == "c" or about["dtype"] in ("float16", "int8", "int64", "uint64")
    alpha = about.get("alpha")  # GDAL's warper heeds it beside nodata, and in its own way
    if about["place"] not in FLAT or special or alpha or min(about["width"], about["height"]) < 8:
        return None
    with rasterio.open(raster.path) as dataset:
        crs = choose.choice(list(OTHERS))
        if about["place"] in ("NAD83", "equal area") and crs in ("EPSG:32632", "EPSG:3035"):
            return None
        metres = abs(dataset.transform.determinant) ** 0.5 * (1e5 if dataset.crs.is_geographic else 1)
        step = float(f"{metres * OTHERS[crs] * choose.uniform(0.6, 3):.3g}")
    whole = about["nodata"] is None and not about.get("mask") and not about.get("mask of bands")
    plain = whole and about["dtype"] in ("uint8", "uint16", "int16") and about["transform"] != "rotated"
    resampling = choose.choice(["nearest", *AREAS]) if plain else "nearest"

    def same(rows: Sequence[Any], _: Any) -> str | None:
        return _as_gdal(rows, raster, resampling)

    sql = (
        f"SELECT crs, transform, shape, dtype, data, valid FROM read_cog('{raster.path}', "
        f"crs := '{crs}', resolution := {step!r}, resampling := '{resampling}', level := 0)"
    )
    return Query(sql=sql, expected=None, same=same)


def _as_gdal(rows: Sequence[Any], raster: Raster, resampling: str) -> str | None:
    if len(rows) != 1:
        return f"{len(rows)} rows, expected one"
    crs, transform, shape, dtype, data, valid = rows[0]
    _, height, width = shape
    found = np.frombuffer(data, dtype).reshape(shape)
    usable = np.ones((height, width), bool)
    if valid is not None:
        usable = np.frombuffer(valid, bool).reshape(height, width)
    target = Grid(crs=crs, transform=tuple(transform), width=width, height=height)
    with rasterio.open(raster.path) as dataset:
        source = Grid(
            crs=dataset.crs.to_string(),
            transform=tuple(dataset.transform)[:6],
            width=dataset.width,
            height=dataset.height,
        )
        with WarpedVRT(
            dataset, crs=crs, transform=Affine(*transform), width=width, height=height,
            resampling=Resampling[resampling], tolerance=1e-7,
        ) as view:  # fmt: skip
            pixels, raster_nodata = view.read(), dataset.nodata
    if resampling == "nearest":
        metres = abs(Affine(*source.transform).determinant) ** 0.5 * (1e5 if "4326" in source.crs else 1)
        sure = usable & ~on_an_edge(target, source, within=max(1e-5, 2 * PROJS_DIFFER_M / metres))
        if (
            raster.about["nodata"] is not None
        ):  # GDAL makes a value beside it of what a mask, or another band, spares
            sure &= (found != raster_nodata).all(axis=0)
        return apart(found[:, sure], pixels[:, sure], "pixels")
    sure = usable & ~at_the_rim(target, source)
    difference = np.abs(found[:, sure].astype(int) - pixels[:, sure].astype(int))
    allowed = 1 if resampling == "average" else 0
    many = (difference > allowed).sum()
    return f"{resampling}: {many} of {difference.size} differ" if many > 2 + 0.001 * difference.size else None


QUESTIONS = {"warped": warped}
