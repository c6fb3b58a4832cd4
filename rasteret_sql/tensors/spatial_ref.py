"""Where pixels lie, in the words of CF and of GDAL, which rioxarray and odc-geo read."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyproj.exceptions import CRSError

from rasteret_sql.arrays import Floats
from rasteret_sql.geo.crs import parse_crs
from rasteret_sql.geo.window import Affine

SPATIAL_REF = "spatial_ref"
"""Name of the coordinate: rioxarray's and odc-geo's default."""


def grid_mapping(crs: str | None, transform: Affine) -> dict[str, Any]:
    """Attributes of the coordinate ``spatial_ref``: CF's grid mapping, GDAL's WKT and geotransform."""
    a, b, c, d, e, f = transform
    attributes: dict[str, Any] = {}
    if crs is not None:
        known = parse_crs(crs)
        attributes = {**known.to_cf(), "crs_wkt": known.to_wkt()}
        try:
            attributes[SPATIAL_REF] = known.to_wkt("WKT1_GDAL")
        except CRSError:  # what only WKT 2 can say
            attributes[SPATIAL_REF] = attributes["crs_wkt"]
    return {**attributes, "GeoTransform": " ".join(repr(float(number)) for number in (c, a, b, f, d, e))}


def axes(crs: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """CF's attributes of x and of y."""
    x: dict[str, Any] = {"axis": "X"}
    y: dict[str, Any] = {"axis": "Y"}
    for axis in [] if crs is None else parse_crs(crs).cs_to_cf():
        if axis.get("axis") == "X" or axis.get("standard_name") == "longitude":
            x |= axis
        elif axis.get("axis") == "Y" or axis.get("standard_name") == "latitude":
            y |= axis
    return x, y


def is_upright(transform: Affine) -> bool:
    """Columns run along x, and rows along y."""
    return transform[1] == 0 and transform[3] == 0


def centres(transform: Affine, columns: int, rows: int) -> tuple[Floats, Floats]:
    """x and y of the centres of pixels: one for each column and row, or of a turned grid (rows, columns)."""
    a, b, c, d, e, f = transform
    column: Floats = np.arange(columns, dtype=np.float64) + 0.5
    row: Floats = np.arange(rows, dtype=np.float64) + 0.5
    if is_upright(transform):
        return c + a * column, f + e * row
    across, down = np.meshgrid(column, row)
    return c + a * across + b * down, f + d * across + e * down
