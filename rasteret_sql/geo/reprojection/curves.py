"""Geometries through a transformation, with vertices added where a straight edge becomes a curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Bools, Floats, Integers

Move = Callable[[Floats], Floats]
"""``(n, 2)`` coordinates to ``(n, 2)`` coordinates; infinite where there is no image."""

MAX_HALVINGS = 14
"""An edge becomes at most 2 ** 14 pieces; one that is still not straight then crosses a gap of the target."""
MAX_PIECES = 1 << 21
"""Edges in work at once; bounds memory for the same reason."""
PROBES = (0.25, 0.5, 0.75)
"""Where an edge is compared with its chord: a curve with a turning point may meet its chord in the middle."""
SAFETY = 0.9
"""Of the tolerance is allowed at the probes, for what the curve does between them."""
LEAP = 0.9
"""Share of an edge's length between two neighbouring probes that is a leap over a gap."""


def move_all(geometries: npt.NDArray[np.object_], move: Move, tolerance: float) -> npt.NDArray[np.object_]:
    """Every geometry moved; None for one that ``move`` cannot take, or that it tears apart.

    No point of a moved edge is farther than ``tolerance`` (target units) from the moved boundary. Geometries
    whose edges stay straight, nearly all small ones, are moved together in two calls.
    """
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    moved = move(xy)
    finite = _all_of(np.isfinite(moved[:, 0] + moved[:, 1]), owner, len(geometries))
    # Also joins the end of one ring to the start of the next: such a false edge costs time, not truth.
    start = np.flatnonzero((owner[:-1] == owner[1:]) & finite[owner[:-1]])
    bent = _is_bent(move, xy[start], xy[start + 1], moved[start], moved[start + 1], tolerance)
    straight = finite & _all_of(~bent, owner[start], len(geometries))
    result = np.full(len(geometries), None, dtype=object)
    if straight.any():
        result[straight] = shapely.set_coordinates(geometries[straight].copy(), moved[straight[owner]])
    for at in np.flatnonzero(finite & ~straight).tolist():
        result[at] = _move_densified(geometries[at], move, tolerance)
    return result


def _all_of(good: Bools, owner: Integers, count: int) -> Bools:
    complete: Bools = np.bincount(owner[~good], minlength=count) == 0
    return complete


def _is_bent(
    move: Move, begin: Floats, end: Floats, moved_begin: Floats, moved_end: Floats, tolerance: float
) -> Bools:
    """Whether each moved edge strays from its chord, or has no image, at one of the probes.

    Also where nearly all of the edge lies between two neighbouring probes: there it leaps over a gap, such as
    the antimeridian, along its own chord.
    """
    if not len(begin):
        return np.zeros(0, dtype=np.bool_)
    probes = np.concatenate([begin + (end - begin) * t for t in PROBES])
    curve = move(probes).reshape(len(PROBES), -1, 2) - moved_begin
    chord = moved_end - moved_begin
    with np.errstate(invalid="ignore"):
        squared = np.maximum((chord * chord).sum(axis=1), np.finfo(np.float64).tiny)
        along = np.clip((curve * chord).sum(axis=2) / squared, 0, 1)
        away = curve - along[:, :, None] * chord
        distance = np.hypot(away[:, :, 0], away[:, :, 1]).max(axis=0)
        path = np.concatenate((np.zeros_like(chord)[None], curve, chord[None]))
        steps = np.hypot(*np.moveaxis(np.diff(path, axis=0), 2, 0))
        length = steps.sum(axis=0)
        leaps = (steps.max(axis=0) > LEAP * length) & (length > tolerance)
        bent: Bools = ~(distance <= SAFETY * tolerance) | leaps
    return bent


def _move_densified(geometry: Any, move: Move, tolerance: float) -> Any | None:
    parts = np.atleast_1d(np.asarray(geometry, dtype=object))
    while (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    parts = parts[~shapely.is_empty(parts)]
    kinds = shapely.get_type_id(parts)
    polygons, lines = parts[kinds == 3], parts[(kinds == 1) | (kinds == 2)]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    vertices = move_lines(np.concatenate((rings, lines)), move, tolerance)
    if vertices is None:
        return None
    xy, owner = vertices
    in_ring = owner < len(rings)
    moved = [
        shapely.set_coordinates(point, move(shapely.get_coordinates(point))) for point in parts[kinds == 0]
    ]
    if len(rings):
        moved += shapely.polygons(
            shapely.linearrings(xy[in_ring], indices=owner[in_ring]), indices=polygon
        ).tolist()
    if len(lines):
        moved += shapely.linestrings(xy[~in_ring], indices=owner[~in_ring] - len(rings)).tolist()
    if len(moved) == 1:
        return moved[0]
    only = {part.geom_type for part in moved}
    collect = {
        "Polygon": shapely.MultiPolygon,
        "LineString": shapely.MultiLineString,
        "Point": shapely.MultiPoint,
    }
    return collect.get(only.pop() if len(only) == 1 else "", shapely.GeometryCollection)(moved)


def move_lines(
    lines: npt.NDArray[np.object_], move: Move, tolerance: float
) -> tuple[Floats, Integers] | None:
    """Moved vertices of every line or ring, with the added ones, and the line each belongs to.

    Edges are halved until none strays from its chord. None where one still does after ``MAX_HALVINGS``.
    """
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    moved = move(xy)
    if not np.isfinite(moved).all():
        return None
    edge = np.flatnonzero(owner[:-1] == owner[1:])
    position = edge.astype(np.float64)
    begin, end, moved_begin, moved_end = xy[edge], xy[edge + 1], moved[edge], moved[edge + 1]
    moved_parts, places = [moved], [np.arange(len(xy), dtype=np.float64)]
    size = 1.0
    for _ in range(MAX_HALVINGS):
        bent = _is_bent(move, begin, end, moved_begin, moved_end, tolerance)
        if not bent.any():
            place = np.concatenate(places)
            order = np.argsort(place, kind="stable")
            return np.concatenate(moved_parts)[order], owner[place[order].astype(np.int64)]
        begin, end, moved_begin, moved_end = (v[bent] for v in (begin, end, moved_begin, moved_end))
        if 2 * len(begin) > MAX_PIECES:
            return None
        middle = (begin + end) / 2
        moved_middle = move(middle)
        if not np.isfinite(moved_middle).all():
            return None
        size /= 2
        position = position[bent]
        moved_parts.append(moved_middle)
        places.append(position + size)
        position = np.concatenate((position, position + size))
        begin, end = np.concatenate((begin, middle)), np.concatenate((middle, end))
        moved_begin = np.concatenate((moved_begin, moved_middle))
        moved_end = np.concatenate((moved_middle, moved_end))
    return None
