"""Pixels along lines: Bresenham's walk, and every pixel that an edge passes through (GDAL's two ways).

``touched_by_edges`` is the rule of GDAL 3.8 to 3.10. GDAL 3.12 treats an edge as parallel to an axis only
when it is shorter than 0.01 pixels across it, not also when it stays within one column or row. The two
differ by pixels that an edge meets within 1e-4 pixels of a grid line: edges whose ends lie on grid lines.
"""

from __future__ import annotations

from math import floor

import numpy as np

from rasteret_sql.arrays import Bools, Floats, Integers

ALIGNED = 1e-4
"""Closer than this (pixels) to a grid line counts as on it."""
STEEP = 0.01
"""Shorter than this (pixels) across an axis, an edge counts as parallel to the other one."""
NUDGE = 1e-9
"""Least step (pixels) past a grid line."""
FAR = 1e9
"""Pixels; vertices farther away are moved to it, so that 64-bit products cannot overflow."""


def bresenham(x: Floats, y: Floats, start: Integers, height: int, width: int) -> Integers:
    """Flat numbers of the pixels of the walk from vertex ``start + 1`` to ``start``, in whole pixels.

    GDAL walks a line from its last vertex to its first, which decides ties. Only the steps inside the grid
    along the longer axis are expanded.
    """
    column = np.clip(np.floor(x), -FAR, FAR).astype(np.int64)
    row = np.clip(np.floor(y), -FAR, FAR).astype(np.int64)
    across, down = column[start] - column[start + 1], row[start] - row[start + 1]
    wide = abs(across) >= abs(down)
    begin, end = start[wide] + 1, start[wide]
    columns, rows = _walk_major(column[begin], column[end], row[begin], row[end], width, height)
    begin, end = start[~wide] + 1, start[~wide]
    tall_rows, tall_columns = _walk_major(row[begin], row[end], column[begin], column[end], height, width)
    return np.concatenate((rows * width + columns, tall_rows * width + tall_columns))


def _walk_major(
    major: Integers, major_end: Integers, minor: Integers, minor_end: Integers, size: int, breadth: int
) -> tuple[Integers, Integers]:
    """Both places of walks along their longer axis, ``size`` long: one pixel a step, error in closed form."""
    long, short = abs(major_end - major), abs(minor_end - minor)
    forward = major_end >= major
    first = np.maximum(0, np.where(forward, -major, major - (size - 1)))
    last = np.minimum(long, np.where(forward, size - 1 - major, major))
    count = np.maximum(last - first + 1, 0)
    step = np.arange(int(count.sum())) + np.repeat(first - (np.cumsum(count) - count), count)
    along = np.repeat(major, count) + np.where(np.repeat(forward, count), step, -step)
    doubled = np.repeat(np.maximum(2 * long, 1), count)
    offset = (2 * np.repeat(short, count) * step + np.repeat(long, count) - 1) // doubled
    offset[np.repeat(long, count) == 0] = 0
    across = np.repeat(minor, count) + np.where(np.repeat(minor_end >= minor, count), offset, -offset)
    here = (across >= 0) & (across < breadth)
    return along[here], across[here]


def touched_by_edges(
    x: Floats, y: Floats, start: Integers, height: int, width: int, *, filled: bool
) -> Integers:
    """Flat numbers of the pixels that the edges from vertex ``start`` to ``start + 1`` pass through.

    ``filled``: the edges bound a polygon that is filled as well, so edges along the grid lines are left
    out: they touch no pixel that the fill does not cover.
    """
    swap = x[start] > x[start + 1]
    left, right = np.where(swap, start + 1, start), np.where(swap, start, start + 1)
    x1, y1, x2, y2 = x[left], y[left], x[right], y[right]
    top, bottom = np.minimum(y1, y2), np.maximum(y1, y2)
    near = (bottom >= 0) & (top <= height) & (x2 >= 0) & (x1 <= width)
    vertical = near & ((np.floor(x1) == np.floor(x2)) | (x2 - x1 < STEEP))
    horizontal = near & ~vertical & ((np.floor(y1) == np.floor(y2)) | (bottom - top < STEEP))
    sloped = near & ~vertical & ~horizontal
    if filled:
        vertical &= ~(_aligned(x1) & _aligned(x2))
        horizontal &= ~(_aligned(y1) & _aligned(y2))
    columns, rows = _straight(x2[vertical], top[vertical], bottom[vertical], width, height)
    flat_rows, flat_columns = _straight(y1[horizontal], x1[horizontal], x2[horizontal], height, width)
    touched: list[int] = []
    ends = np.column_stack((x1, y1, x2, y2))[sloped].tolist()
    for left_x, left_y, right_x, right_y in ends:
        _pass_through(touched, left_x, left_y, right_x, right_y, width, height)
    sloping = np.array(touched, np.int64)
    return np.concatenate((rows * width + columns, flat_rows * width + flat_columns, sloping))


def _aligned(value: Floats) -> Bools:
    close: Bools = abs(value - np.rint(value)) < ALIGNED
    return close


def _straight(x: Floats, top: Floats, bottom: Floats, width: int, height: int) -> tuple[Integers, Integers]:
    """Column and row of straight runs down column ``floor(x)``."""
    here = (x >= 0) & (x < width)
    column = x[here].astype(np.int64)
    first = np.maximum(np.floor(top[here]), 0).astype(np.int64)
    last = np.clip(np.floor(bottom[here] - ALIGNED), -1, height - 1).astype(np.int64)
    count = np.maximum(last - first + 1, 0)
    row = np.arange(int(count.sum())) + np.repeat(first - (np.cumsum(count) - count), count)
    return np.repeat(column, count), row


def _pass_through(
    touched: list[int], x: float, y: float, x_end: float, y_end: float, width: int, height: int
) -> None:
    """Append the flat indices of the pixels that one sloped edge passes, from left to right.

    Steps from grid line to grid line in the order of GDAL's own sums: where an edge passes exactly through
    the corners of pixels, the rounding of those sums decides which of the neighbours count.
    """
    slope = (y_end - y) / (x_end - x)
    if x_end > width:
        y_end -= (x_end - width) * slope
        x_end = float(width)
    if x < 0.0:
        y += (0.0 - x) * slope
        x = 0.0
    if slope > 0 and y < 0.0:
        x += (0.0 - y) / slope
        y = 0.0
    elif slope < 0:
        if y >= height:
            x += (height - y) / slope
            y = float(height)
        if y_end < 0.0:
            x_end -= y_end / slope
    while x < x_end:
        column, row = floor(x), floor(y)
        if 0 <= row < height:
            touched.append(row * width + column)
        elif (row >= height) == (slope > 0):
            return  # below going down, above going up: the edge does not come back
        step_x = floor(x + 1.0) - x
        step_y = step_x * slope
        if floor(y + step_y) != row:
            step_y = min(row - y, -NUDGE) if slope < 0 else max(row + 1 - y, NUDGE)
            step_x = step_y / slope
        x += step_x
        y += step_y
