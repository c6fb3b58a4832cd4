"""Where a raster lies on the Earth: its CRS, its affine transform, and what its nodata value is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.geotiff.gdal_nodata import read_nodata
from rasteret_sql.geotiff.header import GroundControlPoint
from rasteret_sql.tiff.image import Image

Transform = tuple[float, float, float, float, float, float]

RASTER_TYPE: Final = 1025
PIXEL_IS_POINT: Final = 2


@dataclass(frozen=True, kw_only=True)
class Georeference:
    """Where the pixels of an image lie."""

    transform: Transform | None = None
    """None where there is none; then there may be ground control points."""
    crs: str | None = None
    """Of the transform."""
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: str | None = None
    note: str | None = None
    """What of the tags cannot be made out, and so is left out; the pixels are the same without."""


def georeference_of(image: Image) -> Georeference:
    """Where an image lies. What contradicts itself or is incomplete is left out, and the note says so."""
    transform, notes = None, [] if image.geo_keys_problem is None else [image.geo_keys_problem]
    try:
        transform = transform_of(image)
        if transform is None and image.model_pixel_scale is not None and image.model_tiepoint is None:
            notes.append("ModelPixelScale (33550) without ModelTiepoint (33922) places nothing")
    except MalformedError as error:
        notes.append(str(error))
    gcps = gcps_of(image) if transform is None else ()
    crs = None
    if transform is not None or gcps:
        try:
            crs = crs_of(image)
        except (UnsupportedError, MalformedError) as error:
            notes.append(str(error))
    placed = transform is not None
    return Georeference(
        transform=transform,
        crs=crs if placed else None,
        gcps=gcps,
        gcps_crs=None if placed else crs,
        note="; ".join(notes) or None,
    )


def crs_of(image: Image) -> str | None:
    """``EPSG:32632`` where the GeoKeys name or equal a code, else WKT2:2019; None without GeoKeys.

    Raises ``UnsupportedError`` naming the projection that cannot be built.
    """
    if not image.geo_keys:
        return None
    from rasteret_sql.geotiff.georef.crs import crs_text  # PROJ takes 0.1 s to load; many rasters need none

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
    w, h = image.width, image.height
    corners = (c, f, c + a * w, c + b * h, c + a * w + b * h, f + d * w, f + e * h, f + d * w + e * h)
    if not all(map(math.isfinite, (a, b, d, e, *corners))):
        raise MalformedError(
            f"the affine of the georeference tags is {(a, b, c, d, e, f)}: "
            "the corners of the image are not finite"
        )
    return None if a * e == b * d else (a, b, c, d, e, f)


def gcps_of(image: Image) -> tuple[GroundControlPoint, ...]:
    """The tiepoints as ground control points, read as GDAL reads them; for a raster without an affine.

    With PixelIsPoint a tiepoint is a pixel's centre: half a pixel is added.
    """
    tie = image.model_tiepoint or ()
    half = 0.5 if image.geo_keys.get(RASTER_TYPE) == PIXEL_IS_POINT else 0.0
    return tuple(
        GroundControlPoint(col=col + half, row=row + half, x=x, y=y, z=z)
        for col, row, _, x, y, z in (tie[i : i + 6] for i in range(0, len(tie) - 5, 6))
    )


def nodata_of(image: Image) -> float | None:
    """GDAL_NODATA as GDAL reads its text, in the range of the dtype or not; None where there is none.

    Raises ``UnsupportedError`` for a value of 64-bit integers that a float64 does not hold.
    """
    return read_nodata(image.gdal_nodata, image.dtype)
