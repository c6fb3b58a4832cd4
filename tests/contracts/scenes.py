"""The benchmark's files and work (``tests/bench/scenarios.py``) at a size for tests, and their pixels.

Scenes have as many tiles as Sentinel-2's, eleven by eleven, of 64² pixels and about 5 KB instead of 1,024²
and 1.1 MB; what decides about requests, the gap over which ranges are merged, shrinks with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from tests.bench.bucket import paint
from tests.bench.scenarios import BANDS, CORNER, NEXT_ZONE, PIXEL_M, ZONE, Area, Job, Scene, jobs

SIZE, TILE = 686, 64
MERGE_GAP = 300
"""Bytes: 64 KiB where a tile has 1.1 MB."""
DATES = 30

Pixels = npt.NDArray[Any]


@cache
def scenes() -> tuple[Scene, ...]:
    """Thirty dates of one UTM zone, six of the next."""
    x, y = CORNER
    zones = [ZONE] * DATES + [NEXT_ZONE] * 6
    return tuple(
        Scene(id=f"{n:02}", path=f"s{n:02}", epsg=epsg, x=x, y=y, size=SIZE) for n, epsg in enumerate(zones)
    )


def job(name: str) -> Job:
    """One scenario on these scenes."""
    return jobs(scenes())[name]


@cache
def _painted(band: str) -> Pixels:
    return paint(band, SIZE)


def pixels(scene: Scene, band: str) -> Pixels:
    """Rows and columns of one asset: the same land a little elsewhere on every date."""
    return np.roll(_painted(band), 17 * int(scene.id), axis=1)


@cache
def file_of(scene: Scene, band: str) -> bytes:
    """The COG of one asset."""
    placed = (PIXEL_M, 0, scene.x, 0, -PIXEL_M, scene.y)
    own = np.ascontiguousarray(pixels(scene, band))[np.newaxis]
    return write_cog(
        own,
        Description(transform=placed, crs=scene.epsg, nodata=0),
        Storage(tile_size=TILE, predictor=2, level=1, overviews=2),
    )


def files(work: Job) -> dict[str, bytes]:
    """Everything that a scenario reads, by path below the server."""
    return {f"{scene.path}/{band}.tif": file_of(scene, band) for scene, band in work.assets()}


def tiles_of(work: Job) -> set[tuple[str, str, int, int]]:
    """Scene, band, row and column of every tile that some chip needs: arithmetic of its own."""
    return {
        (scene.id, band, row, column)
        for scene, band in work.assets()
        for area in work.areas
        for row, column in _touched(area, scene)
    }


def _touched(area: Area, scene: Scene) -> Sequence[tuple[int, int]]:
    left, top, width, height = area.window(scene)
    return [
        (row, column)
        for row in range(top // TILE, (top + height - 1) // TILE + 1)
        for column in range(left // TILE, (left + width - 1) // TILE + 1)
    ]


__all__ = [
    "BANDS",
    "DATES",
    "MERGE_GAP",
    "SIZE",
    "TILE",
    "file_of",
    "files",
    "job",
    "pixels",
    "scenes",
    "tiles_of",
]
