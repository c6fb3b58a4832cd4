"""Fields and sample points, drawn at random as they lie on land: in villages, not evenly.

Coordinates are columns and rows, in pixels of a full Sentinel-2 tile.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

Spot = tuple[float, float]
Ring = tuple[Spot, ...]
"""Closed: it ends where it begins."""
PLOT = 64
"""Each field has a square of so many pixels to itself, so that no two overlap."""
ACROSS = 7
"""Plots of a village from west to east, and at most so many from north to south."""


def villages(rng: random.Random, count: int, across: int, corner: Spot) -> Iterator[Spot]:
    """Upper left corners of villages beside each other, in ``across`` x ``across`` places from ``corner``."""
    for place in rng.sample(range(across * across), count):
        row, column = divmod(place, across)
        yield corner[0] + column * ACROSS * PLOT, corner[1] + row * ACROSS * PLOT


def fields_of(rng: random.Random, village: Spot, count: int) -> Iterator[Ring]:
    """Fields of 5 to 60 pixels across, row by row."""
    for number in range(count):
        down, right = divmod(number, ACROSS)
        middle = village[0] + (right + 0.5) * PLOT, village[1] + (down + 0.5) * PLOT
        yield field(rng, middle, rng.uniform(5, 60))


def field(rng: random.Random, middle: Spot, across: float) -> Ring:
    """An irregular shape of 5 to 14 corners that does not cross itself, at most ``across`` long."""
    corners, turn, slim = rng.randint(5, 14), rng.uniform(0, math.pi), rng.uniform(0.4, 1)
    ring = []
    for number in range(corners):
        angle = (number + rng.uniform(0.1, 0.9)) / corners * math.tau
        reach = across / 2 * rng.uniform(0.6, 1)
        along, aside = reach * math.cos(angle), slim * reach * math.sin(angle)
        right = along * math.cos(turn) - aside * math.sin(turn)
        down = along * math.sin(turn) + aside * math.cos(turn)
        ring.append((middle[0] + right, middle[1] + down))
    return (*ring, ring[0])


def samples(rng: random.Random, clusters: int, each: int) -> Iterator[Spot]:
    """Points within 60 pixels, along columns and rows, of places anywhere but in the north."""
    for _ in range(clusters):
        column, row = rng.randrange(300, 10_500), rng.randrange(2500, 10_500)
        for _ in range(each):
            yield column + rng.uniform(-60, 60), row + rng.uniform(-60, 60)
