"""Areas of a map on the globe: longitudes made continuous, poles closed, what is off the globe cut off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from rasteret_sql.arrays import Floats
from rasteret_sql.geo.antimeridian import clip, split_at_antimeridian, wrap_around
from rasteret_sql.geo.crs import LONLAT, transformer
from rasteret_sql.geo.reprojection.curves import move_all
from rasteret_sql.geo.reprojection.domain import comes_back, domain

MAX_PIECES = 512
"""Into which an area is cut before it counts as one that has no image."""
COMES_BACK = 1e-6
"""Share of an area's size by which its points may come back elsewhere."""
REFINED = 4
AT_RIM = 1e-7
"""Share of an area's size by which it may reach over the rim of the globe: coordinates that were rounded."""
PROBES = 17
"""A side of the lattice on which an area is looked at for places off the globe."""
CRUMB = 1e-6
"""Share of an area's size below which pieces that are torn, at the tip of a map, are left out."""
NEAR_POLE_DEGREES = 0.1
"""The last of the globe beside a pole that is a line or a tip of the map."""
POLE_CUT = 1e-8
"""Share of an area's size that is cut out around a pole, and closed along it."""
GRID_DEGREES = 1e-11
"""On which the pieces are put together."""


def unfold(geometry: Any, crs: str, tolerance: float) -> Any | None:
    """A geometry in a projected CRS in longitude and latitude, true to ``tolerance`` degrees along its edges.

    It may be as wide as the globe, or hold a pole. Empty where it is off the globe; None where it cannot be
    followed.
    """
    there = transformer(crs, LONLAT)
    assert there is not None, "a projected CRS"
    on_globe = _on_globe(geometry, crs, there)
    if shapely.is_empty(on_globe):
        return on_globe
    poles = list(_poles(there))
    waiting, pieces, caps = [on_globe], [], []
    for _ in range(MAX_PIECES):
        if not waiting:
            break
        piece = waiting.pop()
        pole = next((one for one in poles if shapely.intersects(piece, shapely.Point(one[:2]))), None)
        if pole is not None and shapely.get_dimensions(piece) == 2:
            halves, cap = _beside_pole(piece, pole, there)
            poles.remove(pole)
            waiting += halves
            caps += cap
            continue
        moved = _continuous(piece, there, tolerance)
        if moved is not None:
            pieces.append(split_at_antimeridian(moved))
        elif _size(piece) > _size(geometry) * CRUMB:
            waiting += _halves(piece)
    if waiting:
        return None
    caps += _closed(pieces, geometry, there)
    whole = [one if shapely.is_valid(one) else shapely.make_valid(one) for one in (*pieces, *caps)]
    if len(whole) == 1:
        return whole[0]
    return shapely.union_all(whole, grid_size=GRID_DEGREES)


def _on_globe(geometry: Any, crs: str, there: Transformer) -> Any:
    """What of an area comes back to its place from the globe."""
    xmin, ymin, xmax, ymax = bounds = tuple(shapely.bounds(geometry).tolist())
    size = max(xmax - xmin, ymax - ymin, 1.0)
    defined = comes_back(there, degrees=False, tolerance=size * COMES_BACK)
    lattice = np.stack(np.meshgrid(np.linspace(xmin, xmax, PROBES), np.linspace(ymin, ymax, PROBES)), axis=-1)
    probes = np.concatenate((lattice.reshape(-1, 2), shapely.get_coordinates(geometry)))
    middle = (xmin + xmax) / 2, (ymin + ymax) / 2
    if defined(probes + (middle - probes) * AT_RIM).all():
        return geometry
    return clip(geometry, _domain(crs, bounds))


@lru_cache(16)
def _domain(crs: str, bounds: tuple[float, float, float, float]) -> Any:
    there = transformer(crs, LONLAT)
    assert there is not None, "a projected CRS"
    xmin, ymin, xmax, ymax = bounds
    size = max(xmax - xmin, ymax - ymin, 1.0)
    whole = domain(comes_back(there, degrees=False, tolerance=size * COMES_BACK), bounds, refined=REFINED)
    return shapely.buffer(whole, -size * AT_RIM, quad_segs=1)  # chords of a concave rim lie outside


def _poles(there: Transformer) -> Iterator[tuple[float, float, float]]:
    """x, y and latitude of the poles that are places of the map."""
    for latitude in (90.0, -90.0):
        x, y = there.transform(0.0, latitude, direction="INVERSE", errcheck=False)
        if np.isfinite((x, y)).all():
            yield x, y, latitude


def _continuous(piece: Any, there: Transformer, tolerance: float) -> Any | None:
    """The piece around its own middle; None where it is torn."""
    x, y = shapely.get_coordinates(shapely.point_on_surface(piece))[0]
    middle = float(there.transform(x, y, errcheck=False)[0])
    if not np.isfinite(middle):
        return None

    def move(xy: Floats) -> Floats:
        x, y = there.transform(xy[:, 0], xy[:, 1], errcheck=False)
        with np.errstate(invalid="ignore"):
            return np.column_stack((wrap_around(x, middle), y))

    return move_all(np.array([piece], dtype=object), move, tolerance)[0]


def _beside_pole(
    piece: Any, pole: tuple[float, float, float], there: Transformer
) -> tuple[list[Any], list[Any]]:
    """The halves of a piece beside a pole, without its closest surroundings, and these on the globe."""
    x, y, latitude = pole
    xmin, ymin, xmax, ymax = shapely.bounds(piece).tolist()
    around = max(xmax - xmin, ymax - ymin) * POLE_CUT
    outside = clip(
        piece,
        shapely.box(xmin - 1, ymin - 1, xmax + 1, ymax + 1).difference(
            shapely.box(x - around, y - around, x + around, y + around)
        ),
    )
    halves = [
        clip(outside, shapely.box(left, ymin - 1, right, ymax + 1))
        for left, right in ((xmin - 1, x), (x, xmax + 1))
        if left < right
    ]
    halves = [half for half in halves if shapely.get_dimensions(half) == 2 and not shapely.is_empty(half)]
    if not shapely.contains_properly(piece, shapely.Point(x, y)):
        return halves, []
    _, edge = there.transform(x + around, y + around, errcheck=False)
    if not np.isfinite(edge):  # the end of the map
        return halves, []
    south, north = sorted((float(edge), latitude))
    return halves, [shapely.box(-180, south, 180, north)]


def _closed(pieces: list[Any], geometry: Any, there: Transformer) -> list[Any]:
    """What is missing between the pieces and a pole at the rim of the map that the area holds."""
    caps = []
    for x, y, latitude in _poles(there):
        reached = [shapely.bounds(piece)[3 if latitude > 0 else 1] for piece in pieces]
        reach = min(reached, key=lambda one: abs(one - latitude), default=0.0)
        near = shapely.dwithin(geometry, shapely.Point(x, y), _size(geometry) * AT_RIM)
        if near and 0 < abs(latitude - reach) < NEAR_POLE_DEGREES and shapely.get_dimensions(geometry) == 2:
            caps.append(shapely.box(-180, min(reach, latitude), 180, max(reach, latitude)))
    return caps


def _size(geometry: Any) -> float:
    xmin, ymin, xmax, ymax = shapely.bounds(geometry).tolist()
    return float(max(xmax - xmin, ymax - ymin))


def _halves(piece: Any) -> list[Any]:
    xmin, ymin, xmax, ymax = shapely.bounds(piece).tolist()
    if xmax - xmin >= ymax - ymin:
        middle = (xmin + xmax) / 2
        boxes = (xmin - 1, ymin - 1, middle, ymax + 1), (middle, ymin - 1, xmax + 1, ymax + 1)
    else:
        middle = (ymin + ymax) / 2
        boxes = (xmin - 1, ymin - 1, xmax + 1, middle), (xmin - 1, middle, xmax + 1, ymax + 1)
    halves = [clip(piece, shapely.box(*box)) for box in boxes]
    dimension = shapely.get_dimensions(piece)
    return [
        half for half in halves if shapely.get_dimensions(half) == dimension and not shapely.is_empty(half)
    ]
