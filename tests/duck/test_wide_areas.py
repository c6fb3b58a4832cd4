"""Areas as wide as the globe, around poles or out of sight: PROJ says of every pixel whether it is inside."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import from_origin

M = 20037508.342789244
SINUSOIDAL = "+proj=sinu +R=6371007.181 +units=m"
GOES = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80 +units=m"
ORTHO = "+proj=ortho +lat_0=40 +lon_0=10 +R=6371000 +units=m"
RASTERS: dict[str, tuple[str, Any, int, int]] = {
    "a world in degrees": ("EPSG:4326", from_origin(-180, 90, 1, 1), 360, 180),
    "a world from 0": ("EPSG:4326", from_origin(0, 90, 1, 1), 360, 180),
    "a scene": ("EPSG:32632", from_origin(300000, 5600000, 1000, 1000), 100, 100),
    "the north": ("EPSG:3413", from_origin(-3.9e6, 4.01e6, 50000, 50000), 160, 160),
    "Mercator": ("EPSG:3857", from_origin(-M, M, M / 128, M / 128), 256, 256),
    "the Arctic": ("EPSG:6931", from_origin(-9e6, 9e6, 50000, 50000), 360, 360),
    "a disk": (GOES, from_origin(-5434894, 5434894, 40109, 40109), 271, 271),
    "half a globe": (ORTHO, from_origin(-6.4e6, 6.4e6, 64000, 64000), 200, 200),
}
AREAS: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "tile 0/0/0": ("EPSG:3857", (-M, -M, M, M)),
    "190 degrees": ("EPSG:3857", (-M, 0, 1113194.9, 1118889.97)),
    "an equal-area world": ("EPSG:6933", (-17367530.45, -7314540.83, 17367530.45, 7314540.83)),
    "an equal-earth world": ("EPSG:8857", (-17243959, -8392927.6, 17243959, 8392927.6)),
    "Mollweide": ("ESRI:54009", (-18040095.7, -9020047.85, 18040095.7, 9020047.85)),
    "half of Mollweide": ("ESRI:54009", (0, 0, 18040095.7, 9020047.85)),
    "MODIS": (SINUSOIDAL, (-20015109.354, -10007554.677, 20015109.354, 10007554.677)),
    "a polar box": ("EPSG:3413", (-4194304, -4194304, 4194304, 4194304)),
    "the South Pole": ("EPSG:3031", (-2e6, -2e6, 2e6, 2e6)),
    "beside the pole": ("EPSG:3031", (-3e6, 1e5, 2e6, 3e6)),
    "Brazil": ("OGC:CRS84", (-70, -20, -45, -1)),
    "Greenland": ("OGC:CRS84", (-70, 60, -20, 85)),
    "Australia": ("OGC:CRS84", (114, -40, 150, -12)),
    "the world": ("OGC:CRS84", (-180, -90, 180, 90)),
}


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, paths = tmp_path_factory.mktemp("wide"), {}
    for number, (name, (crs, transform, width, height)) in enumerate(RASTERS.items()):
        paths[name] = str(folder / f"{number}.tif")
        with rasterio.open(
            paths[name], "w", driver="GTiff", width=width, height=height, count=1, dtype="uint8", crs=crs,
            transform=transform,
        ) as file:  # fmt: skip
            file.write(np.ones((1, height, width), np.uint8))
    return paths


def inside(raster: str, area: str) -> tuple[int, int]:
    """How many pixel centres lie in the box, and how many have a neighbour for which it is otherwise."""
    crs, transform, width, height = RASTERS[raster]
    system, (xmin, ymin, xmax, ymax) = AREAS[area]
    x, y = transform * np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    lonlat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    x, y = lonlat.transform(x, y)
    there = pyproj.Transformer.from_crs("OGC:CRS84", system, always_xy=True)
    x, y = there.transform(x, y)
    if system == "OGC:CRS84":
        x = np.where(np.isfinite(x), (np.nan_to_num(x, posinf=0) + 180) % 360 - 180, np.inf)
    within = (x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax)
    rim = np.zeros_like(within)
    for axis in (0, 1):
        differ = np.diff(within, axis=axis)
        rim[tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))] |= differ
    return int(within.sum()), int(rim.sum())


@pytest.mark.filterwarnings("ignore::rasteret_sql.errors.RasteretWarning")  # out of sight
@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("raster", RASTERS)
def test_pixels_inside_are_those_that_proj_places_inside(
    con: duckdb.DuckDBPyConnection, rasters: dict[str, str], raster: str, area: str
) -> None:
    system, box = AREAS[area]
    true, rim = inside(raster, area)
    sql = "SELECT RS_ZonalStats($1, $2::DOUBLE[4], 'pixels', aoi_crs := $3)"
    row = con.execute(sql, [rasters[raster], list(box), system]).fetchone()
    assert row is not None
    # only pixels along the edge of the area may fall to either side, and those at the tips of the sinusoid
    tips = 60 if area == "MODIS" else 3
    assert abs((row[0] or 0) - true) <= max(tips, 0.05 * rim)
