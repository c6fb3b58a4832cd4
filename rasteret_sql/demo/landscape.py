"""An invented stretch of farmland on both sides of 12° E: what the land is made of.

One plane serves both UTM zones: *world* coordinates are metres of EPSG:32632, carried on past the
zone's edge. Everything is a pure function of the seed, so that any scene can be made again and compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Box = tuple[float, float, float, float]

PIXEL_M = 10.0
ORIGIN = (716_900.0, 5_326_200.0)
"""World coordinates (EPSG:32632) of the upper left corner."""
SHAPE = (1_210, 1_640)
"""Rows and columns of the world, at ``PIXEL_M``."""
TILT = float(np.deg2rad(17.0))
"""The fields lie at this angle to the grid."""

LABELS = ("track", "wheat", "maize", "grass", "forest", "village", "water")
"""What covers the land; a label's code is its place here."""
SHARES = {"wheat": 0.37, "maize": 0.31, "grass": 0.28, "village": 0.04}
"""What farmed parcels are given to; woods, water and tracks have places of their own."""
LAKES: tuple[Box, ...] = (
    (3_300.0, 3_350.0, 4_300.0, 4_050.0),
    (7_700.0, 4_700.0, 8_450.0, 5_750.0),
    (11_300.0, 9_300.0, 12_500.0, 10_000.0),
)
"""Boxes of ellipses in the parcel frame."""


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell_px: float, octaves: int = 1
) -> Floats:
    """Value noise of about -1 to 1, float32 (rows, columns): random knots every ``cell_px``, eased."""
    out = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = cell_px / 2**octave
        knots = rng.uniform(-1, 1, tuple(int(n / size) + 2 for n in shape)).astype(np.float32)
        rows, cols = (_easing(n, knots.shape[axis], size) for axis, n in enumerate(shape))
        out += (rows @ knots @ cols.T) * np.float32(0.5**octave)
    return out


def _easing(length: int, knot_count: int, size: float) -> Floats:
    """Matrix (length, knots) that blends the two knots around each pixel by smoothstep."""
    at = np.arange(length) / size
    low = at.astype(int)
    t = at - low
    t = t * t * (3 - 2 * t)
    weights = np.zeros((length, knot_count), np.float32)
    weights[np.arange(length), low] = 1 - t
    weights[np.arange(length), low + 1] = t
    return weights


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One piece of land in the parcel frame (tilted; metres right and down from the world's origin)."""

    number: int
    label: str
    box: Box
    is_lake: bool = False
    """An ellipse in its box, rather than the box."""

    def outline(self, inset_m: float) -> Doubles:
        """Its ring (n, 2), drawn inwards so that its pixels belong to no neighbour."""
        x0, y0, x1, y1 = (v + d * inset_m for v, d in zip(self.box, (1, 1, -1, -1), strict=True))
        if self.is_lake:
            turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
            x = (x0 + x1) / 2 + (x1 - x0) / 2 * np.cos(turn)
            y = (y0 + y1) / 2 + (y1 - y0) / 2 * np.sin(turn)
            return np.column_stack([x, y])
        t = np.linspace(0, 1, 6, endpoint=False)[:, None]
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        return np.concatenate(
            [a + t * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
        )


class Landscape:
    """The land of one seed; its rasters are made when first wanted and then kept."""

    def __init__(self, seed: int = 12) -> None:
        self.seed = seed

    def rng(self, *purpose: int) -> np.random.Generator:
        """A random stream of its own for every purpose, so that nothing depends on the order of calls."""
        return np.random.default_rng((self.seed, *purpose))

    @cached_property
    def _bend(self) -> tuple[Floats, Floats]:
        """How far (metres right, down) the parcel frame is bent at each pixel: no edge is quite straight."""
        right, down = (90 * smooth_noise(self.rng(1, axis), SHAPE, 260.0) for axis in range(2))
        return right, down

    def from_parcel_frame(self, ring: Doubles) -> Doubles:
        """World coordinates (n, 2; EPSG:32632) of points of the parcel frame, by fixed-point iteration."""
        straight = ring @ np.array([(np.cos(TILT), -np.sin(TILT)), (np.sin(TILT), np.cos(TILT))])
        at = straight
        for _ in range(12):
            col, row = (np.clip(at / PIXEL_M, 0, np.array(SHAPE[::-1]) - 1).astype(int)).T
            at = straight - np.column_stack([bend[row, col] for bend in self._bend])
        return np.column_stack([ORIGIN[0] + at[:, 0], ORIGIN[1] - at[:, 1]])

    @cached_property
    def parcels(self) -> tuple[Parcel, ...]:
        """Boxes split until each has a field's size, then the lakes; numbered from 1."""
        rng = self.rng(2)
        waiting: list[Box] = [(-3_900.0, -300.0, 16_100.0, 16_800.0)]
        boxes: list[Box] = []
        while waiting:
            x0, y0, x1, y1 = waiting.pop()
            w, h = x1 - x0, y1 - y0
            if max(w, h) < rng.uniform(350, 900) or min(w, h) < 230:
                boxes.append((x0, y0, x1, y1))
                continue
            cut = rng.uniform(0.36, 0.64)
            if w > h * rng.uniform(0.7, 1.3):
                waiting += [(x0, y0, x0 + w * cut, y1), (x0 + w * cut, y0, x1, y1)]
            else:
                waiting += [(x0, y0, x1, y0 + h * cut), (x0, y0 + h * cut, x1, y1)]
        labels = [*self._uses(np.array(boxes)), *("water" for _ in LAKES)]
        return tuple(
            Parcel(number=number, label=label, box=box, is_lake=number > len(boxes))
            for number, (label, box) in enumerate(zip(labels, [*boxes, *LAKES], strict=True), 1)
        )

    def _uses(self, boxes: Doubles) -> list[str]:
        """The label of each box (n, 4): woods lie together on poor land, the rest is farmed at random."""
        centres = self.from_parcel_frame(boxes.reshape(-1, 2, 2).mean(1))
        col, row = ((centres - ORIGIN) * (1, -1) / PIXEL_M).clip(0, np.array(SHAPE[::-1]) - 1).astype(int).T
        poor = smooth_noise(self.rng(9), SHAPE, 210.0, octaves=2)[row, col] > 0.62
        farmed = self.rng(10).choice(list(SHARES), len(boxes), p=list(SHARES.values()))
        return ["forest" if wood else str(label) for wood, label in zip(poor, farmed, strict=True)]

    @cached_property
    def parcel_numbers(self) -> Ints:
        """The parcel of each pixel, int32 (rows, columns); 0 on tracks, -1 in the river."""
        down, right = np.indices(SHAPE, np.float32) * np.float32(PIXEL_M) + np.float32(PIXEL_M / 2)
        u, v = right + self._bend[0], down + self._bend[1]
        x, y = u * np.cos(TILT) - v * np.sin(TILT), u * np.sin(TILT) + v * np.cos(TILT)
        step, left, top = 5.0, float(x.min()), float(y.min())
        frame = np.zeros((int((y.max() - top) / step) + 1, int((x.max() - left) / step) + 1), np.int32)
        for parcel in self.parcels:
            gap = 0.0 if parcel.is_lake else 5.0
            x0, y0, x1, y1 = parcel.box
            c0, c1 = (max(0, round((at - left) / step)) for at in (x0 + gap, x1 - gap))
            r0, r1 = (max(0, round((at - top) / step)) for at in (y0 + gap, y1 - gap))
            block = frame[r0:r1, c0:c1]
            block[_ellipse(block.shape) if parcel.is_lake else ...] = parcel.number
        numbers: Ints = frame[((y - top) / step).astype(np.int32), ((x - left) / step).astype(np.int32)]
        bed = 4_300 + 0.3 * right + 520 * np.sin(right / 1_900) + 180 * np.sin(right / 560 + 1)
        numbers[np.abs(down - bed) < 55 + 15 * np.sin(right / 900)] = -1
        return numbers

    @cached_property
    def cover(self) -> npt.NDArray[np.uint8]:
        """The code (place in ``LABELS``) of what covers each pixel, uint8 (rows, columns)."""
        codes = np.array([0, *(LABELS.index(p.label) for p in self.parcels), LABELS.index("water")], np.uint8)
        return codes[self.parcel_numbers]

    @cached_property
    def texture(self) -> Floats:
        """Differences within a parcel, float32 around 0: soil, and the coarse grain of woods and roofs."""
        soil = smooth_noise(self.rng(3), SHAPE, 26.0, octaves=3)
        grain = smooth_noise(self.rng(4), SHAPE, 3.0)
        grain_share = np.array([0.2, 0.1, 0.15, 0.15, 1.1, 2.2, 0.05], np.float32)[self.cover]
        soil_share = np.array([0.3, 1, 1, 0.9, 0.5, 0.8, 0.15], np.float32)[self.cover]
        return (0.11 * soil * soil_share + 0.1 * grain * grain_share).astype(np.float32)


def _ellipse(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    y, x = (np.linspace(-1, 1, n) for n in shape)
    return np.asarray(x[None, :] ** 2 + y[:, None] ** 2 < 1)
