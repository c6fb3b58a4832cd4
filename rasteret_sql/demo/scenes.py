"""What a satellite sees of the landscape: two UTM zones, six dates, clouds, and the edge of the orbit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from shapely import Polygon, box, transform

from rasteret_sql.demo.landscape import LABELS, ORIGIN, PIXEL_M, SHAPE, Floats, Ints, Landscape, smooth_noise

SIZE = 1_024
"""Rows and columns of a scene."""
BANDS = ("red", "nir", "scl")
NODATA = 0
SCALE, OFFSET = 0.0001, -0.1
"""Reflectance = stored number x SCALE + OFFSET, for red and nir."""
SCL_NAMES = {
    0: "no data",
    3: "cloud shadow",
    4: "vegetation",
    5: "not vegetated",
    6: "water",
    8: "cloud, medium probability",
    9: "cloud, high probability",
    10: "thin cirrus",
}
CLEAR_SCL = (4, 5, 6, 7)
"""Neither cloud nor shadow; 7 is unclassified."""

DATES = ("2024-04-14", "2024-05-14", "2024-06-03", "2024-06-28", "2024-07-23", "2024-08-27")
CLOUDINESS = (0.05, 0.13, 0.80, 0.02, 0.22, 0.09)
"""Share of the sky at each date; the third is of no use to anyone."""
REFLECTANCE: dict[str, tuple[tuple[float, float], ...]] = {
    # (red, near infrared) on each date
    "track": ((0.130, 0.20), (0.115, 0.23), (0.120, 0.24), (0.125, 0.24), (0.135, 0.23), (0.130, 0.22)),
    "wheat": ((0.062, 0.36), (0.034, 0.49), (0.050, 0.42), (0.100, 0.33), (0.172, 0.27), (0.160, 0.23)),
    "maize": ((0.150, 0.20), (0.145, 0.22), (0.110, 0.28), (0.052, 0.41), (0.032, 0.51), (0.050, 0.43)),
    "grass": ((0.052, 0.35), (0.038, 0.44), (0.058, 0.37), (0.046, 0.41), (0.056, 0.38), (0.050, 0.36)),
    "forest": ((0.042, 0.25), (0.028, 0.37), (0.026, 0.38), (0.026, 0.36), (0.028, 0.34), (0.032, 0.31)),
    "village": ((0.155, 0.21), (0.150, 0.22), (0.150, 0.23), (0.155, 0.23), (0.155, 0.22), (0.150, 0.21)),
    "water": ((0.034, 0.020), (0.032, 0.018), (0.036, 0.020), (0.034, 0.019), (0.038, 0.021), (0.036, 0.020)),
}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The tile of one UTM zone."""

    name: str
    epsg: int
    x: float
    y: float
    """Upper left corner, metres of the zone."""

    @property
    def crs(self) -> str:
        return f"EPSG:{self.epsg}"

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        return (PIXEL_M, 0.0, self.x, 0.0, -PIXEL_M, self.y)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in the zone."""
        return self.x, self.y - SIZE * PIXEL_M, self.x + SIZE * PIXEL_M, self.y


GRIDS = (
    Grid(name="32TQT", epsg=32632, x=717_500, y=5_325_000),
    Grid(name="33TUN", epsg=32633, x=274_500, y=5_325_000),
)
WORLD_EPSG = 32632
SWATHS: tuple[tuple[int, float], ...] = ((-1, 14_300.0), (1, 3_300.0))
"""Two orbits in turn: the side with data, and where the edge meets the world's top (m from its left)."""
SWATH_LEAN = 0.21
"""Metres the edge moves to the left for each metre down: the satellite flies to the south-south-west."""


@lru_cache(maxsize=8)
def _world_places(grid: Grid) -> tuple[Ints, Ints]:
    """World row and column of each pixel of a grid.

    Exact on a net of every 24th pixel and interpolated between, which is right to millimetres here.
    """
    net = np.arange(0, SIZE + 24, 24) + 0.5
    x, y = np.meshgrid(grid.x + net * PIXEL_M, grid.y - net * PIXEL_M)
    x, y = Transformer.from_crs(grid.epsg, WORLD_EPSG, always_xy=True).transform(x, y)
    at = np.arange(SIZE) / 24
    low = at.astype(int)
    weights = np.zeros((SIZE, len(net)), np.float64)
    weights[np.arange(SIZE), low] = 1 - (at - low)
    weights[np.arange(SIZE), low + 1] = at - low
    right, down = (weights @ v @ weights.T for v in ((x - ORIGIN[0]) / PIXEL_M, (ORIGIN[1] - y) / PIXEL_M))
    return down.astype(np.int32), right.astype(np.int32)


class Weather:
    """Clouds over the whole world on one date, and their shadows."""

    def __init__(self, land: Landscape, date: int) -> None:
        noise = smooth_noise(land.rng(5, date), SHAPE, 330.0, octaves=5)
        edge = np.quantile(noise[::8, ::8], 1 - CLOUDINESS[date])
        self.cloud: Floats = np.clip((noise - edge) / np.float32(0.16) + 0.5, 0, 1)
        """Opacity, 0 to 1, float32 (rows, columns)."""
        self.shadow: Floats = np.roll(self.cloud, (-46, -31), (0, 1))
        """The sun stands in the south-east: shadows fall to the north-west."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One grid on one date."""

    land: Landscape
    grid: Grid
    date: int

    @property
    def id(self) -> str:
        return f"S2_{self.grid.epsg}_{DATES[self.date].replace('-', '')}"

    @property
    def datetime(self) -> datetime:
        """UTC; the two grids of one pass are some seconds apart."""
        seconds = 4.0 * GRIDS.index(self.grid)
        return datetime.fromisoformat(DATES[self.date]).replace(
            hour=10, minute=10, second=31, tzinfo=UTC
        ) + timedelta(seconds=seconds)

    @property
    def relative_orbit(self) -> int:
        return (65, 22)[self.date % 2]

    @cached_property
    def data_footprint(self) -> Polygon:
        """The part of the grid that the orbit saw, in the grid's CRS."""
        side, at = SWATHS[self.date % 2]
        far = side * 60_000.0
        top, bottom = ORIGIN[1] + 10_000, ORIGIN[1] - 40_000
        edge = [(ORIGIN[0] + at - SWATH_LEAN * (ORIGIN[1] - y), y) for y in (top, bottom)]
        swath = Polygon([*edge, (edge[1][0] + far, bottom), (edge[0][0] + far, top)])
        to_grid = Transformer.from_crs(WORLD_EPSG, self.grid.epsg, always_xy=True).transform
        seen = box(*self.grid.bounds).intersection(
            transform(swath.segmentize(2_000.0), to_grid, interleaved=False)
        )
        return Polygon(seen.exterior)

    def pixels(self) -> dict[str, npt.NDArray[np.uint16] | npt.NDArray[np.uint8]]:
        """The scene's bands (rows, columns): red and nir uint16, scl uint8; 0 where there are no data."""
        rows, cols = _world_places(self.grid)
        weather = _weather(self.land, self.date)
        cloud, shadow = weather.cloud[rows, cols], weather.shadow[rows, cols]
        cover = self.land.cover[rows, cols]
        red, nir = self._ground(rows, cols, cover)
        scl = self._classes(red, nir, cover, cloud, shadow)
        side, at = SWATHS[self.date % 2]
        unseen = side * (cols - (at - SWATH_LEAN * rows * PIXEL_M) / PIXEL_M) < 0
        out: dict[str, npt.NDArray[np.uint16] | npt.NDArray[np.uint8]] = {}
        for number, (name, ground) in enumerate((("red", red), ("nir", nir))):
            light = ground * (1 - 0.62 * shadow * (1 - cloud))
            light += cloud * (np.float32(0.56 + 0.03 * number) + 0.9 * (ground - 0.25) * 0.2 - light)
            rng = self.land.rng(6, self.date, self.grid.epsg, number)
            noise = rng.integers(-2, 3, light.shape, np.int8)
            stored = np.clip((light - OFFSET) / SCALE + noise, 1, 65_535).astype(np.uint16)
            stored[unseen] = NODATA
            out[name] = stored
        scl[unseen] = NODATA
        out["scl"] = scl
        return out

    def _ground(self, rows: Ints, cols: Ints, cover: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Reflectance of the cloudless land: the season's, early or late by parcel, with texture."""
        numbers, texture = self.land.parcel_numbers[rows, cols], self.land.texture[rows, cols]
        count = len(self.land.parcels) + 2
        haste = self.land.rng(7).uniform(-0.35, 0.35, count).astype(np.float32)
        vigour = self.land.rng(8).normal(0, 0.06, count).astype(np.float32)
        season = np.array([REFLECTANCE[label] for label in LABELS], np.float32)
        parcel_cover = np.array(
            [0, *(LABELS.index(p.label) for p in self.land.parcels), LABELS.index("water")]
        )
        at = np.clip(self.date + haste, 0, len(DATES) - 1)
        low = np.minimum(at.astype(int), len(DATES) - 2)
        blend = (at - low)[:, None]
        light = season[parcel_cover, low] * (1 - blend) + season[parcel_cover, low + 1] * blend
        light *= 1 + vigour[:, None] * np.array([-1, 1], np.float32)
        red, nir = light[:, 0][numbers], light[:, 1][numbers]
        return _blurred(red * (1 - 0.8 * texture)), _blurred(nir * (1 + texture))

    @staticmethod
    def _classes(
        red: Floats, nir: Floats, cover: npt.NDArray[np.uint8], cloud: Floats, shadow: Floats
    ) -> npt.NDArray[np.uint8]:
        """Sentinel-2's scene classification (``SCL_NAMES``)."""
        scl = np.where((nir - red) / (nir + red) > 0.35, 4, 5).astype(np.uint8)
        scl[cover == LABELS.index("water")] = 6
        scl[shadow > 0.35] = 3
        for code, opacity in ((10, 0.06), (8, 0.3), (9, 0.7)):
            scl[cloud > opacity] = code
        return scl


@lru_cache(maxsize=2)
def _weather(land: Landscape, date: int) -> Weather:
    return Weather(land, date)


def _blurred(light: Floats) -> Floats:
    """The optics: every pixel takes a little of its neighbours."""
    for axis in (0, 1):
        light = 0.6 * light + 0.2 * np.roll(light, 1, axis) + 0.2 * np.roll(light, -1, axis)
    return light


def scenes(land: Landscape) -> list[Scene]:
    """Every scene, by date and then grid."""
    return [Scene(land=land, grid=grid, date=date) for date in range(len(DATES)) for grid in GRIDS]
