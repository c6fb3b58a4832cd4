"""The grid of a cube where none is asked for: the pixels that its rasters have themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.crs import LONLAT, transformer, utm_zone
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Window, window_transform
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.read.plan import DENSIFY, pixel_tolerance
from rasteret_sql.raster.warp.align import same_place
from rasteret_sql.raster.warp.target import area_in_crs

ON_LINE = 1e-6
"""Of a pixel: grids whose lines are no further apart are the same."""


def common_crs(headers: Sequence[Header]) -> str | None:
    """The CRS of all rasters; None where they have several."""
    first = headers[0].crs
    others = {header.crs for header in headers}
    return first if all(same_place(first, other) for other in others) else None


def zone_of(area: Aoi | None) -> str:
    """The UTM zone of the middle of an area."""
    if area is None:
        raise ArgumentError("the rasters lie in several CRSs, and there is no area: give crs :=")
    bounds = shapely.bounds(area_in_crs(shapely.to_wkb(area.geometry), area.crs, LONLAT, None)).tolist()
    if not np.isfinite(bounds).all():
        raise ArgumentError(
            f"the rasters lie in several CRSs, and the area has no longitudes in CRS {shorten(area.crs)}: "
            "give crs :="
        )
    west, south, east, north = bounds
    return utm_zone((west + east) / 2, (south + north) / 2)


def own_grid(raster: Grid, area: Aoi | None) -> tuple[Grid, shapely.Geometry | None]:
    """The raster's own pixels over the bounds of an area, beyond the raster too; and the area in its CRS.

    The window is that of ``geometry_window``, which is clipped to the raster.
    """
    if area is None:
        return raster, None
    crs = raster.known_crs
    require_on_globe(area, crs, raster.transform, raster.height)
    pixel = pixel_tolerance(raster.transform) * DENSIFY
    geometry = area_in_crs(shapely.to_wkb(area.geometry), area.crs, crs, pixel)
    a, b, c, d, e, f = invert(raster.transform)
    x, y = shapely.get_coordinates(geometry).T
    columns, rows = x * a + y * b + c, x * d + y * e + f
    if not (columns.size and np.isfinite(columns).all() and np.isfinite(rows).all()):
        raise ArgumentError(f"the area has no image in CRS {shorten(crs)}")
    (left, width), (top, height) = _span(columns.min(), columns.max()), _span(rows.min(), rows.max())
    window = Window(x_off=left, y_off=top, width=width, height=height)
    transform = window_transform(raster.transform, window)
    return Grid(crs=crs, transform=transform, width=width, height=height), geometry


def _span(low: float, high: float) -> tuple[int, int]:
    first = math.floor(low)
    return first, max(math.ceil(high) - first, 1)


def own_pixels(header: Header, target: Grid) -> tuple[int, Window | None] | None:
    """The level of a raster whose own pixels are those of the target, and their window in it.

    Without a window where some of the target lies beside the raster; None where no level has these pixels.
    """
    if not same_place(header.crs, target.crs):
        return None
    a, b, c, d, e, f = target.transform
    for number, level in header.choices:
        own = header.level_transform(number)
        if (own[0], own[1], own[3], own[4]) != (a, b, d, e):
            continue
        A, B, C, D, E, F = invert(own)
        column, row = c * A + f * B + C, c * D + f * E + F
        x, y = round(column), round(row)
        if max(abs(column - x), abs(row - y)) > ON_LINE:
            continue
        inside = x >= 0 and x + target.width <= level.width and y >= 0 and y + target.height <= level.height
        window = Window(x_off=x, y_off=y, width=target.width, height=target.height)
        return number, window if inside else None
    return None


def centre_longitude(grid: Grid) -> float:
    """Of the middle of a grid."""
    a, b, c, d, e, f = grid.transform
    x, y = grid.width / 2, grid.height / 2
    across, down = c + x * a + y * b, f + x * d + y * e
    to_degrees = transformer(grid.known_crs, LONLAT)
    return float(across if to_degrees is None else to_degrees.transform(across, down)[0])
