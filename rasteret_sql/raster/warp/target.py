"""Target grids: where the pixels of an answer lie when a CRS, a resolution or a size is requested."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.crs import is_degrees, parse_crs, transformer, turn_of
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.extent import bounds_of, lattice_in
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.reprojection.reproject import project
from rasteret_sql.geo.turns import shifted, union
from rasteret_sql.geo.window import Affine, Window, window_bounds, window_transform

ON_LINE = 1e-6
"""Pixels by which an area may exceed a grid line and still end there: coordinates that were projected."""
COUNTABLE = 2.0**53
"""Pixels from the origin of a CRS up to which float64 tells neighbours apart."""
REMEMBERED = 128
"""Areas that stay projected."""
LARGEST = 2**31 - 1
"""Columns or rows of a grid."""
DENSIFY = 8
"""An area's edge stays within this fraction of a target pixel (1 / 8) of the true curve."""


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """What is asked of a target grid; what is left out comes from the raster."""

    crs: str | None = None
    resolution: float | None = None
    """Units of the CRS; the grid's lines are whole multiples of it, so that chips of any scene stack."""
    size: tuple[int, int] | None = None
    """Columns and rows: around the middle of the area with a resolution, and around a point; else fitted to
    the bounds of the area."""


def grid_for(request: GridRequest, area: Aoi | None, raster: Grid, name: str) -> tuple[Grid, Any | None]:
    """The target grid over an area (None: all of the raster), and the area in the grid's CRS.

    ArgumentError where the request leaves the grid open, or the area has no image in the CRS.
    """
    crs = request.crs or raster.known_crs
    parse_crs(crs)
    resolution = request.resolution
    if resolution is not None and not (resolution > 0 and math.isfinite(resolution)):
        raise ArgumentError(f"resolution := {resolution:g}: expected a pixel size greater than 0")
    if resolution is None and request.size is None:
        resolution = _resolution_of(raster, crs, name)
    if area is None:
        geometry, bounds = None, bounds_of(raster, crs, name)
    else:
        require_on_globe(area, raster.known_crs, raster.transform, raster.height)
        geometry = area_in_crs(shapely.to_wkb(area.geometry), area.crs, crs, resolution)
        bounds = tuple(shapely.bounds(geometry).tolist())
        if not np.isfinite(bounds).all():
            raise ArgumentError(f"the area has no image in CRS {shorten(crs)}")
    if resolution is None:
        assert request.size is not None
        if bounds[:2] == bounds[2:]:
            return _around(raster, crs, bounds[:2], request.size, name), geometry
        return _fitted(crs, bounds, request.size), geometry
    if request.size is None:
        _require_fine(resolution, crs, bounds, "the area" if area is not None else name)
    return _aligned(crs, bounds, resolution, request.size), geometry


def _resolution_of(raster: Grid, crs: str, name: str) -> float:
    """The raster's own, where the CRS counts in the same unit."""
    own, other = parse_crs(raster.known_crs), parse_crs(crs)
    units = [(c.is_geographic, c.axis_info[0].unit_conversion_factor) for c in (own, other)]
    if units[0] != units[1]:
        raise ArgumentError(
            f"{name} counts in {own.axis_info[0].unit_name} and crs := '{shorten(crs)}' in "
            f"{other.axis_info[0].unit_name}: give resolution := or size := too"
        )
    a, b, _, d, e, _ = raster.transform
    return math.sqrt(abs(a * e - b * d))


@lru_cache(REMEMBERED)
def area_in_crs(wkb: bytes, area_crs: str, crs: str, resolution: float | None) -> Any:
    """An area in another CRS, in one piece; a join repeats it for every raster.

    ``resolution``: the size of the pixels that its edges are followed for; None: it is not known yet.
    """
    area = Aoi(geometry=shapely.from_wkb(wkb), crs=area_crs)
    if resolution is None:  # a thousandth of the area, whose size in the CRS is not known yet
        rough = project(area, crs, tolerance=1.0 if is_degrees(crs) else 1e5)
        xmin, ymin, xmax, ymax = shapely.bounds(rough).tolist()
        return _unwrapped(project(area, crs, tolerance=max(xmax - xmin, ymax - ymin, 1e-9) / 1000), crs)
    finest = 1e-9 if is_degrees(crs) else 1e-4  # a tenth of a millimetre
    return _unwrapped(project(area, crs, tolerance=max(resolution / DENSIFY, finest)), crs)


def _unwrapped(geometry: Any, crs: str) -> Any:
    """An area that was cut at the antimeridian in one piece, its longitudes past 180."""
    turn = turn_of(crs)
    if turn is None:
        return geometry
    xmin, _, xmax, _ = shapely.bounds(geometry).tolist()
    if not xmax - xmin > turn / 2:
        return geometry
    parts = shapely.get_parts(geometry)
    west, _, east, _ = shapely.bounds(parts).T
    moved = np.where(east <= 0, turn, 0.0)
    if float((east + moved).max() - (west + moved).min()) >= xmax - xmin:
        return geometry
    return union([shifted(part, by) for part, by in zip(parts, moved.tolist(), strict=True)])


def suggested(raster: Grid, crs: str, name: str) -> Grid:
    """The grid of GDAL's ``GDALSuggestedWarpOutput2``: as many pixels along the diagonal, square ones.

    GDAL rounds the numbers of columns and rows, and may cut off half a pixel. Around half of the globe,
    where a pixel of the grid may be several of the raster, the last column and row cover the rest.
    """
    xmin, ymin, xmax, ymax = bounds_of(raster, crs, name)
    if transformer(raster.known_crs, crs) is None and raster.transform[1] == raster.transform[3] == 0:
        return Grid(crs=crs, transform=raster.transform, width=raster.width, height=raster.height)
    x, y = lattice_in(raster, crs)
    across, down = x[-1] - x[0], y[-1] - y[0]
    if not np.isfinite([across, down]).all() or not across or not down or abs(across) > xmax - xmin + 1:
        across, down = xmax - xmin, ymax - ymin
    pixel = math.hypot(across, down) / math.hypot(raster.width, raster.height)
    wide = _is_wide(raster.bounds, raster.known_crs) or _is_wide((xmin, ymin, xmax, ymax), crs)
    part = 1 - ON_LINE if wide else 0.5
    width, height = (max(1, int(side / pixel + part)) for side in (xmax - xmin, ymax - ymin))
    _require_size(width, height, crs)
    return Grid(crs=crs, transform=(pixel, 0.0, xmin, 0.0, -pixel, ymax), width=width, height=height)


def _is_wide(bounds: tuple[float, ...], crs: str) -> bool:
    return bounds[2] - bounds[0] > (turn_of(crs) or math.inf) / 2


def _aligned(crs: str, bounds: tuple[float, ...], resolution: float, size: tuple[int, int] | None) -> Grid:
    """Lines at whole multiples of the resolution, over the bounds or around their middle."""
    xmin, ymin, xmax, ymax = (side / resolution for side in bounds)
    _require_countable(max(map(abs, (xmin, ymin, xmax, ymax))), resolution, crs)
    if size is None:
        left, top = math.floor(xmin + ON_LINE), math.ceil(ymax - ON_LINE)
        width, height = math.ceil(xmax - ON_LINE) - left, top - math.floor(ymin + ON_LINE)
    else:
        width, height = size
        left = round((xmin + xmax - width) / 2)
        top = round((ymin + ymax + height) / 2)
    width, height = max(width, 1), max(height, 1)
    _require_size(width, height, crs)
    transform = (resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution)
    return Grid(crs=crs, transform=transform, width=width, height=height)


def _around(raster: Grid, crs: str, point: tuple[float, ...], size: tuple[int, int], name: str) -> Grid:
    """The raster's own pixels around a point; in another CRS, pixels of their size."""
    if transformer(raster.known_crs, crs) is not None:
        return _aligned(crs, (*point, *point), _resolution_of(raster, crs, name), size)
    width, height = size
    (x, y), (a, b, c, d, e, f) = point, invert(raster.transform)
    column, row = x * a + y * b + c, x * d + y * e + f
    _require_countable(max(abs(column), abs(row)), math.hypot(*raster.transform[:2]), crs)
    window = Window(
        x_off=round(column - width / 2), y_off=round(row - height / 2), width=width, height=height
    )
    return Grid(crs=crs, transform=window_transform(raster.transform, window), width=width, height=height)


def _require_fine(resolution: float, crs: str, bounds: tuple[float, ...], what: str) -> None:
    """Raise for pixels larger than what they are to show; a point, or a line along an axis, has no size."""
    across, down = bounds[2] - bounds[0], bounds[3] - bounds[1]
    if across > 0 and down > 0 and resolution > max(across, down) * (1 + ON_LINE):
        unit = parse_crs(crs).axis_info[0].unit_name
        raise ArgumentError(
            f"resolution := {resolution:g}: a pixel would be larger than {what}, which measures {across:g} x "
            f"{down:g} {unit}s in CRS {shorten(crs)}; a resolution counts the units of that CRS. For one "
            "pixel around a place give size := 1 too"
        )


def _require_countable(pixels: float, resolution: float, crs: str) -> None:
    """ArgumentError where coordinates, in pixels, are beyond whole numbers of float64."""
    if not pixels < COUNTABLE:
        raise ArgumentError(
            f"pixels of {resolution:g} are too small for coordinates in units of CRS {shorten(crs)}: "
            f"the grid would begin {pixels:g} of them from the origin"
        )


def _fitted(crs: str, bounds: tuple[float, ...], size: tuple[int, int]) -> Grid:
    xmin, ymin, xmax, ymax = bounds
    width, height = size
    if not (xmax > xmin and ymax > ymin):
        raise ArgumentError(
            f"size := [{width}, {height}] is fitted to the bounds of the area, which is a line along "
            "an axis; give resolution := too"
        )
    transform = ((xmax - xmin) / width, 0.0, xmin, 0.0, (ymin - ymax) / height, ymax)
    return Grid(crs=crs, transform=transform, width=width, height=height)


def _require_size(width: int, height: int, crs: str) -> None:
    if max(width, height) > LARGEST:
        raise ArgumentError(
            f"the target grid would have {width:,} x {height:,} pixels; "
            f"is the resolution in units of CRS {shorten(crs)}?"
        )


def resampled(
    raster: Grid,
    *,
    size: tuple[int, int] | None = None,
    scale: tuple[float, float] | None = None,
    corner: tuple[float | None, float | None] = (None, None),
) -> Grid:
    """A grid over the same raster with other pixels: PostGIS's ``ST_Resample``, Sedona's ``RS_Resample``.

    ``size``: columns and rows over its extent. ``scale``: pixels of that size, whatever their sign, from its
    first corner on, as many as cover it. ``corner``: x and y of a place that lies on the lines of the grid,
    which then begins at the first corner of the raster or less than a pixel before it.
    """
    a, b, c, d, e, f = raster.transform
    if corner != (None, None) and (b or d):
        raise ArgumentError("gridX and gridY have no meaning for a rotated raster; leave them out")
    starts, pixels, counts = [], [], []
    for axis, (length, sign, first, count) in enumerate(
        ((math.hypot(a, d), a, c, raster.width), (math.hypot(b, e), e, f, raster.height))
    ):
        extent = length * count
        pixel = abs(scale[axis]) if scale else extent / size[axis] if size else length
        unit, at = math.copysign(1.0, sign), corner[axis]
        offset = 0.0 if at is None else (at - first) * unit
        _require_countable(max(abs(offset), extent) / pixel if pixel else math.inf, pixel, raster.known_crs)
        start = offset - math.ceil(offset / pixel - ON_LINE) * pixel
        wanted = size[axis] if size else max(1, math.ceil((extent - start) / pixel - ON_LINE))
        starts.append(first + unit * start)
        pixels.append(((extent - start) / wanted if size else pixel) / length)
        counts.append(wanted)
    _require_size(counts[0], counts[1], raster.known_crs)
    x, y = pixels
    transform = (a * x, b * y, starts[0], d * x, e * y, starts[1])
    return Grid(crs=raster.known_crs, transform=transform, width=counts[0], height=counts[1])


def window_area(transform: Affine, window: Any, crs: str) -> Aoi:
    """The ground under a window of pixels."""
    own = window_transform(transform, window)
    return Aoi(geometry=shapely.box(*window_bounds(own, window)), crs=crs)
