"""Boxes of longitudes: xmin above xmax means across the antimeridian, or that the two were swapped."""

from __future__ import annotations

HALF_TURN = 180.0
TURN = 360.0


def why_swapped(xmin: float, xmax: float) -> str | None:
    """Why a box with xmin above xmax is more likely a slip than one across the antimeridian; else None."""
    wide = (xmax - xmin) % TURN
    if xmin <= xmax or wide <= HALF_TURN:
        return None
    return (
        f"has xmin {xmin:g} above xmax {xmax:g}, which means across the antimeridian, and would be {wide:g} "
        f"degrees wide. Were xmin and xmax swapped? If so, write {xmax:g} to {xmin:g}; a box across the "
        f"antimeridian that is wider than 180 degrees is written past 180, {xmin:g} to {xmin + wide:g}"
    )


def in_usual_turn(xmin: float, xmax: float) -> tuple[float, float]:
    """The same longitudes from -180 to 180: west above east across the antimeridian, -180 and 180 for all."""
    if xmin >= -HALF_TURN and xmax <= HALF_TURN:
        return xmin, xmax
    if xmax - xmin >= TURN:
        return -HALF_TURN, HALF_TURN
    west, east = ((x + HALF_TURN) % TURN - HALF_TURN for x in (xmin, xmax))
    return west, HALF_TURN if east == -HALF_TURN else east
