"""Where a projection is defined: the outline of the globe as it sees it, followed by bisection.

A geostationary image sees less than half of the globe, and a world map ends at an ellipse. PROJ answers
infinity beyond, or some other place of the globe. Both are found by moving there and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from rasteret_sql.arrays import Bools, Floats

Defined = Callable[[Floats], Bools]
"""Which of the coordinates ``(n, 2)`` have an image."""

CELLS = 96
"""A side of the lattice on which the outline is looked for."""
BISECTIONS = 32
"""Of a cell's side, and of a chord."""


def comes_back(there: Transformer, *, degrees: bool, tolerance: float) -> Defined:
    """What is moved, and comes back to within ``tolerance``; ``degrees``: it is longitude and latitude."""

    def defined(xy: Floats) -> Bools:
        x, y = there.transform(xy[:, 0], xy[:, 1], errcheck=False)
        x, y = there.transform(x, y, direction="INVERSE", errcheck=False)
        with np.errstate(invalid="ignore"):
            away = np.abs(x - xy[:, 0])
            if degrees:  # longitudes come back in the usual turn, and on a pole as any
                away = np.abs(away - 360 * np.round(away / 360)) * np.cos(np.radians(xy[:, 1]))
            good: Bools = (away <= tolerance) & (np.abs(y - xy[:, 1]) <= tolerance)
        return good

    return defined


def domain(defined: Defined, bounds: tuple[float, float, float, float], *, refined: int = 0) -> Any:
    """Polygons of what is defined within the bounds; their vertices are.

    Their edges are chords of a cell of the lattice at most, halved ``refined`` times.
    """
    xmin, ymin, xmax, ymax = bounds
    x, y = np.linspace(xmin, xmax, CELLS + 1), np.linspace(ymin, ymax, CELLS + 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    good = defined(grid.reshape(-1, 2)).reshape(CELLS + 1, CELLS + 1)
    if good.all():
        return shapely.box(*bounds)
    whole = good[:-1, :-1] & good[:-1, 1:] & good[1:, :-1] & good[1:, 1:]
    some = (good[:-1, :-1] | good[:-1, 1:] | good[1:, :-1] | good[1:, 1:]) & ~whole
    rows, columns = np.nonzero(whole)
    boxes = shapely.box(x[columns], y[rows], x[columns + 1], y[rows + 1])
    rows, columns = np.nonzero(some)
    # counterclockwise from the lower left corner
    around = [(rows, columns), (rows, columns + 1), (rows + 1, columns + 1), (rows + 1, columns)]
    corners = np.stack([grid[at] for at in around], axis=1)
    inside = np.stack([good[at] for at in around], axis=1)
    parts = _cut_cells(defined, corners, inside, refined)
    return shapely.union_all([*boxes, *parts])


def _cut_cells(defined: Defined, corners: Floats, inside: Bools, refined: int) -> list[Any]:
    """What is defined of cells ``(n, 4, 2)`` at whose corners it is known."""
    following = np.roll(corners, -1, axis=1)
    changes = inside != np.roll(inside, -1, axis=1)
    begin, end = corners[changes], following[changes]
    first = inside[changes][:, None]
    crossings = np.full_like(corners, np.nan)
    crossings[changes] = _bisected(defined, np.where(first, begin, end), np.where(first, end, begin))
    chords: list[tuple[int, Any]] = []
    rings = []
    for number, (cell, good, change, crossing) in enumerate(
        zip(corners, inside, changes, crossings, strict=True)
    ):
        ring: list[Any] = []
        leaving: list[int] = []
        for side in range(4):
            if good[side]:
                ring.append(cell[side])
            if change[side]:
                if good[side]:
                    leaving.append(len(ring))
                ring.append(crossing[side])
        if len(leaving) == 1:  # the outline runs through the cell once, from the end of the ring to its start
            ring = [*ring[leaving[0] + 1 :], *ring[: leaving[0] + 1]]
            chords.append((number, (ring[-1], ring[0])))
        rings.append(ring)
    if chords and refined:
        followed = _followed(defined, np.array([chord for _, chord in chords]), refined)
        for (number, _), more in zip(chords, followed, strict=True):
            rings[number] += list(more)
    polygons = [shapely.Polygon(ring) for ring in rings if len(ring) >= 3]
    valid = [one if shapely.is_valid(one) else shapely.make_valid(one) for one in polygons]
    return [one for one in valid if shapely.get_dimensions(one) == 2]


def _bisected(defined: Defined, good: Floats, bad: Floats) -> Floats:
    """The last places that are defined on the ways from good ones to bad ones."""
    good, bad = good.copy(), bad.copy()
    for _ in range(BISECTIONS if len(good) else 0):
        middle = (good + bad) / 2
        there = defined(middle)
        good[there], bad[~there] = middle[there], middle[~there]
    return good


def _followed(defined: Defined, chords: Floats, refined: int) -> Floats:
    """Places of the outline along chords ``(n, 2, 2)`` of it, in order, without their ends."""
    points = chords
    for _ in range(refined):
        begin, end = points[:, :-1], points[:, 1:]
        middle, chord = ((begin + end) / 2).reshape(-1, 2), (end - begin).reshape(-1, 2)
        left = np.column_stack((-chord[:, 1], chord[:, 0])) / 2  # the inside, of a ring that runs that way
        there = defined(middle)[:, None]
        good, bad = np.where(there, middle, middle + left), np.where(there, middle - left, middle)
        bracketed = defined(good) & ~defined(bad)
        places = np.where(there, middle, begin.reshape(-1, 2))
        places[bracketed] = _bisected(defined, good[bracketed], bad[bracketed])
        merged = np.empty((len(points), 2 * points.shape[1] - 1, 2))
        merged[:, ::2], merged[:, 1::2] = points, places.reshape(begin.shape)
        points = merged
    return points[:, 1:-1]
