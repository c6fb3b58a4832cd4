"""Random rasters and geometries on them, for comparisons with rasterio."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import shapely
from affine import Affine

SIZES = [(1, 1), (5, 7), (20, 13), (40, 40), (3, 60)]
"""Columns and rows."""


def any_transform(rng: random.Random) -> Affine:
    """North-up, south-up, mirrored, rotated, and axes swapped; metres and degrees."""
    a, e = rng.uniform(0.1, 30), rng.uniform(0.1, 30)
    c, f = rng.uniform(-1e6, 1e6), rng.uniform(-1e6, 1e6)
    return rng.choice(
        [
            Affine(1, 0, 0, 0, 1, 0),
            Affine(10, 0, rng.randint(30_000, 90_000) * 10, 0, -10, rng.randint(100_000, 900_000) * 10),
            Affine(1 / 12_000, 0, rng.uniform(-180, 180), 0, -1 / 12_000, rng.uniform(-80, 80)),
            Affine(a, 0, c, 0, -e, f),
            Affine(a, 0, c, 0, e, f),
            Affine(-3, 0, 100, 0, -2, 50),
            Affine(0, 5, 1e5, 5, 0, 2e5),
            Affine.translation(c, f) @ Affine.rotation(rng.uniform(0, 360)) @ Affine.scale(a, -e),
        ]
    )


class Shapes:
    """Random geometries around a grid, in its pixels.

    ``kind`` says where vertices lie: ``anywhere``, or on ``grid`` lines, ``centres`` of pixels, ``halves``,
    ``eighths``, within ``noise`` of grid lines, or ``far`` outside.
    """

    KINDS = ("anywhere", "grid", "centres", "halves", "eighths", "noise", "far")

    def __init__(self, rng: random.Random, width: int, height: int, kind: str, overhang: float = 0.3) -> None:
        self.rng, self.width, self.height, self.kind, self.overhang = rng, width, height, kind, overhang

    def vertex(self) -> tuple[float, float]:
        return self._place(self.width), self._place(self.height)

    def _place(self, size: int) -> float:
        value = self.rng.uniform(-self.overhang * size, (1 + self.overhang) * size)
        noise = self.rng.choice([0, 0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-5, -1e-5, 1e-3, 0.005])
        places = {
            "anywhere": value,
            "grid": round(value),
            "centres": math.floor(value) + 0.5,
            "halves": round(value * 2) / 2,
            "eighths": round(value * 8) / 8,
            "noise": round(value) + noise if self.rng.random() < 0.5 else value,
            "far": value * 1000,
        }
        return float(places[self.kind])

    def ring(self) -> list[tuple[float, float]]:
        """Star, box, sliver, staircase, one vertex twice, or any self-crossing walk."""
        rng, vertex = self.rng, self.vertex
        match rng.randrange(6):
            case 0:
                (x, y), n, r = vertex(), rng.randint(3, 30), rng.uniform(0.5, max(self.width, self.height))
                turns = [2 * math.pi * i / n for i in range(n)]
                radii = [r * rng.uniform(0.3, 1) for _ in turns]
                return [(x + q * math.cos(t), y + q * math.sin(t)) for q, t in zip(radii, turns, strict=True)]
            case 1:
                (a, b), (c, d) = vertex(), vertex()
                box = [(a, b), (c, b), (c, d), (a, d)]
                return box if rng.random() < 0.5 else box[::-1]
            case 2:
                (a, b), (c, d), thin = vertex(), vertex(), rng.choice([1e-9, 1e-3, 0.3])
                return [(a, b), (c, d), (c + thin, d + thin)]
            case 3:
                stairs = [vertex()]
                for _ in range(rng.randint(2, 8)):
                    x, y = vertex()
                    stairs += [(x, stairs[-1][1]), (x, y)]
                return stairs
            case 4:
                walk = [vertex() for _ in range(rng.randint(3, 6))]
                return [walk[0], *walk]
            case _:
                return [vertex() for _ in range(rng.randint(3, 12))]

    def polygon(self) -> Any:
        holes = [self.ring() for _ in range(self.rng.choice([0, 0, 0, 1, 2]))]
        return shapely.Polygon(self.ring(), holes)

    def multipolygon(self) -> Any:
        return shapely.MultiPolygon([self.polygon() for _ in range(self.rng.randint(1, 4))])

    def line(self) -> Any:
        return shapely.LineString([self.vertex() for _ in range(self.rng.randint(2, 8))])

    def lines(self) -> Any:
        return shapely.MultiLineString([self.line() for _ in range(3)])

    def points(self) -> Any:
        return shapely.MultiPoint([self.vertex() for _ in range(5)])

    def collection(self) -> Any:
        return shapely.GeometryCollection([self.polygon(), self.line(), self.points()])


def to_world(geometry: Any, transform: Affine) -> Any:
    """From pixels to the CRS of ``transform``."""
    return shapely.transform(geometry, lambda xy: np.array([transform @ (x, y) for x, y in xy.tolist()]))
