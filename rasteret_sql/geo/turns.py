"""Longitudes that differ by whole turns are one place: areas and points on rasters that count another turn.

A raster may run from -180 to 180, from 0 to 360, or past either; so may an area. What lies on the raster as
it is written stays where it is. What lies outside is looked for a turn, or several, to the west and east. An
area across the ends of a global raster lies at both of them: it has a window at each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from rasteret_sql.arrays import Floats
from rasteret_sql.geo.antimeridian import clip
from rasteret_sql.geo.crs import turn_of
from rasteret_sql.geo.geometry_window import geometry_window
from rasteret_sql.geo.window import Affine, Window, corners

NOISE = 1e-11
"""Share of a turn by which an area may leave a raster and still lie on it: rounding, not another place."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an area lies on a raster, or one of several such places."""

    geometry: Any
    """In the raster's CRS, in the turn that the raster counts."""
    window: Window
    """The smallest one of whole pixels that covers it."""


def places(geometry: Any, crs: str, transform: Affine, width: int, height: int) -> list[Place]:
    """The places of an area in ``crs`` on a raster of it, from west to east; none without overlap."""
    turn = turn_of(crs)
    if turn is None:
        return _as_written(geometry, transform, width, height)
    left, right = _ends(transform, width, height)
    xmin, _, xmax, _ = shapely.bounds(geometry).tolist()
    noise = NOISE * turn
    if left - noise <= xmin < right and xmax <= right + noise and not _is_cut(geometry, xmin, xmax, turn):
        return _as_written(geometry, transform, width, height)
    if not xmin <= xmax:  # empty
        return []
    on_raster: list[Place] = []
    for copy in _copies(geometry, left, right, turn):
        on_raster += _as_written(copy, transform, width, height)
    return _joined(on_raster, transform, width, height)


def wrapped(xy: Floats, crs: str, transform: Affine, width: int, height: int) -> Floats:
    """Points ``(n, 2)`` in ``crs``, those beside the raster in the turn in which they may lie on it."""
    turn = turn_of(crs)
    if turn is None or not len(xy):
        return xy
    # the first edge of a raster belongs to it, the last does not: columns may run to the west
    ahead = -1.0 if transform[0] < 0 else 1.0
    left, right = _ends(transform, width, height)
    first, last = (left, right) if ahead > 0 else (-right, -left)
    with np.errstate(invalid="ignore"):
        x = xy[:, 0] * ahead
        beside = np.flatnonzero((x < first) | (x >= last))
        if not len(beside):
            return xy
        x = x[beside]
        moved = x - turn * np.floor((x - first) / turn)
    found = xy.copy()
    found[beside, 0] = np.where((moved < first) | (moved >= first + turn), first, moved) * ahead
    return found


def meet_at_seam(windows: Sequence[Window], crs: str | None, transform: Affine, width: int) -> bool:
    """Whether two windows, the first and the last columns of a raster, are neighbours around the globe."""
    turn = None if crs is None else turn_of(crs)
    a, b, _, d, _, _ = transform
    if turn is None or b or d or not math.isclose(abs(a) * width, turn, rel_tol=1e-9) or len(windows) != 2:
        return False
    first, last = windows
    rows = (first.y_off, first.height) == (last.y_off, last.height)
    return rows and first.x_off == 0 and last.x_off + last.width == width


def merged(parts: Sequence[Place], transform: Affine, width: int, height: int) -> list[Place]:
    """Several places of one area in one window."""
    return _as_written(union([place.geometry for place in parts]), transform, width, height)


def _as_written(geometry: Any, transform: Affine, width: int, height: int) -> list[Place]:
    window = geometry_window(geometry, transform, width, height)
    return [] if window is None else [Place(geometry=geometry, window=window)]


def _ends(transform: Affine, width: int, height: int) -> tuple[float, float]:
    whole = Window(x_off=0, y_off=0, width=width, height=height)
    xs = [x for x, _ in corners(transform, whole)]
    return min(xs), max(xs)


def _is_cut(geometry: Any, xmin: float, xmax: float, turn: float) -> bool:
    """Whether the parts of an area reach both ends of the usual turn: RFC 7946 cuts areas there."""
    half, noise = turn / 2, NOISE * turn
    return (
        abs(xmin + half) <= noise and abs(xmax - half) <= noise and shapely.get_num_geometries(geometry) > 1
    )


def _copies(geometry: Any, left: float, right: float, turn: float) -> list[Any]:
    """The area in every turn in which it may overlap a raster from ``left`` to ``right``, west to east."""
    xmin, _, xmax, _ = shapely.bounds(geometry).tolist()
    noise = NOISE * turn
    geometry = in_one_piece(geometry, turn)
    if xmax - xmin > turn + noise:
        geometry = _within_a_turn(geometry, turn)
    xmin, _, xmax, _ = shapely.bounds(geometry).tolist()
    more = right - left > turn + noise  # the raster shows places twice: what lies on it as written stays
    shown = []
    for number in range(math.floor((left - xmax) / turn), math.ceil((right - xmin) / turn) + 1):
        by = number * turn
        if not _overlaps(xmin + by, xmax + by, left, right, noise):
            continue
        part = geometry
        if more and number:
            part = _beside(geometry, left, right)
        if xmax == xmin and left - noise <= xmin + by < left:
            by = left - xmin  # a point on the first line, but for rounding
        if not shapely.is_empty(part):
            shown.append(shifted(part, by) if by else part)
    return shown


def _overlaps(xmin: float, xmax: float, left: float, right: float, noise: float) -> bool:
    if xmax - xmin <= noise:  # a point, or a line along a meridian: pixels are half open
        return left - noise <= xmin < right - noise
    return xmax > left + noise and xmin < right - noise


def _beside(geometry: Any, left: float, right: float) -> Any:
    """What of an area does not lie on the raster as it is written."""
    xmin, ymin, xmax, ymax = shapely.bounds(geometry).tolist()
    ends = [(xmin - 1, left)] * (xmin < left) + [(right, xmax + 1)] * (xmax > right)
    return clip(geometry, shapely.MultiPolygon([shapely.box(w, ymin - 1, e, ymax + 1) for w, e in ends]))


def shifted(geometry: Any, by: float) -> Any:
    """The geometry ``by`` farther east."""
    return shapely.transform(geometry, lambda xy: np.column_stack((xy[:, 0] + by, xy[:, 1])))


def in_one_piece(geometry: Any, turn: float) -> Any:
    """Parts that were cut apart at the ends of the usual turn side by side again, the widest gap outside."""
    xmin, _, xmax, _ = shapely.bounds(geometry).tolist()
    if not _is_cut(geometry, xmin, xmax, turn):
        return geometry
    parts = shapely.get_parts(geometry)
    bounds = shapely.bounds(parts)
    order = np.argsort(bounds[:, 0], kind="stable")
    west, reach = bounds[order, 0], np.maximum.accumulate(bounds[order, 2])
    gaps = west[1:] - reach[:-1]
    if gaps.max() <= NOISE * turn:
        return geometry
    first = int(np.argmax(gaps)) + 1
    moved = [shifted(part, turn) for part in parts[order[:first]]]
    return union([*parts[order[first:]], *moved])


def _within_a_turn(geometry: Any, turn: float) -> Any:
    """An area wider than a turn, which covers some places twice, once."""
    xmin, ymin, xmax, ymax = shapely.bounds(geometry).tolist()
    pieces = []
    for number in range(math.ceil((xmax - xmin) / turn)):
        start = xmin + number * turn
        piece = clip(geometry, shapely.box(start, ymin - 1, start + turn, ymax + 1))
        pieces.append(shifted(piece, -number * turn))
    # where a piece ends, parts of it touch the next one; a polygon without an area is made of lines
    pieces = [piece for piece in pieces if not shapely.is_empty(piece)]
    dimension = shapely.get_dimensions(pieces).max()
    return union([piece for piece in pieces if shapely.get_dimensions(piece) == dimension])


def union(geometries: Sequence[Any]) -> Any:
    """All of them in one; polygons that cross themselves count as their even-odd fill."""
    valid = [one if shapely.is_valid(one) else shapely.make_valid(one) for one in geometries]
    return shapely.union_all(valid)


def _joined(parts: Sequence[Place], transform: Affine, width: int, height: int) -> list[Place]:
    """Places whose windows touch are one."""
    joined: list[Place] = []
    for place in sorted(parts, key=lambda one: one.window.x_off):
        last = joined[-1] if joined else None
        if last is None or place.window.x_off > last.window.x_off + last.window.width:
            joined.append(place)
            continue
        joined[-1:] = merged([last, place], transform, width, height)
    return joined
