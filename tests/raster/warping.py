"""GDAL's warper with an exact transformation, and the pairs of grids on which it is compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT

from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.raster.warp.resample import filter_scale
from rasteret_sql.raster.warp.warp import warp

Pixels = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

EXACT = 1e-7
"""Pixels by which GDAL may approximate the transformation; its default is 0.125."""


def texture(rows: int, columns: int, dtype: str = "float64", bands: int = 1, seed: int = 0) -> Pixels:
    """Waves with noise, (bands, rows, columns), within 0 to 250."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    waves = [120 + 60 * np.sin(x / (7 + b)) + 40 * np.cos(y / 9) for b in range(bands)]
    return (np.stack(waves) + rng.uniform(-20, 20, (bands, rows, columns))).astype(dtype)


def gdal_warp(
    pixels: Pixels, source: Grid, target: Grid, resampling: str, nodata: float | None = None
) -> tuple[Pixels, Bools]:
    """Values and mask of rasterio's WarpedVRT; the scale of filters is ours, GDAL's depends on its chunks."""
    steps = Mapping(target=target, source=source).scales()
    scales = [1 / step if step < 1 else filter_scale(step) for step in steps]
    extra: dict[str, Any] = dict(zip(("XSCALE", "YSCALE"), map(repr, scales), strict=True))
    if resampling == "nearest":
        extra = {}
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(pixels), "height": source.height, "width": source.width,
        "dtype": pixels.dtype.name, "crs": source.crs, "transform": Affine(*source.transform),
        "nodata": nodata,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels)
        with (
            memory.open() as dataset,
            WarpedVRT(
                dataset,
                crs=target.crs,
                transform=Affine(*target.transform),
                width=target.width,
                height=target.height,
                resampling=Resampling[resampling],
                tolerance=EXACT,
                add_alpha=nodata is None,
                **extra,
            ) as warped,
        ):
            found = warped.read()
    if nodata is None:
        return found[:-1], found[-1] > 0
    return found, (found != nodata).any(axis=0)


def our_warp(
    pixels: Pixels, source: Grid, target: Grid, resampling: str, nodata: float | None = None
) -> tuple[Pixels, Bools]:
    """The same by this package."""
    valid = None if nodata is None else (pixels != nodata).any(axis=0)
    out = np.empty((len(pixels), target.height, target.width), pixels.dtype)
    mapping = Mapping(target=target, source=source)
    return out, warp(pixels, valid, mapping, out=out, resampling=resampling, nodata=nodata)


def places(target: Grid, source: Grid, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Places of the target in the source, by pyproj and the affines alone."""
    x, y = Affine(*target.transform) * (columns, rows)
    if target.crs != source.crs:
        shape = x.shape
        there = Transformer.from_crs(target.crs, source.crs, always_xy=True)
        x, y = (side.reshape(shape) for side in there.transform(x.ravel(), y.ravel()))
    with np.errstate(invalid="ignore"):  # infinite where there is no image
        column, row = ~Affine(*source.transform) * (x, y)
    return column, row


def on_an_edge(target: Grid, source: Grid, *, within: float = 1e-6) -> Bools:
    """Target pixels whose centre looks at the edge between two source pixels, where rounding decides."""
    columns, rows = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    with np.errstate(invalid="ignore"):
        near = [abs(at - np.round(at)) < within for at in places(target, source, columns, rows)]
    return near[0] | near[1]


def at_the_rim(target: Grid, source: Grid) -> Bools:
    """Target pixels that reach beyond the source.

    There GDAL's average weights the first column and row too much, and it finds pixels to the left of the
    source, or above it, that only touch it.
    """
    columns, rows = np.meshgrid(np.arange(target.width + 1.0), np.arange(target.height + 1.0))
    x, y = places(target, source, columns, rows)
    out = ~((x >= -1e-6) & (y >= -1e-6) & (x <= source.width + 1e-6) & (y <= source.height + 1e-6))
    rim: Bools = out[1:, 1:] | out[:-1, :-1]
    return rim


def around(crs: str, source: Grid, pixel: float) -> Grid:
    """A grid of ``pixel`` over all of a source and a little more."""
    columns, rows = np.meshgrid(np.linspace(0, source.width, 9), np.linspace(0, source.height, 9))
    there = Transformer.from_crs(source.crs, crs, always_xy=True)
    x, y = there.transform(*(Affine(*source.transform) * (columns.ravel(), rows.ravel())))
    left, top = math.floor(x.min() / pixel) - 2, math.ceil(y.max() / pixel) + 2
    width, height = math.ceil(x.max() / pixel) + 2 - left, top - math.floor(y.min() / pixel) + 2
    return Grid(
        crs=crs, transform=(pixel, 0.0, left * pixel, 0.0, -pixel, top * pixel), width=width, height=height
    )


def turned(degrees: float, pixel: float = 10.0) -> tuple[float, float, float, float, float, float]:
    """An affine of UTM, turned about its first corner."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (pixel * c, pixel * s, 600_000.0, pixel * s, -pixel * c, 5_300_000.0)


UTM_32 = Grid(
    crs="EPSG:32632", transform=(10.0, 0.0, 600_000.0, 0.0, -10.0, 5_300_000.0), width=180, height=160
)
DEGREES = Grid(crs="EPSG:4326", transform=(0.001, 0.0, 8.5, 0.0, -0.001, 47.8), width=180, height=160)
GLOBE = Grid(crs="EPSG:4326", transform=(1.0, 0.0, -180.0, 0.0, -1.0, 90.0), width=360, height=180)
SINUSOIDAL = Grid(
    crs="+proj=sinu +lon_0=0 +R=6371007.181 +units=m",
    transform=(463.3127, 0.0, -1_111_950.0, 0.0, -463.3127, 5_559_752.0), width=180, height=160,
)  # fmt: skip
SOUTH_UP = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 6e5, 0.0, 10.0, 5.3e6), width=180, height=160)
TURNED = Grid(crs="EPSG:32632", transform=turned(7), width=180, height=160)
UTM_60 = Grid(crs="EPSG:32660", transform=(30.0, 0.0, 815_000.0, 0.0, -30.0, 2e6), width=180, height=160)

PAIRS = {
    "next zone": (UTM_32, around("EPSG:32633", UTM_32, 10.0)),
    "next zone, coarser": (UTM_32, around("EPSG:32633", UTM_32, 23.7)),
    "next zone, finer": (UTM_32, around("EPSG:32633", UTM_32, 4.0)),
    "to degrees": (UTM_32, around("EPSG:4326", UTM_32, 0.0001)),
    "to web mercator": (UTM_32, around("EPSG:3857", UTM_32, 30.0)),
    "twice as coarse": (UTM_32, around("EPSG:32632", UTM_32, 20.0)),
    "by 2.5 pixels": (UTM_32, around("EPSG:32632", UTM_32, 25.0)),
    "of degrees": (DEGREES, around("EPSG:32632", DEGREES, 70.0)),
    "of degrees, coarser": (DEGREES, around("EPSG:3035", DEGREES, 400.0)),
    "south up": (SOUTH_UP, around("EPSG:32633", SOUTH_UP, 15.0)),
    "turned by 7 degrees": (TURNED, around("EPSG:32632", TURNED, 13.0)),
    "sinusoidal": (SINUSOIDAL, around("EPSG:4326", SINUSOIDAL, 0.005)),
    "zone 60 past 180 degrees": (
        UTM_60,
        Grid(crs="EPSG:4326", transform=(3e-4, 0.0, 179.97, 0.0, -3e-4, 18.09), width=190, height=170),
    ),
    "globe to zone 1": (
        GLOBE,
        Grid(crs="EPSG:32601", transform=(2e4, 0.0, -6e5, 0.0, -2e4, 3e6), width=90, height=110),
    ),
    "globe to a disk": (
        GLOBE,
        Grid(
            crs="+proj=ortho +lat_0=45 +lon_0=10", transform=(1e5, 0, -7e6, 0, -1e5, 7e6),
            width=140, height=140,
        ),
    ),
    "globe to the pole": (
        GLOBE,
        Grid(crs="EPSG:3413", transform=(7e4, 0, -3_850_000, 0, -7e4, 5_850_000), width=110, height=150),
    ),
}  # fmt: skip


def outline_shares(target: Grid, source: Grid, column: int, row: int) -> Floats:
    """The part of each source pixel inside the outline of one target pixel, by shapely: (rows, columns)."""
    x, y = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    outline = shapely.Polygon(np.column_stack(places(target, source, column + x, row + y)))
    x, y = np.meshgrid(np.arange(float(source.width)), np.arange(float(source.height)))
    shares: Floats = shapely.area(shapely.intersection(shapely.box(x, y, x + 1, y + 1), outline))
    return shares


def distances_from_samples(
    pixels: Pixels, source: Grid, target: Grid, resampling: str, side: int = 12
) -> tuple[float, float]:
    """How far our values, and GDAL's, are from those of ``side`` by ``side`` points in each target pixel.

    Means of the differences; of the mode, the share of pixels with another one. Pixels that reach beyond the
    source are left out.
    """
    steps = [(np.arange(size * side) + 0.5) / side for size in (target.width, target.height)]
    column, row = places(target, source, *np.meshgrid(*steps))
    inside = (column >= 0) & (row >= 0) & (column < source.width) & (row < source.height)
    samples = pixels[0][np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)]

    def by_pixel(values: Any) -> Any:
        parts = values.reshape(target.height, side, target.width, side).swapaxes(1, 2)
        return parts.reshape(target.height, target.width, side * side)

    samples, whole = by_pixel(samples), by_pixel(inside).all(axis=2)
    values = np.unique(pixels)
    truth = {
        "average": lambda: samples.mean(axis=2),
        "min": lambda: samples.min(axis=2),
        "max": lambda: samples.max(axis=2),
        "mode": lambda: values[np.stack([(samples == v).sum(axis=2) for v in values]).argmax(axis=0)],
    }[resampling]()
    apart = []
    for found in (our_warp, gdal_warp):
        answer = found(pixels, source, target, resampling)[0][0].astype(float)
        gap = np.abs(answer - truth) if resampling != "mode" else answer != truth
        apart.append(float(gap[whole].mean()))
    return apart[0], apart[1]


POLAR = Grid(crs="EPSG:3031", transform=(1000.0, 0.0, -1e6, 0.0, -1000.0, 1e6), width=200, height=200)
ARCTIC = Grid(crs="EPSG:3413", transform=(1000.0, 0.0, 8e5, 0.0, -1000.0, -8e5), width=200, height=200)
OBLIQUE = "+proj=omerc +lat_0=47 +lonc=9 +alpha=30 +gamma=0 +datum=WGS84"


def within(crs: str, source: Grid, pixel: float) -> Grid:
    """A grid of ``pixel`` over the middle of a source."""
    whole = around(crs, source, pixel)
    a, _, c, _, e, f = whole.transform
    left, top = whole.width // 3, whole.height // 3
    return Grid(
        crs=crs,
        transform=(a, 0.0, c + left * a, 0.0, e, f + top * e),
        width=max(1, min(40, whole.width // 3)),
        height=max(1, min(40, whole.height // 3)),
    )


TURNED_PAIRS = {
    f"{name} at {size:g}": (source, within(crs, source, size))
    for name, source, crs, sizes in (
        ("the Antarctic to a zone", POLAR, "EPSG:32726", (700, 1000, 2500, 5000)),
        ("the Arctic to a zone", ARCTIC, "EPSG:32631", (1000, 2500)),
        ("a zone to an oblique grid", UTM_32, OBLIQUE, (8, 13, 31)),
    )
    for size in sizes
}
"""Grids that run at more than 15 degrees to each other."""
