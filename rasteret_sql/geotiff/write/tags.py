"""The tags that place a raster on Earth and describe its bands, as GDAL writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.nodata import applies


def model_tags(transform: Sequence[float], *, georeferenced: bool) -> dict[str, Any]:
    """The model tags of an affine a b c d e f, by the names of ``tiff.Image``.

    Pixel scale and tie point for a north-up raster, a matrix for any other; nothing for pixel
    coordinates without a CRS. ``ArgumentError``: not six finite numbers, or they flatten the raster.
    """
    if len(transform) != 6 or not all(isfinite(number) for number in transform):
        raise ArgumentError(f"transform {tuple(transform)}: expected six finite numbers a, b, c, d, e, f")
    a, b, c, d, e, f = (float(number) for number in transform)
    if a * e == b * d:
        raise ArgumentError(f"transform {tuple(transform)}: all pixels lie on one line")
    if (a, b, c, d, e, f) == (1, 0, 0, 0, 1, 0) and not georeferenced:
        return {}
    if a > 0 > e and b == d == 0:
        return {"model_pixel_scale": (a, -e, 0.0), "model_tiepoint": (0.0, 0.0, 0.0, c, f, 0.0)}
    matrix = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    return {"model_transformation": matrix}


def nodata_text(nodata: float, dtype: np.dtype[Any]) -> str:
    """What GDAL_NODATA says. ``ArgumentError``: an integer raster cannot hold the value."""
    if dtype.kind in "iu" and not applies(dtype.name, nodata):
        raise ArgumentError(f"nodata {nodata} of {dtype} pixels: expected a number in their range")
    whole = dtype.kind in "iu" and nodata == int(nodata)
    return str(int(nodata)) if whole else repr(float(nodata))


def band_metadata(band_count: int, columns: Mapping[str, Sequence[Any] | None]) -> str | None:
    """GDAL_METADATA of a role of GDAL's (``description``, ``unittype``, …) to a value for each band.

    None without any. ``ArgumentError``: not one value per band.
    """
    items: list[str] = []
    for role, values in columns.items():
        if values is None:
            continue
        if len(values) != band_count:
            raise ArgumentError(f"{len(values)} values of {role} for {band_count} bands")
        for band, value in enumerate(values):
            if value is not None:
                # GDAL escapes a value once more than XML does, and reads it back so.
                text = escape(escape(value)) if isinstance(value, str) else repr(float(value))
                items.append(f'  <Item name="{role.upper()}" sample="{band}" role="{role}">{text}</Item>\n')
    return f"<GDALMetadata>\n{''.join(items)}</GDALMetadata>\n" if items else None
