"""How much of each source pixel lies in the outline of a target pixel that is turned against the source."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats

Integers = npt.NDArray[np.intp]

TURNED = 0.26
"""Sine of 15 degrees."""
NOTHING = 1e-9
"""A share of a pixel that is the rounding of sums."""


def turned_pixels(x: Floats, y: Floats) -> Bools:
    """Target pixels, flat, whose upper side runs at more than 15 degrees to rows, or columns, of the source.

    ``x`` and ``y`` are the pixels' corners in the source, (rows + 1, columns + 1).
    """
    right, down = x[:-1, 1:] - x[:-1, :-1], y[:-1, 1:] - y[:-1, :-1]
    with np.errstate(invalid="ignore"):
        turned: Bools = np.minimum(np.abs(right), np.abs(down)) > TURNED * np.hypot(right, down)
    return turned.ravel()


def outlines(corners: Floats) -> Floats:
    """One coordinate of each target pixel's four corners, (4, pixels), around it; ``corners`` as above."""
    around = (corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1])
    return np.stack([side.ravel() for side in around])


def shares(x: Floats, y: Floats, columns: Integers, row: Integers, across: int) -> Iterator[Floats]:
    """The part of each pixel of one row of the source inside the outlines, from the first column to the last.

    ``x`` and ``y``: ``outlines``. ``columns`` and ``row``: the first column, and the row, of each outline.
    The area left of a line is an integral along the outline (Green's theorem); that of a pixel is what lies
    left of its right side without what lies left of its left side.
    """
    edges = [_cut(x[k], y[k], x[k - 3], y[k - 3], row) for k in range(4)]
    sign = np.where(_area(x, y) < 0, -1.0, 1.0)
    left = _left_of(edges, columns)
    for i in range(across):
        right = _left_of(edges, columns + (i + 1))
        share = sign * (right - left)
        yield np.where(share > NOTHING, np.minimum(share, 1.0), 0.0)
        left = right


def _area(x: Floats, y: Floats) -> Floats:
    """Of each outline, below 0 where it runs the other way."""
    area: Floats = ((x[0] - x[2]) * (y[1] - y[3]) - (x[1] - x[3]) * (y[0] - y[2])) / 2
    return area


def _cut(x1: Floats, y1: Floats, x2: Floats, y2: Floats, row: Integers) -> tuple[Floats, Floats, Floats]:
    """The part of an edge within a row: its lesser and greater x, and how far it climbs."""
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(y1 == y2, 0.0, (x2 - x1) / (y2 - y1))
    first, last = np.clip(y1, row, row + 1), np.clip(y2, row, row + 1)
    one, other = x1 + (first - y1) * slope, x1 + (last - y1) * slope
    return np.minimum(one, other), np.maximum(one, other), last - first


def _left_of(edges: list[tuple[Floats, Floats, Floats]], line: Integers) -> Floats:
    """The area of the outlines left of a line, up to a constant of the row."""
    total = np.zeros(len(line))
    for least, most, climb in edges:
        low, high = least - line, most - line
        with np.errstate(invalid="ignore", divide="ignore"):
            cut = -low * low / (2 * (high - low))
        total += climb * np.where(high <= 0, (low + high) / 2, np.where(low >= 0, 0.0, cut))
    return total
