"""From the pixels of a target grid to the pixels of a source: where each target pixel looks.

Coordinates of pixels are those of GDAL: 0, 0 is the outer corner of the first pixel, 0.5, 0.5 its centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rasteret_sql.arrays import Floats
from rasteret_sql.geo.affine import invert
from rasteret_sql.geo.antimeridian import wrap_around
from rasteret_sql.geo.crs import transformer, turn_of
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Window

DEGREE = 8
"""Of the polynomial that stands for the transformation within a tile of target."""
TILE = 256
"""Largest rows and columns of such a tile."""
MAX_POINTS_ONE_BY_ONE = 150
"""Points that are transformed one by one: a polynomial takes 81, and 64 that check it."""
TOLERANCE = 1e-4
"""Pixels of the source by which the polynomial may miss one of its checks."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Where the pixels of ``target`` lie in ``source``.

    PROJ is asked at the Chebyshev points of tiles of the target, and between them a polynomial of two
    variables answers. It is checked against PROJ at 64 other points; where one is missed by more than
    ``TOLERANCE``, the tile is divided, down to pixels that are each asked for. NaN is not a place at all.
    """

    target: Grid
    source: Grid

    def at(self, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Columns and rows of the source at places of the target, asked of PROJ one by one."""
        a, b, c, d, e, f = self.target.transform
        there = transformer(self.target.known_crs, self.source.known_crs)
        if there is None and not self._wraps():
            return self._affine(columns, rows)
        x, y = c + a * columns + b * rows, f + d * columns + e * rows
        if there is not None:
            shape = x.shape
            x, y = there.transform(x.ravel(), y.ravel(), errcheck=False)
            x, y = x.reshape(shape), y.reshape(shape)
        bad = ~(np.isfinite(x) & np.isfinite(y))
        if bad.any():
            x, y = np.where(bad, np.nan, x), np.where(bad, np.nan, y)
        turn = turn_of(self.source.known_crs)
        if turn:
            xmin, _, xmax, _ = self.source.bounds
            x = wrap_around(x, (xmin + xmax) / 2, turn)
        _, _, left, _, _, top = self.source.transform
        to_a, to_b, _, to_d, to_e, _ = invert(self.source.transform)
        x, y = x - left, y - top
        return x * to_a + y * to_b, x * to_d + y * to_e

    def centres(self, window: Window) -> tuple[Floats, Floats]:
        """Of the pixels in a window of the target: two arrays of (rows, columns)."""
        return self._lattice(window.x_off + 0.5, window.y_off + 0.5, window.width, window.height)

    def corners(self, window: Window) -> tuple[Floats, Floats]:
        """Of the pixels' corners: two arrays of (rows + 1, columns + 1)."""
        return self._lattice(window.x_off, window.y_off, window.width + 1, window.height + 1)

    def is_affine(self) -> bool:
        """Whether straight lines stay straight."""
        return transformer(self.target.known_crs, self.source.known_crs) is None and not self._wraps()

    def scales(self) -> tuple[float, float]:
        """Columns and rows of the source that one step of the target takes; the median of nine places."""
        columns, rows = (np.linspace(0.5, size - 0.5, 3) for size in (self.target.width, self.target.height))
        x, y = (g.ravel() for g in np.meshgrid(columns, rows))
        right, left = self.at(x + 0.5, y), self.at(x - 0.5, y)
        below, above = self.at(x, y + 0.5), self.at(x, y - 0.5)
        medians = []
        for axis in (0, 1):
            steps = np.hypot(right[axis] - left[axis], below[axis] - above[axis])
            steps = steps[np.isfinite(steps)]
            medians.append(float(np.median(steps)) if len(steps) else 1.0)
        return medians[0], medians[1]

    def _wraps(self) -> bool:
        """Same CRS, of longitudes, and the target lies a turn away from the source."""
        turn = turn_of(self.target.known_crs)
        if not turn:
            return False
        xmin, _, xmax, _ = self.source.bounds
        left, _, right, _ = self.target.bounds
        return left < (xmin + xmax) / 2 - turn / 2 or right > (xmin + xmax) / 2 + turn / 2

    def _affine(self, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Both affines in one: differences of large coordinates are taken first, so edges that meet do."""
        a, b, c, d, e, f = self.target.transform
        _, _, left, _, _, top = self.source.transform
        to_a, to_b, _, to_d, to_e, _ = invert(self.source.transform)
        x, y = c - left, f - top
        return (
            columns * (a * to_a + d * to_b) + rows * (b * to_a + e * to_b) + (x * to_a + y * to_b),
            columns * (a * to_d + d * to_e) + rows * (b * to_d + e * to_e) + (x * to_d + y * to_e),
        )

    def _lattice(self, left: float, top: float, across: int, down: int) -> tuple[Floats, Floats]:
        columns = left + np.arange(across, dtype=np.float64)[None, :]
        rows = top + np.arange(down, dtype=np.float64)[:, None]
        if self.is_affine():
            return self._affine(columns, rows)
        x, y = np.empty((down, across)), np.empty((down, across))
        tiles = [
            (slice(j, min(j + TILE, down)), slice(i, min(i + TILE, across)))
            for j in range(0, down, TILE)
            for i in range(0, across, TILE)
        ]
        while tiles:
            tile = tiles.pop()
            c, r = columns[0, tile[1]], rows[tile[0], 0]
            if c.size * r.size <= MAX_POINTS_ONE_BY_ONE:
                x[tile], y[tile] = self.at(*np.meshgrid(c, r))
            elif not self._fit(c, r, x[tile], y[tile]):
                tiles.extend(_quarters(*tile))
        return x, y

    def _fit(self, columns: Floats, rows: Floats, x: Floats, y: Floats) -> bool:
        """Fill a tile by polynomials; False where they miss a check."""
        nodes, checks, to_checks = _points()
        places = []
        for points in (nodes, checks):
            at_columns, at_rows = (
                (along[0] + along[-1]) / 2 + points * (along[-1] - along[0]) / 2 for along in (columns, rows)
            )
            places.append([grid.ravel() for grid in np.meshgrid(at_columns, at_rows)])
        images = self.at(*(np.concatenate(both) for both in zip(*places, strict=True)))
        across, down = _basis(len(columns)), _basis(len(rows))
        for values, out in zip(images, (x, y), strict=True):
            known = values[: len(nodes) ** 2].reshape(len(nodes), len(nodes))
            missed = to_checks @ known @ to_checks.T - values[len(nodes) ** 2 :].reshape(DEGREE, DEGREE)
            if not (np.abs(missed) <= TOLERANCE).all():  # NaN compares false
                return False
            np.matmul(down @ known, across.T, out=out)
        return True


def _quarters(rows: slice, columns: slice) -> list[tuple[slice, slice]]:
    """A tile cut across each side that is long enough."""
    cuts = []
    for side in (rows, columns):
        middle = (side.start + side.stop) // 2
        long = side.stop - side.start > 8
        cuts.append([slice(side.start, middle), slice(middle, side.stop)] if long else [side])
    return [(r, c) for r in cuts[0] for c in cuts[1]]


@lru_cache(1)
def _points() -> tuple[Floats, Floats, Floats]:
    """Nodes from -1 to 1 (corners and edges among them), checks between them, and the matrix to these."""
    nodes = np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
    checks = np.cos(np.pi * (np.arange(DEGREE) + 0.5) / DEGREE)
    return nodes, checks, _interpolation(nodes, checks)


@lru_cache(64)
def _basis(count: int) -> Floats:
    """From values at the nodes to values at ``count`` equal steps."""
    return _interpolation(_points()[0], np.linspace(-1.0, 1.0, count))


def _interpolation(nodes: Floats, wanted: Floats) -> Floats:
    """The matrix of barycentric interpolation between Chebyshev points of the second kind."""
    weights = np.ones(len(nodes))
    weights[1::2] = -1
    weights[[0, -1]] /= 2
    distance = wanted[:, None] - nodes[None, :]
    here = distance == 0
    terms = weights / np.where(here, 1.0, distance)
    matrix: Floats = terms / terms.sum(axis=1, keepdims=True)
    exact = here.any(axis=1)
    matrix[exact] = here[exact]
    return matrix
