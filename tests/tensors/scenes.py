"""A few small scenes, written by rasterio, and a view of their index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import rasterio
from rasterio.transform import from_origin

DAYS = ("2024-04-14", "2024-05-14", "2024-06-03")
BANDS = ("red", "nir")
SIDE = 96
AREA = [500_105.0, 5_299_435.0, 500_555.0, 5_299_855.0]
"""xmin, ymin, xmax, ymax in the CRS of the scenes."""
CRS = "EPSG:32632"


def write_scenes(folder: Path) -> None:
    """Files ``<day>/<band>.tif`` of uint16 with nodata 0 in a corner."""
    rng = np.random.default_rng(17)
    for day in DAYS:
        for band in BANDS:
            pixels = rng.integers(1, 10_000, (SIDE, SIDE), np.uint16)
            pixels[20:40, 20:30] = 0
            write(folder / day / f"{band}.tif", pixels, nodata=0)


def write(path: Path, pixels: np.ndarray[Any, Any], *, transform: Any = None, **options: Any) -> None:
    """A tiled GeoTIFF of (rows, columns) or (bands, rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = pixels if pixels.ndim == 3 else pixels[None]
    place = {"crs": CRS, "transform": transform or from_origin(500_000, 5_300_000, 10, 10)}
    form = {"driver": "GTiff", "tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"}
    bands, rows, columns = layers.shape
    with rasterio.open(
        path, "w", count=bands, height=rows, width=columns, dtype=layers.dtype, **{**form, **place, **options}
    ) as file:
        file.write(layers)


def index_scenes(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The table ``idx``: datetime, band and the columns of cog_header."""
    rows = ", ".join(
        f"('{day} 10:10:31+00', '{band}', '{folder}/{day}/{band}.tif')" for day in DAYS for band in BANDS
    )
    con.execute(
        "CREATE TABLE idx AS SELECT datetime::TIMESTAMPTZ AS datetime, band, h.* "
        f"FROM (VALUES {rows}) AS s(datetime, band, path), cog_header(s.path) AS h"
    ).fetchall()
