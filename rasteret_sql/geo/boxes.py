"""Boxes of areas in longitude and latitude, and which of two sets of them meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.errors import value_or_raise
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.crs import LONLAT, WGS84_LONLAT
from rasteret_sql.geo.reprojection.reproject import project_all

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

TURN = 360.0
TOLERANCE = 1e-4
"""Degrees by which the edges of an area in another CRS may lie beside their image, and its box is wider."""


def lonlat_boxes(areas: Sequence[Aoi | None]) -> Floats:
    """``(n, 4)``: xmin, ymin, xmax, ymax of areas in degrees; NaN for None, and where nothing is left of one.

    Raises ``ArgumentError`` for an area that cannot be projected.
    """
    boxes = np.full((len(areas), 4), np.nan)
    there = [row for row, area in enumerate(areas) if area is not None]
    given = [area for area in areas if area is not None]
    shapes = [value_or_raise(shape) for shape in project_all(given, LONLAT, tolerance=TOLERANCE)]
    boxes[there] = shapely.bounds(np.array(shapes, dtype=object)).reshape(-1, 4)
    moved = [row for row, area in zip(there, given, strict=True) if area.crs not in WGS84_LONLAT]
    boxes[moved] += (-TOLERANCE, -TOLERANCE, TOLERANCE, TOLERANCE)
    return boxes


def meeting(boxes: Floats, others: Floats) -> tuple[Rows, Rows]:
    """Rows of ``boxes`` and of ``others`` that have a point in common, in ascending order, each pair once.

    Longitudes that differ by whole turns are one place, where more than the end of a turn is shared. A box
    with NaN meets nothing.
    """
    known, known_others = (np.flatnonzero(np.isfinite(each).all(axis=1)) for each in (boxes, others))
    if not len(known) or not len(known_others):
        return known[:0], known_others[:0]
    boxes, others = boxes[known], others[known_others]
    tree = shapely.STRtree(shapely.box(*others.T))
    pairs = [tree.query(shapely.box(*boxes.T))]
    for turns in _turns(boxes, others):
        turned = boxes + np.array([turns * TURN, 0.0, turns * TURN, 0.0])
        left, right = tree.query(shapely.box(*turned.T))
        inside = (turned[left, 0] < others[right, 2]) & (others[right, 0] < turned[left, 2])
        pairs.append(np.stack([left[inside], right[inside]]))
    left, right = np.unique(np.concatenate(pairs, axis=1), axis=1)
    return known[left], known_others[right]


def _turns(boxes: Floats, others: Floats) -> list[int]:
    """By how many whole turns boxes have to be moved to lie over others, apart from none."""
    least = int(np.floor((others[:, 0].min() - boxes[:, 2].max()) / TURN)) + 1
    most = int(np.ceil((others[:, 2].max() - boxes[:, 0].min()) / TURN)) - 1
    return [turns for turns in range(least, most + 1) if turns]
