"""Random chips, and what rasterio.merge makes of them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.io import MemoryFile
from rasterio.merge import merge

from rasteret_sql.raster.chip import Chip

CORNER = (600_000.0, 5_300_000.0)
SIZE = 10.0
MERGED = ("first", "last", "min", "max", "count")
"""Methods that rasterio.merge has as well."""


def chip_at(x: int, y: int, pixels: npt.NDArray[Any], valid: Any = None, nodata: float | None = None) -> Chip:
    """A chip whose first pixel is ``x`` columns and ``y`` rows from the corner of the common grid."""
    place = (SIZE, 0.0, CORNER[0] + x * SIZE, 0.0, -SIZE, CORNER[1] - y * SIZE)
    return Chip(pixels=pixels, valid=valid, transform=place, crs="EPSG:32632", nodata=nodata)


def random_chips(seed: int, dtype: str) -> list[Chip]:
    """One to six chips of up to 19 pixels a side, apart or over each other; nodata is NaN of floats, else 0.

    A pixel is valid where a band is not nodata, as a chip that was read has it.
    """
    rng = np.random.default_rng(seed)
    bands, made = rng.integers(1, 4), []
    nodata = float("nan") if dtype.startswith("float") else 0.0
    for _ in range(rng.integers(1, 7)):
        pixels = rng.integers(0, 6, (bands, rng.integers(1, 20), rng.integers(1, 20))).astype(dtype)
        nothing = pixels == 0
        pixels[nothing] = nodata
        valid = ~nothing.all(axis=0)
        x, y = rng.integers(-15, 16, 2).tolist()
        made.append(chip_at(x, y, pixels, None if valid.all() else valid, nodata))
    return made


def rasterio_merge(chips: list[Chip], method: str) -> tuple[Any, tuple[float, ...]]:
    """Pixels and affine; ``count`` as whole numbers, of which rasterio writes nodata for none."""
    with ExitStack() as stack:
        files = [stack.enter_context(as_dataset(chip)) for chip in chips]
        pixels, place = merge(files, method=method)
    if method == "count":
        pixels = np.nan_to_num(pixels).astype(np.uint16)
    return pixels, tuple(place)[:6]


class as_dataset:  # noqa: N801 - reads as a verb where it is used
    """A chip as an open file of GDAL's."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def __enter__(self) -> Any:
        bands, rows, columns = self.chip.pixels.shape
        self.memory = MemoryFile()
        with self.memory.open(
            driver="GTiff", width=columns, height=rows, count=bands, dtype=self.chip.pixels.dtype,
            crs=self.chip.crs, nodata=self.chip.nodata, transform=rasterio.Affine(*self.chip.transform),
        ) as dataset:  # fmt: skip
            dataset.write(self.chip.pixels)
        self.dataset = self.memory.open()
        return self.dataset

    def __exit__(self, *error: object) -> None:
        self.dataset.close()
        self.memory.close()
