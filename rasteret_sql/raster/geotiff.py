"""A chip as a Cloud-Optimized GeoTIFF that readers take for the same chip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.cog.header import Header
from rasteret_sql.raster.cog_writer import write_cog
from rasteret_sql.raster.nodata import applies, is_nodata
from rasteret_sql.raster.pixels import Chip

LARGEST_TILE = 512


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How a GeoTIFF is stored; the names and meanings of ``write_cog``."""

    compression: str = "deflate"
    level: int | None = None
    tile_size: int | None = None
    """None: 512, or what holds a smaller chip."""
    overviews: int | str = "auto"
    resampling: str = "nearest"


def geotiff(chip: Chip, storage: Storage, header: Header | None = None) -> bytes:
    """The file. Names, scales, offsets and colour table of the bands come from ``header``, where it is known.

    An internal mask is written where nodata alone would not tell which pixels are valid.
    """
    longest = max(chip.pixels.shape[1:])
    nodata = _nodata(chip)
    return write_cog(
        chip.pixels,
        transform=chip.transform,
        crs=chip.crs,
        nodata=nodata,
        mask=_mask(chip, nodata),
        tile_size=storage.tile_size or min(LARGEST_TILE, -(-longest // 16) * 16),
        compression=storage.compression,
        level=storage.level,
        overviews=storage.overviews,
        resampling=storage.resampling,
        **({} if header is None else _described(chip, header)),
    )


def _nodata(chip: Chip) -> float | None:
    """Nodata as the file can state it: none that no pixel can have, whole for integers."""
    if chip.nodata is None or not applies(chip.pixels.dtype.name, chip.nodata):
        return None
    return float(math.trunc(chip.nodata)) if chip.pixels.dtype.kind in "iu" else chip.nodata


def _mask(chip: Chip, nodata: float | None) -> npt.NDArray[np.bool_] | None:
    """What is valid, where it is not what nodata says: a pixel is missing that is nodata in every band."""
    valid = np.ones(chip.pixels.shape[1:], np.bool_) if chip.valid is None else chip.valid
    nothing = is_nodata(chip.pixels, nodata)
    told = np.ones_like(valid) if nothing is None else ~nothing.all(axis=0)
    return None if (valid == told).all() else valid


def _described(chip: Chip, header: Header) -> dict[str, Any]:
    """What a file says of its bands, for those of the chip."""
    numbers = [band - 1 for band in chip.bands]

    def of(values: tuple[Any, ...] | None) -> list[Any] | None:
        return None if values is None else [values[number] for number in numbers]

    return {
        "band_names": of(header.band_names),
        "scales": of(header.scales),
        "offsets": of(header.offsets),
        "colormap": header.colormap if len(chip.pixels) == 1 else None,
    }
