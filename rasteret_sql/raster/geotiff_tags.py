"""The tags that place a raster on Earth and describe its bands, as GDAL writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from rasteret_sql.errors import ArgumentError
from rasteret_sql.tiff.image import GeoKey

# GeoKeys and their values (OGC GeoTIFF 1.1, annex B).
_MODEL_TYPE, _RASTER_TYPE, _CITATION, _GEODETIC_CRS, _PROJECTED_CRS = 1024, 1025, 1026, 2048, 3072
_PROJECTED, _GEOGRAPHIC = 1, 2
_PIXEL_IS_AREA = 1


def geo_keys(crs: int | str | None) -> dict[int, GeoKey]:
    """GeoKeys of an EPSG code (``32632`` or ``'EPSG:32632'``); none for None.

    ``ArgumentError``: no such code, or neither a projected nor a geographic CRS.
    """
    if crs is None:
        return {}
    text = str(crs).upper().removeprefix("EPSG:")
    if not text.isdecimal():
        raise ArgumentError(f"crs {crs!r} of a GeoTIFF to write: expected an EPSG code such as 'EPSG:32632'")
    code = int(text)
    try:
        known = CRS.from_epsg(code)
    except CRSError as e:
        raise ArgumentError(f"crs {crs!r} of a GeoTIFF to write: there is no EPSG code {code}") from e
    keys: dict[int, GeoKey] = {_RASTER_TYPE: _PIXEL_IS_AREA, _CITATION: known.name}
    if known.type_name == "Projected CRS":
        return keys | {_MODEL_TYPE: _PROJECTED, _PROJECTED_CRS: code}
    if known.type_name.startswith("Geographic"):
        return keys | {_MODEL_TYPE: _GEOGRAPHIC, _GEODETIC_CRS: code}
    kind = known.type_name
    raise ArgumentError(
        f"crs {crs!r} of a GeoTIFF to write: a {kind}; expected a projected or geographic one"
    )


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
    if dtype.kind not in "iu":
        return repr(float(nodata))
    limits = np.iinfo(dtype)
    if not limits.min <= nodata <= limits.max or nodata != int(nodata):
        raise ArgumentError(f"nodata {nodata} of {dtype} pixels: expected a whole number they can hold")
    return str(int(nodata))


def band_metadata(band_count: int, columns: Mapping[str, Sequence[Any] | None]) -> str | None:
    """GDAL_METADATA of a role of GDAL's (``description``, ``scale``, ``offset``) to a value for each band.

    None without any. ``ArgumentError``: not one value a band.
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
