"""Where a raster lies on the Earth: its CRS, its affine transform, and what its nodata value is."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.tiff.image import Image

Transform = tuple[float, float, float, float, float, float]

RASTER_TYPE: Final = 1025
PIXEL_IS_POINT: Final = 2
FLOAT32_MAX: Final = 3.4028234663852886e38


def crs_of(image: Image) -> str | None:
    """``EPSG:32632`` where the GeoKeys name or equal a code, else WKT2:2019; None without GeoKeys.

    Raises ``UnsupportedError`` naming the projection that cannot be built.
    """
    if not image.geo_keys:
        return None
    from rasteret_sql.cog.crs import crs_text  # PROJ takes 0.1 s to load; many rasters need none

    return crs_text(tuple(sorted(image.geo_keys.items())), image.geo_minor_revision)


def transform_of(image: Image) -> Transform | None:
    """Affine (a b c d e f) from pixel corner to CRS, read as GDAL reads it; None where there is none.

    ModelPixelScale with a tiepoint, else ModelTransformation (OGC GeoTIFF 1.1, clause 7.1.2). Several
    tiepoints without a scale are ground control points, which give no affine. With PixelIsPoint the
    tiepoint is a pixel's centre: half a pixel is taken off. An affine that maps all pixels onto a line
    is none.
    """
    scale, tie, matrix = image.model_pixel_scale, image.model_tiepoint, image.model_transformation
    if scale is not None and len(scale) >= 2 and scale[0] != 0 and scale[1] != 0:
        if tie is None or len(tie) < 6:
            return None
        # A negative y scale is a common slip of writers; GDAL takes such a file as north-up too.
        a, b, d, e = scale[0], 0.0, 0.0, -abs(scale[1])
        c, f = tie[3] - tie[0] * a, tie[4] - tie[1] * e
    elif matrix is not None and len(matrix) == 16:
        a, b, c = matrix[0], matrix[1], matrix[3]
        d, e, f = matrix[4], matrix[5], matrix[7]
    else:
        return None
    if image.geo_keys.get(RASTER_TYPE) == PIXEL_IS_POINT:
        c, f = c - (a + b) / 2, f - (d + e) / 2
    if not all(map(math.isfinite, (a, b, c, d, e, f))):
        raise MalformedError(f"the affine of the georeference tags is {(a, b, c, d, e, f)}: not finite")
    return None if a * e == b * d else (a, b, c, d, e, f)


def nodata_of(image: Image) -> float | None:
    """GDAL_NODATA as GDAL reads its text: a number, ``nan`` or ``inf``, in the range of the dtype or not.

    For float32 the value is the float32 nearest to the text, which is what pixels hold.

    Raises ``MalformedError`` for text that is no number, and ``UnsupportedError`` for a value of 64-bit
    integers that a float64 does not hold.
    """
    text = (image.gdal_nodata or "").strip()
    if not text:
        return None
    if image.dtype in ("int64", "uint64") and re.fullmatch(r"[+-]?\d{1,40}", text):
        if float(text) != int(text):
            raise UnsupportedError(f"GDAL_NODATA is {text}, which no 64-bit float holds exactly")
        return float(text)
    match = re.fullmatch(r"([+-]?)(?:1\.#)?(nan|inf|infinity|qnan|snan|ind)(?:\(.*\))?", text, re.IGNORECASE)
    if match:
        text = match[1] + ("inf" if match[2].lower().startswith("inf") else "nan")
    try:
        value = float(text)
    except ValueError as error:
        raise MalformedError(f"GDAL_NODATA is {text!r} where a number was expected") from error
    if image.dtype != "float32":
        return value
    # Writers print the largest float32 with too few or too many digits.
    if abs(abs(value) - FLOAT32_MAX) < 1e-10 * FLOAT32_MAX:
        return math.copysign(FLOAT32_MAX, value)
    return value if abs(value) > FLOAT32_MAX else float(np.float32(value))
