"""How cost grows, of this package alone: ``./dev bench --growth``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from tests.bench.bucket import Recipe, make_bucket, paint
from tests.bench.measure import Bench, Contender
from tests.bench.report import table
from tests.bench.scenarios import CORNER, PIXEL_M, ZONE, Area, Job, Scene, area, jobs
from tests.bench.server import ROOT
from tests.bench.systems import OURS

Say = Callable[[str], None]
Figures = Mapping[str, Any]
Case = tuple[Sequence[str], Callable[[], Figures]]
"""The first cells of a line, and what measures the others."""
READ = ("seconds", "requests", "MB", "CPU s", "peak MB")
PLANNED = ("chips", "seconds", "µs a chip")
PAIRS = 150
"""Scenes side by side, each with an area of its own."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One table: what grows, and what it costs."""

    title: str
    about: str
    head: Sequence[str]
    cases: Iterator[Case]


def grow(bench: Bench, scenes: Sequence[Scene], *, rounds: int, quick: bool, say: Say) -> str:
    """Every table, medians of ``rounds``; ``quick`` tries a few sizes."""
    texts = []
    for part in (
        _planning(bench, scenes, quick),
        _pairs(bench),
        _in_flight(bench, scenes, quick),
        _tile_sizes(bench, quick, say),
        _area_sizes(bench, scenes, quick),
    ):
        say(part.title)
        lines = []
        for labels, measure in part.cases:
            lines.append([*labels, *_cells([measure() for _ in range(rounds)])])
            say(f"  {' | '.join(lines[-1])}")
        texts.append(f"### {part.title}\n\n{part.about}\n\n{table(part.head, lines)}")
    return "\n\n".join(texts)


def _cells(runs: Sequence[Figures]) -> list[str]:
    failed = next((str(run["error"]) for run in runs if "error" in run), None)
    if failed is not None:
        raise SystemExit(f"bench: {failed}")

    def middle(name: str) -> float:
        return float(median(run[name] for run in runs))

    if "chips" in runs[0]:
        chips, seconds = middle("chips"), middle("wall_s")
        return [f"{chips:,.0f}", f"{seconds:.3f}", f"{seconds / chips * 1e6:,.0f}"]
    return [
        f"{middle('wall_s'):.3f}",
        f"{middle('requests'):,.0f}",
        f"{middle('byte_count') / 1e6:,.1f}",
        f"{middle('cpu_s'):.2f}",
        f"{middle('peak_mb'):,.0f}",
    ]


def _reading(bench: Bench, job: Job, **contender: Any) -> Callable[[], Figures]:
    """The job in cold processes, its index built before."""
    error = bench.prepare(job, Contender(system=OURS))
    if error is not None:
        raise SystemExit(f"bench: no index for {job.name}: {error}")
    return partial(bench.measure, job, Contender(system=OURS, **contender))


def _planning(bench: Bench, scenes: Sequence[Scene], quick: bool) -> Growth:
    def cases() -> Iterator[Case]:
        href, most = f"{bench.folder}/{scenes[0].path}/red.tif", 1_000 if quick else 100_000
        for areas in (1, 10):
            rows = 10
            while rows * areas <= most:
                yield (f"{rows:,}", str(areas)), partial(_plan, href, rows, areas)
                rows *= 10

    return Growth(
        title="Planning",
        about="Rows of an index times areas that each of them covers; windows and tiles, no pixels. "
        "The first rows bear what a query costs by itself.",
        head=("index rows", "areas", *PLANNED),
        cases=cases(),
    )


def _plan(href: str, rows: int, areas: int) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.growth_plan", href, str(rows), str(areas)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        return {"error": (done.stderr.strip() or "no message").splitlines()[-1]}
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _pairs(bench: Bench) -> Growth:
    def cases() -> Iterator[Case]:
        scenes = tuple(_small_scene(bench, i) for i in range(PAIRS))
        inset = 192 * PIXEL_M
        areas = tuple(Area(id=s.id, x=s.x + inset, y=s.y - inset, size=128) for s in scenes)
        job = Job(name="pairs", title="", kind="chips", scenes=scenes, areas=areas)
        yield ("ON i.footprint && f.geom",), _reading(bench, job)
        yield ("ON i.id = f.id",), _reading(bench, job, variant="keyed")
        yield ("no condition",), _reading(bench, job, variant="crossed")

    return Growth(
        title="No cross product",
        about=f"{PAIRS} scenes and {PAIRS} areas, one on each scene: joined by place, and by a key. "
        f"Without a condition all {PAIRS**2:,} pairs are planned, and those that meet are read.",
        head=("join", *READ),
        cases=cases(),
    )


def _small_scene(bench: Bench, number: int) -> Scene:
    """One of a grid of scenes that do not touch; made where it is missing."""
    row, column = divmod(number, 15)
    x, y = CORNER[0] - 600 * PIXEL_M * column, CORNER[1] - 600 * PIXEL_M * row
    scene = Scene(id=str(number), path=f"pair{number}", epsg=ZONE, x=x, y=y, size=512)
    path = bench.folder / scene.path / "red.tif"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        pixels = paint("red", scene.size)[np.newaxis] + np.uint16(number)
        placed = (PIXEL_M, 0, x, 0, -PIXEL_M, y)
        path.write_bytes(
            write_cog(pixels, Description(transform=placed, crs=ZONE, nodata=0), Storage(tile_size=256))
        )
    return scene


def _in_flight(bench: Bench, scenes: Sequence[Scene], quick: bool) -> Growth:
    def cases() -> Iterator[Case]:
        for name in ("S2", "S5"):
            for most in (1, 16, 512) if quick else (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
                environ = {"RASTERET_MAX_CONCURRENCY": str(most)}
                yield (name, str(most)), _reading(bench, jobs(scenes)[name], environ=environ)

    return Growth(
        title="Requests in flight",
        about="`RASTERET_MAX_CONCURRENCY`, for tiles (S2) and for headers (S5).",
        head=("", "at most", *READ),
        cases=cases(),
    )


def _tile_sizes(bench: Bench, quick: bool, say: Say) -> Growth:
    size, dates = (1_024, 2) if quick else (4_096, 8)

    def cases() -> Iterator[Case]:
        for tile in (256, 512) if quick else (256, 512, 1_024, 2_048):
            folder, scenes = make_bucket(
                Recipe(size=size, tile=tile, overviews=2, bands=("red",)), dates, say
            )
            link = bench.folder / f"{size}-in-{tile}"  # one server for all
            if not link.is_symlink():
                link.symlink_to(folder, target_is_directory=True)
            job = jobs([replace(scene, path=f"{link.name}/{scene.path}") for scene in scenes])["S2"]
            areas = tuple(replace(area, size=256) for area in job.areas)
            yield (f"{tile:,}²",), _reading(bench, replace(job, name=link.name, areas=areas))

    return Growth(
        title="Tile sizes",
        about=f"4 chips of 256² from each of {dates} scenes of {size:,}², in tiles of each size.",
        head=("tile", *READ),
        cases=cases(),
    )


def _area_sizes(bench: Bench, scenes: Sequence[Scene], quick: bool) -> Growth:
    def cases() -> Iterator[Case]:
        scene = scenes[0]
        corner = area(0, 2300, 5300, 1, scene)
        sizes = (1, 64, 512) if quick else (1, 16, 64, 256, 1_024, 4_096)
        areas = [replace(corner, size=size) for size in sizes]
        areas.append(Area(id="0", x=scene.x, y=scene.y, size=scene.size))
        for square in areas:
            job = Job(name=f"area{square.size}", title="", kind="chips", scenes=(scene,), areas=(square,))
            yield (f"{square.size:,}²",), _reading(bench, job)

    return Growth(
        title="Area sizes",
        about="One area of one scene, up to the whole of it.",
        head=("pixels", *READ),
        cases=cases(),
    )
