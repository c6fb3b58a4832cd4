"""The bounds of a raster in another CRS, around the globe and over its poles."""

from __future__ import annotations

from typing import Any

import numpy as np

from rasteret_sql.arrays import Floats
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.antimeridian import wrap_around
from rasteret_sql.geo.crs import LONLAT, greenwich_of, transformer, turn_of
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.grid import Grid

Bounds = tuple[float, float, float, float]

EDGE_POINTS = 21
"""Along each side of a raster whose outline is moved; GDAL takes as many."""
MAX_SIDE_POINTS = 4096
"""Along each side of a raster that reaches around the globe: its own pixels, if there are no more."""
WIDE_GAP = 1.5
"""Spacings of points between which a raster ends, rather than goes on."""


def bounds_of(raster: Grid, crs: str, name: str) -> Bounds:
    """xmin, ymin, xmax, ymax of a raster in another CRS; longitudes may run past 180."""
    if transformer(raster.known_crs, crs) is None:
        return raster.bounds
    turn, own = turn_of(crs), turn_of(raster.known_crs)
    around = own is not None and turn is None and raster.bounds[2] - raster.bounds[0] > own / 2
    x, y = _places(raster, crs, _steps(raster.width, around), _steps(raster.height, around))
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        raise ArgumentError(f"{name} in CRS {shorten(raster.known_crs)} has no image in {shorten(crs)}")
    x, y = x[good], y[good]
    xmin, ymin, xmax, ymax = (float(v) for v in (x.min(), y.min(), x.max(), y.max()))
    if turn is None or own is not None:
        return xmin, ymin, xmax, ymax
    south, north = _poles(raster)
    ymin, ymax = (-turn / 4 if south else ymin), (turn / 4 if north else ymax)
    if south or north:
        middle = greenwich_of(crs)
        return middle - turn / 2, ymin, middle + turn / 2, ymax
    if xmax - xmin > turn / 2:
        xmin, xmax = _arc(raster, crs, turn)
    return xmin, ymin, xmax, ymax


def lattice_in(raster: Grid, crs: str) -> tuple[Floats, Floats]:
    """A lattice of places over the raster, in another CRS, from its first corner to its last."""
    return _places(raster, crs, _steps(raster.width, False), _steps(raster.height, False))


def _steps(size: int, around: bool) -> Floats:
    """Pixels from the first edge to the last; ``around``: the middle of each, and both ends."""
    if not around:
        return np.linspace(0, size, EDGE_POINTS)
    count = min(size, MAX_SIDE_POINTS)
    return np.concatenate(([0.0], (np.arange(count) + 0.5) * (size / count), [float(size)]))


def _places(raster: Grid, crs: str, columns: Floats, rows: Floats) -> tuple[Any, Any]:
    """The places of pixels in another CRS; longitudes stay in their turn where they were some."""
    if len(columns) * len(rows) > MAX_SIDE_POINTS * EDGE_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, EDGE_POINTS).round().astype(int)]
    a, b, c, d, e, f = raster.transform
    across, down = (grid.ravel() for grid in np.meshgrid(columns, rows))
    x, y = c + a * across + b * down, f + d * across + e * down
    there = transformer(raster.known_crs, crs)
    if there is None:
        return x, y
    own, turn = turn_of(raster.known_crs), turn_of(crs)
    moved = there.transform(x, y, errcheck=False)
    if own is None or turn is None:
        return moved[0], moved[1]
    expected = (x - greenwich_of(raster.known_crs)) * (turn / own) + greenwich_of(crs)
    with np.errstate(invalid="ignore"):
        return wrap_around(moved[0], expected, turn), moved[1]


def _poles(raster: Grid) -> tuple[bool, bool]:
    """Whether the south and the north pole lie on the raster."""
    there = transformer(LONLAT, raster.known_crs)
    assert there is not None, "a projected CRS"
    to_a, to_b, to_c, to_d, to_e, to_f = invert(raster.transform)
    on_raster = []
    for latitude in (-90.0, 90.0):
        x, y = (
            np.array(along) for along in there.transform([0.0, 90.0, -90.0], [latitude] * 3, errcheck=False)
        )
        column, row = x * to_a + y * to_b + to_c, x * to_d + y * to_e + to_f
        with np.errstate(invalid="ignore"):
            inside = (column >= 0) & (column <= raster.width) & (row >= 0) & (row <= raster.height)
            meet = np.hypot(column - column[0], row - row[0]) <= 1  # else it is a line of the map
        on_raster.append(bool((inside & meet).all()))
    return on_raster[0], on_raster[1]


def _arc(raster: Grid, crs: str, turn: float) -> tuple[float, float]:
    """West and east end of the longitudes of a raster that crosses the end of the usual turn."""
    steps = _steps(raster.width, True), _steps(raster.height, True)
    lines = (
        (steps[0], np.linspace(0, raster.height, EDGE_POINTS)),
        (
            np.linspace(0, raster.width, EDGE_POINTS),
            steps[1],
        ),
    )
    longitudes = np.concatenate([_places(raster, crs, *line)[0] for line in lines])
    around = np.unique(np.mod(longitudes[np.isfinite(longitudes)], turn))
    gaps = np.diff(np.append(around, around[0] + turn))
    last = int(np.argmax(gaps))
    others = np.delete(gaps, last)
    middle = greenwich_of(crs)
    if len(others) and gaps[last] <= WIDE_GAP * others.max():
        return middle - turn / 2, middle + turn / 2
    west = float(around[(last + 1) % len(around)])
    east = float(around[last])
    width = (east - west) % turn
    west = (west - middle + turn / 2) % turn + middle - turn / 2
    return west, west + width
