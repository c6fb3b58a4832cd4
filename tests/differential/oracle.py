"""What GDAL says of a raster, by rasterio: pixels, which of them are valid, and which lie in an area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import WindowError
from rasterio.features import geometry_mask, geometry_window
from rasterio.windows import Window

from tests.differential.case import Array, Raster
from tests.duck.test_random_files import gdal_valid


def whole(dataset: Any) -> Window:
    return Window(0, 0, dataset.width, dataset.height)


def window_of(dataset: Any, shape: Any) -> Window | None:
    """The smallest window of whole pixels over an area; None where they do not overlap."""
    if shapely.is_empty(shape) or _beyond_turn(dataset, shape):
        return None
    try:
        window = geometry_window(dataset, [shape])
    except WindowError:
        return None
    return window if window.width > 0 and window.height > 0 else None


def _beyond_turn(dataset: Any, shape: Any) -> bool:
    """Whether an area is beside a raster past 180 degrees, though a rotated one may leave a window."""
    if not dataset.crs.is_geographic:
        return False
    corners = [(0, 0), (dataset.width, 0), (dataset.width, dataset.height), (0, dataset.height)]
    longitudes = [(dataset.transform @ corner)[0] for corner in corners]
    west, _, east, _ = shapely.bounds(shape)
    return max(longitudes) > 180 and (west > max(longitudes) or east < min(longitudes))


def inside(dataset: Any, shape: Any, window: Window, *, touched: bool) -> Array:
    """Which pixels of a window lie in the area."""
    mask: Array = geometry_mask(
        [shape],
        (window.height, window.width),
        dataset.window_transform(window),
        all_touched=touched,
        invert=True,
    )
    return mask


def valid(dataset: Any, raster: Raster, bands: Sequence[int] | None, window: Window) -> Array:
    """Which pixels count for some bands together."""
    if raster.about.get("mask of bands"):
        numbers = range(1, dataset.count + 1) if bands is None else bands
        return np.any([dataset.read_masks(band, window=window) > 0 for band in numbers], axis=0)
    flags = dataset.mask_flag_enums[0]
    if bands is None and MaskFlags.nodata in flags and ColorInterp.alpha in dataset.colorinterp:
        bands = range(1, dataset.count + 1)  # nodata decides in all of them; dataset_mask would take alpha's
    found: Array = gdal_valid(dataset, None if bands is None else list(bands), window, dict(raster.about))
    return found


def present(dataset: Any, raster: Raster, band: int, window: Window) -> Array:
    """Where a band has a value for expressions: valid and, whatever a mask says, not nodata."""
    there = valid(dataset, raster, [band], window)
    pixels, nodata = read(dataset, [band], window)[0], dataset.nodata
    if nodata is None:
        return there
    if pixels.dtype.kind in "iu":
        limits = np.iinfo(pixels.dtype)
        fits = np.isfinite(nodata) and limits.min <= nodata <= limits.max
        return there & (pixels != int(nodata)) if fits else there
    with np.errstate(all="ignore"):
        value = pixels.dtype.type(nodata)
        same = np.isnan(pixels) if nodata != nodata else np.isclose(pixels, value, rtol=4e-7, atol=0)
    return there & ~same


def read(dataset: Any, bands: Sequence[int] | None, window: Window) -> Array:
    """(bands, rows, columns)."""
    pixels: Array = dataset.read(None if bands is None else list(bands), window=window)
    return pixels


def counted(dataset: Any, raster: Raster, band: int, shape: Any, *, touched: bool) -> Array | None:
    """Values of one band that count in a zone; None where zone and raster do not overlap."""
    window = window_of(dataset, shape)
    if window is None:
        return None
    pixels = read(dataset, [band], window)[0]
    there = valid(dataset, raster, [band], window) & inside(dataset, shape, window, touched=touched)
    values = pixels[there]
    return values[~np.isnan(values)] if values.dtype.kind == "f" else values
