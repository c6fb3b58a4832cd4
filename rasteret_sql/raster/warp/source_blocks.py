"""Which pixels of a source a target grid needs, before any of them is read."""

from __future__ import annotations

import numpy as np

from rasteret_sql.arrays import Floats
from rasteret_sql.blocks.selection import Selection
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.geo.window import Window, clip_window

SMOOTH = 0.5
"""Pixels of the source by which the sides of a cell may bend, and"""
SMOOTH_SHARE = 0.02
"""the share of its size; a cell that bends more is divided."""
MAX_CELLS = 1 << 17
"""More are not looked at: the whole source is taken instead."""
EDGE = 1e-3
"""Pixels added on every side, for rounding."""


def boxes(mapping: Mapping, margin: float, *, corners: bool) -> Floats:
    """Rectangles of the source, (n, 4) as xmin, ymin, xmax, ymax in its pixels, that hold all it takes.

    Parts of the target are moved to the source as cells of nine points, and divided until they are nearly
    straight there: at the antimeridian, or where a projection ends, down to single pixels. ``margin``: pixels
    around a place that its value depends on. ``corners``: of the target pixels, not only their centres.
    """
    size = np.array([mapping.target.width, mapping.target.height], np.float64)
    low = 0.0 if corners else 0.5
    cells = np.array([[low, low, *(size - low)]])
    done = []
    while len(cells):
        if len(cells) > MAX_CELLS:
            return np.array([[0.0, 0.0, mapping.source.width, mapping.source.height]])
        x, y = _nine(mapping, cells)
        bounds, bend = _bounds(x, y)
        smooth = (bend <= SMOOTH + SMOOTH_SHARE * (bounds[:, 2:] - bounds[:, :2])).all(axis=1)
        bounds += np.concatenate((-bend, bend), axis=1)
        done.append(bounds[smooth])
        sides = cells[:, 2:] - cells[:, :2]
        single = ~smooth & (sides <= 1).all(axis=1)
        if single.any():  # a pixel on a seam: its nine points, each by itself
            points = np.stack((x[single], y[single]), axis=-1).reshape(-1, 2)
            points = points[np.isfinite(points).all(axis=1)]
            done.append(np.concatenate((points - 1, points + 1), axis=1))
        cells = _divide(cells[~smooth & ~single & np.isfinite(x + y).any(axis=(1, 2))])
    around = margin + EDGE
    bounds = np.concatenate(done)
    bounds += (-around, -around, around, around)
    return bounds


def _nine(mapping: Mapping, cells: Floats) -> tuple[Floats, Floats]:
    """Corners, middles of the sides and centre of every cell, in the source: two arrays of (n, 3, 3)."""
    at = np.array([0.0, 0.5, 1.0])
    columns = cells[:, None, None, 0] + at[None, None, :] * (cells[:, 2] - cells[:, 0])[:, None, None]
    rows = cells[:, None, None, 1] + at[None, :, None] * (cells[:, 3] - cells[:, 1])[:, None, None]
    columns, rows = np.broadcast_arrays(columns, rows)
    return mapping.at(np.ascontiguousarray(columns), np.ascontiguousarray(rows))


def _bounds(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Bounds of the nine points, and how far columns and rows bend; NaN where a point has no place."""
    bends, lows, highs = [], [], []
    for places in (x, y):
        across = np.abs(places[:, :, 0] - 2 * places[:, :, 1] + places[:, :, 2])
        down = np.abs(places[:, 0] - 2 * places[:, 1] + places[:, 2])
        bends.append((across.max(axis=1) + down.max(axis=1)) / 2)
        lows.append(places.min(axis=(1, 2)))
        highs.append(places.max(axis=(1, 2)))
    return np.stack((*lows, *highs), axis=1), np.stack(bends, axis=1)


def _divide(cells: Floats) -> Floats:
    """Every cell in two along each side that is longer than a pixel."""
    for axis in (0, 1):
        long = cells[:, axis + 2] - cells[:, axis] > 1
        first, second = cells[long].copy(), cells[long].copy()
        middle = (cells[long, axis] + cells[long, axis + 2]) / 2
        first[:, axis + 2], second[:, axis] = middle, middle
        cells = np.concatenate((cells[~long], first, second))
    return cells


def window_of(boxes: Floats, width: int, height: int) -> Window | None:
    """The smallest window of whole pixels that holds the parts of the boxes inside the raster."""
    kept = _inside(boxes, width, height)
    if not len(kept):
        return None
    left, top = np.floor(kept[:, :2].min(axis=0)).astype(int).tolist()
    right, bottom = (np.floor(kept[:, 2:].max(axis=0)).astype(int) + 1).tolist()
    return clip_window(Window(x_off=left, y_off=top, width=right - left, height=bottom - top), width, height)


def _inside(boxes: Floats, width: int, height: int) -> Floats:
    """Boxes that touch the raster, cut to it: pixels outside may be far beyond any integer."""
    there = (boxes[:, 2] >= 0) & (boxes[:, 3] >= 0) & (boxes[:, 0] <= width) & (boxes[:, 1] <= height)
    limit = np.array([width, height, width, height], np.float64)
    cut: Floats = np.clip(boxes[there], -1, limit)
    return cut


def keep_blocks_touching(selection: Selection, boxes: Floats) -> Selection:
    """Only the blocks that a box touches; all when they are few."""
    if len(selection.blocks) <= 1 or len(boxes) <= 1:
        return selection
    image = selection.stored.image
    tile = np.array([image.tile_width, image.tile_height] * 2)
    kept = _inside(boxes, image.width, image.height)
    first_column, first_row, last_column, last_row = (np.floor(kept / tile).astype(int)).T
    # the sum over all before it is above 0 where a block lies in a box
    steps = np.zeros((image.down + 2, image.across + 2), np.int64)
    low = (np.maximum(first_row, 0), np.maximum(first_column, 0))
    high = (np.minimum(last_row, image.down - 1) + 1, np.minimum(last_column, image.across - 1) + 1)
    np.add.at(steps, (low[0], low[1]), 1)
    np.add.at(steps, (high[0], high[1]), 1)
    np.add.at(steps, (low[0], high[1]), -1)
    np.add.at(steps, (high[0], low[1]), -1)
    used = steps.cumsum(axis=0).cumsum(axis=1)[: image.down, : image.across] > 0
    return selection.only(used.ravel()[selection.blocks % (image.across * image.down)])
