"""What is read: which pixels of which files, the same for every reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from tests.bench.shapes import Ring, Spot, field, fields_of, samples, villages

PIXEL_M = 10.0
ZONE = 32632
NEXT_ZONE = 32633
CORNER = (699_960.0, 5_300_040.0)
"""Upper left corner of the scenes of ``ZONE``, that of Sentinel-2's tile 32TQT."""
IN_BOTH = (3500, 5000)
"""Column and row of a pixel of theirs that lies in the middle of the scenes of ``NEXT_ZONE``."""
SENTINEL_SIZE = 10_980
"""Rows and columns of a Sentinel-2 band of 10 m; the positions below are in such pixels."""
BANDS = ("red", "nir", "scl")
STATISTICS = ("count", "mean", "stddev", "min", "max")
"""Of ``zonal`` (pixels whose centre is inside; stddev of a sample) and ``coverage`` (pixels by the fraction
that is inside; stddev of the population)."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A folder of the bucket with one COG a band."""

    id: str
    path: str
    """Below the bucket."""
    epsg: int
    x: float
    y: float
    """Upper left corner, in metres of the zone."""
    size: int
    """Rows and columns."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        extent = self.size * PIXEL_M
        return self.x, self.y - extent, self.x + extent, self.y


@dataclass(frozen=True, kw_only=True)
class Area:
    """A square of whole pixels of the zone's grid."""

    id: str
    x: float
    y: float
    """Upper left corner, in metres of ``ZONE``."""
    size: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        extent = self.size * PIXEL_M
        return self.x, self.y - extent, self.x + extent, self.y

    def window(self, scene: Scene) -> tuple[int, int, int, int]:
        """First column, first row, width and height in a scene of the same zone."""
        column, row = round((self.x - scene.x) / PIXEL_M), round((scene.y - self.y) / PIXEL_M)
        return column, row, self.size, self.size


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work. Its result maps keys to arrays, see ``kind``."""

    name: str
    title: str
    kind: str
    """``chips`` and ``warp`` (key ``scene/band/area``), ``points`` and ``samples`` (``scene``), ``zonal`` and
    ``coverage`` (``scene``: a line a field, ``STATISTICS``), ``index`` and ``full`` (``all``)."""
    scenes: tuple[Scene, ...]
    bands: tuple[str, ...] = ("red",)
    areas: tuple[Area, ...] = ()
    points: tuple[Spot, ...] = ()
    """x and y in metres of ``ZONE``."""
    fields: tuple[Ring, ...] = ()
    """Polygons without holes, in metres of ``ZONE``."""
    local: bool = False
    """From the files themselves, not from the server."""

    def assets(self) -> list[tuple[Scene, str]]:
        return [(scene, band) for scene in self.scenes for band in self.bands]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> Job:
        parts = {
            "scenes": tuple(Scene(**scene) for scene in values["scenes"]),
            "areas": tuple(Area(**area) for area in values["areas"]),
            "points": tuple((x, y) for x, y in values["points"]),
            "fields": tuple(tuple((x, y) for x, y in ring) for ring in values["fields"]),
            "bands": tuple(values["bands"]),
        }
        return Job(**values | parts)


def area(name: object, column: float, row: float, size: float, scene: Scene) -> Area:
    """A square at a place given in pixels of a full Sentinel-2 tile, on a scene of any size."""
    scale = scene.size / SENTINEL_SIZE
    x, y = (scene.x + int(column * scale) * PIXEL_M, scene.y - int(row * scale) * PIXEL_M)
    return Area(id=str(name), x=x, y=y, size=max(1, int(size * scale)))


def jobs(scenes: Sequence[Scene]) -> dict[str, Job]:
    """Every scenario by name; those of many dates take as many as there are."""
    made = (make(scenes) for make in _SCENARIOS)
    return {job.name: job for job in made}


def _in_zone(scenes: Sequence[Scene], epsg: int, most: int) -> tuple[Scene, ...]:
    return tuple(scene for scene in scenes if scene.epsg == epsg)[:most]


def _one_chip(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 15)
    title = f"one 256² chip of {len(dates)} dates"  # inside one tile
    return Job(
        name="S1", title=title, kind="chips", scenes=dates, areas=(area(0, 2300, 5300, 256, dates[0]),)
    )


def _large_chip(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 15)
    title = f"one 1,000² chip of {len(dates)} dates"  # over two by two tiles
    return Job(
        name="S1b", title=title, kind="chips", scenes=dates, areas=(area(0, 2700, 5700, 1000, dates[0]),)
    )


def _few_chips(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 30)
    places = ((2300, 5300), (6400, 2300), (8500, 8400), (4400, 9500))  # no two in one tile
    areas = tuple(area(i, *place, 256, dates[0]) for i, place in enumerate(places))
    return Job(name="S2", title=f"4 chips of {len(dates)} dates", kind="chips", scenes=dates, areas=areas)


def _district(scenes: Sequence[Scene]) -> Job:
    dates, rng = _in_zone(scenes, ZONE, 30), random.Random(5)
    spots = [(rng.randrange(4200, 7000), rng.randrange(4200, 7000)) for _ in range(20)]  # they share tiles
    areas = tuple(area(i, *spot, 256, dates[0]) for i, spot in enumerate(spots))
    title = f"20 chips of {len(dates)} dates and 3 bands, tiles shared"
    return Job(name="S2x", title=title, kind="chips", scenes=dates, bands=BANDS, areas=areas)


def _two_zones(scenes: Sequence[Scene]) -> Job:
    chosen = _in_zone(scenes, ZONE, 6) + _in_zone(scenes, NEXT_ZONE, 6)
    title = f"{len(chosen)} scenes of two UTM zones onto one grid"
    return Job(name="S3", title=title, kind="warp", scenes=chosen, areas=(area(0, *IN_BOTH, 256, chosen[0]),))


def _metres(scene: Scene, spots: Iterable[Spot]) -> tuple[Spot, ...]:
    """From pixels of a full Sentinel-2 tile to metres of the zone, on a scene of any size."""
    metres = PIXEL_M * scene.size / SENTINEL_SIZE
    return tuple((scene.x + column * metres, scene.y - row * metres) for column, row in spots)


def _points(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 10)
    points = _metres(dates[0], samples(random.Random(40), 25, 400))
    return Job(
        name="S4", title=f"10,000 points of {len(dates)} dates", kind="points", scenes=dates, points=points
    )


def _zonal(kind: str, scenes: Sequence[Scene]) -> Job:
    dates, rng = _in_zone(scenes, ZONE, 24), random.Random(6)
    rings = [
        ring
        for village in villages(rng, 25, across=6, corner=(4200, 4200))
        for ring in fields_of(rng, village, 40)
    ]
    what = {"zonal": "statistics of", "coverage": "statistics by coverage of"}[kind]
    return Job(
        name={"zonal": "Z1", "coverage": "Z1c"}[kind],
        title=f"{what} {len(rings):,} fields in {len(dates)} dates",
        kind=kind,
        scenes=dates,
        fields=tuple(_metres(dates[0], ring) for ring in rings),
    )


def _samples(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 5)
    points = _metres(dates[0], samples(random.Random(41), 25, 800))
    title = f"{len(points) * len(dates):,} samples, a row each: {len(points):,} points of {len(dates)} dates"
    return Job(name="P1", title=title, kind="samples", scenes=dates, points=points)


def _large_zones(scenes: Sequence[Scene]) -> Job:
    dates, rng = _in_zone(scenes, ZONE, 1), random.Random(7)
    middles = [(rng.uniform(700, 10_200), rng.uniform(700, 10_200)) for _ in range(2_000)]
    rings = [field(rng, middle, rng.uniform(1_000, 1_400)) for middle in middles]
    return Job(
        name="M1",
        title=f"statistics of {len(rings):,} zones of a thousand pixels across",
        kind="zonal",
        scenes=dates,
        fields=tuple(_metres(dates[0], ring) for ring in rings),
    )


def _local(make: Callable[[Sequence[Scene]], Job], scenes: Sequence[Scene]) -> Job:
    job = make(scenes)
    return replace(job, name=f"{job.name}-local", title=f"{job.title}, local files", local=True)


def _index(scenes: Sequence[Scene]) -> Job:
    dates = _in_zone(scenes, ZONE, 100)
    records = []
    for i in range(100):  # the same files under further names are further files to a client
        scene, copy = dates[i % len(dates)], i // len(dates)
        values = asdict(scene) | {"id": f"{i:03}-{scene.id}", "path": f"copy{copy}/{scene.path}"}
        records.append(Scene(**values))
    return Job(
        name="S5", title="headers of 300 COGs into an index", kind="index", scenes=tuple(records), bands=BANDS
    )


def _whole_scene(scenes: Sequence[Scene]) -> Job:
    return Job(name="S6", title="a whole scene, local file", kind="full", scenes=_in_zone(scenes, ZONE, 1))


_WHOLE, _FRACTIONS = partial(_zonal, "zonal"), partial(_zonal, "coverage")
_SCENARIOS: tuple[Callable[[Sequence[Scene]], Job], ...] = (
    _one_chip, _large_chip, _few_chips, _district, _two_zones, _points, _index, _whole_scene,
    _WHOLE, _FRACTIONS, _samples, *(partial(_local, make) for make in (_WHOLE, _FRACTIONS, _samples)),
    partial(_local, _large_zones),
)  # fmt: skip
NAMES = (
    "S1", "S1b", "S2", "S2x", "S3", "S4", "S5", "S6",
    "Z1", "Z1c", "P1", "Z1-local", "Z1c-local", "P1-local", "M1-local",
)  # fmt: skip
