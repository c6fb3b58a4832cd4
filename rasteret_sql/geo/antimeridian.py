"""Longitudes that run past 180 degrees: made continuous, and cut again (RFC 7946, clause 3.1.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from rasteret_sql.arrays import Floats

NOISE = 1e-9
"""Degrees past 180 that are a rounding error, not another hemisphere."""


def wrap_around(longitudes: Floats, middle: float | Floats, turn: float = 360.0) -> Floats:
    """The same meridians, each within half a turn of ``middle``."""
    wrapped: Floats = longitudes + turn * np.round((middle - longitudes) / turn)
    return wrapped


def split_at_antimeridian(geometry: Any) -> Any:
    """The same places with longitudes from -180 to 180; what crosses the antimeridian falls in two parts."""
    if shapely.is_empty(geometry):
        return geometry
    xmin, _, xmax, _ = shapely.bounds(geometry)
    if xmin >= -180 and xmax <= 180:
        return geometry
    if xmin >= -180 - NOISE and xmax <= 180 + NOISE:
        return shapely.transform(
            geometry, lambda xy: np.column_stack((np.clip(xy[:, 0], -180, 180), xy[:, 1]))
        )
    turns = np.arange(np.floor((xmin + 180) / 360), np.ceil((xmax + 180) / 360) + 1) * 360
    pieces = []
    for turn in turns.tolist():
        piece = clip(geometry, shapely.box(turn - 180, -91, turn + 180, 91))
        pieces.append(shapely.transform(piece, lambda xy, turn=turn: xy - (turn, 0)))
    # A globe's end may touch the next turn in a line that is not part of an area.
    dimension = shapely.get_dimensions(geometry)
    return shapely.union_all([piece for piece in pieces if shapely.get_dimensions(piece) == dimension])


def clip(geometry: Any, region: Any) -> Any:
    """The part of a geometry inside a region; polygons that cross themselves count as their even-odd fill."""
    if not shapely.is_valid(geometry):
        geometry = shapely.make_valid(geometry)
    return shapely.intersection(geometry, region)
