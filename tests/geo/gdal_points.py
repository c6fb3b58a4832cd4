"""GDALRasterInterpolateAtPoint of GDAL 3.10: rasterio brings the library, and does not offer the function."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path

import pytest
import rasterio

BILINEAR = 1
FOLDERS = ("rasterio.libs/libgdal*", "rasterio/.dylibs/libgdal*")


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    packages = Path(rasterio.__file__).parents[1]
    for path in (path for pattern in FOLDERS for path in packages.glob(pattern)):
        library = ctypes.CDLL(str(path))
        if hasattr(library, "GDALRasterInterpolateAtPoint"):
            library.GDALOpen.restype = library.GDALGetRasterBand.restype = ctypes.c_void_p
            library.GDALAllRegister()
            return library
    return None


def interpolate(path: Path, band: int, pixels: list[tuple[float, float]]) -> list[float | None]:
    """Bilinear values at (column, row) of the first level; None where GDAL has none."""
    library = _library()
    if library is None:
        pytest.skip("this rasterio brings no GDAL 3.10 or later that can be called")
    dataset = ctypes.c_void_p(library.GDALOpen(str(path).encode(), 0))
    handle = ctypes.c_void_p(library.GDALGetRasterBand(dataset, band))
    real = ctypes.c_double()
    found: list[float | None] = []
    for column, row in pixels:
        failed = library.GDALRasterInterpolateAtPoint(
            handle, ctypes.c_double(column), ctypes.c_double(row), BILINEAR, ctypes.byref(real), None
        )
        found.append(None if failed else real.value)
    library.GDALClose(dataset)
    return found
