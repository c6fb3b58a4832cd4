"""A bucket of COGs like Sentinel-2's, made once and kept between runs.

One master a band is painted and compressed. A scene is the master with its full-resolution tiles in
another order: pixels of its own, and no compression to wait for. Its overviews stay the master's; no
scenario reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from rasteret_sql.demo.landscape import smooth_noise
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.geo_keys import geo_keys
from rasteret_sql.geotiff.write.options import Description, Storage
from rasteret_sql.geotiff.write.tags import model_tags
from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Tiff
from rasteret_sql.tiff.parse import parse
from tests.bench.scenarios import BANDS, CORNER, IN_BOTH, NEXT_ZONE, PIXEL_M, ZONE, Scene, area

CACHE = Path(os.environ.get("RASTERET_TEST_CACHE", Path(tempfile.gettempdir()) / "rasteret-tests")) / "bench"
LEVELS = {"red": (1500, 700, 20.0), "nir": (3200, 1200, 24.0)}
"""Mean, amplitude, and noise from pixel to pixel: with it a tile of 1,024² compresses to 1.1 MB."""
COPIES = 100
"""Further names for the whole bucket, for as many distinct URLs as an index is to have."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides every byte of every scene."""

    size: int = 10_980
    tile: int = 1_024
    overviews: int = 6
    bands: tuple[str, ...] = BANDS
    version: int = 1
    """Raised with every change of what is painted."""

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


FULL = Recipe()
QUICK = Recipe(size=2_048, tile=192)
"""The same eleven by eleven tiles, a thirtieth of the pixels."""


def make_bucket(recipe: Recipe, scenes: int, say: Callable[[str], None]) -> tuple[Path, list[Scene]]:
    """The folder and its scenes: ``scenes`` of one zone, and a fifth as many of the next, red alone.

    Files that are there already are kept, so a larger number later only adds to them.
    """
    folder = CACHE / f"{recipe.size}-{recipe.tile}-{recipe.digest()[:8]}" / "bucket"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [_scene(i, ZONE, recipe.size) for i in range(scenes)]
    chosen += [_scene(i, NEXT_ZONE, recipe.size) for i in range(-(-scenes // 5))]
    for band in recipe.bands:
        wanted = [s for s in chosen if s.epsg == ZONE or band == recipe.bands[0]]
        missing = [s for s in wanted if not (folder / s.path / f"{band}.tif").exists()]
        if missing:
            _make_band(folder, recipe, band, missing, say)
    for i in range(COPIES):
        copy = folder / f"copy{i}"
        if not copy.is_symlink():
            copy.symlink_to(".", target_is_directory=True)
    return folder, chosen


def _scene(number: int, epsg: int, size: int) -> Scene:
    x, y = CORNER
    if epsg == NEXT_ZONE:
        shared = area("", *IN_BOTH, 1, _scene(0, ZONE, size))
        to_next = Transformer.from_crs(ZONE, NEXT_ZONE, always_xy=True)
        centre_x, centre_y = to_next.transform(shared.x, shared.y)
        half = size * PIXEL_M / 2
        x, y = round((centre_x - half) / PIXEL_M) * PIXEL_M, round((centre_y + half) / PIXEL_M) * PIXEL_M
    name = f"S2_{epsg}_{number:03}"
    return Scene(id=name, path=name, epsg=epsg, x=x, y=y, size=size)


def _make_band(
    folder: Path, recipe: Recipe, band: str, scenes: list[Scene], say: Callable[[str], None]
) -> None:
    master = folder / f"master-{band}.tif"
    if not master.exists():
        say(f"painting and compressing {band}, {recipe.size:,} x {recipe.size:,} pixels")
        pixels = paint(band, recipe.size)
        x, y = CORNER
        _write(
            master,
            write_cog(
                pixels[np.newaxis],
                Description(transform=(PIXEL_M, 0, x, 0, -PIXEL_M, y), crs=ZONE, nodata=0),
                Storage(tile_size=recipe.tile, predictor=2, level=6, overviews=recipe.overviews),
            ),
        )
    data = master.read_bytes()
    need, free = len(data) * len(scenes), shutil.disk_usage(folder).free
    if need > free * 0.9:
        raise SystemExit(f"bench: scenes of {need / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free")
    say(f"writing {len(scenes)} scenes of {band}, {need / 1e9:.1f} GB, below {folder}")
    tiff = parse(Bytes(data, size=len(data)))
    blocks = [
        [data[start : start + count] for start, count in zip(i.tile_offsets, i.tile_byte_counts, strict=True)]
        for i in tiff.images
    ]
    for scene in scenes:
        _write(folder / scene.path / f"{band}.tif", _shuffled(tiff, blocks, scene))


def _shuffled(tiff: Tiff, blocks: list[list[bytes]], scene: Scene) -> bytes:
    """The master at the scene's place, its full-resolution tiles in the scene's own order."""
    first, *overviews = tiff.images
    seed = int.from_bytes(hashlib.sha256(scene.id.encode()).digest()[:8])
    order = np.random.default_rng(seed).permutation(len(blocks[0]))  # the same for every band
    placed = model_tags((PIXEL_M, 0, scene.x, 0, -PIXEL_M, scene.y), georeferenced=True)
    image = replace(first, geo_keys=geo_keys(scene.epsg), **placed)
    return build_tiff(replace(tiff, images=(image, *overviews)), [[blocks[0][i] for i in order], *blocks[1:]])


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def paint(band: str, size: int) -> npt.NDArray[np.uint16] | npt.NDArray[np.uint8]:
    """One band, (rows, columns): smooth land with noise, or its classes; no data beyond the orbit's edge."""
    land = smooth_noise(np.random.default_rng(7), (size, size), 512, octaves=5)
    rng = np.random.default_rng(list(band.encode()))
    out: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
    out = np.empty((size, size), np.uint8 if band == "scl" else np.uint16)
    columns = np.arange(size)
    for top in range(0, size, 1024):  # in strips, to spare memory
        strip = land[top : top + 1024]
        if band == "scl":
            values = np.clip(np.floor(strip * 4 + 6.5), 2, 11)
            values[rng.random(strip.shape, dtype=np.float32) < 0.01] = 9
        else:
            mean, amplitude, noise = LEVELS[band]
            grain = rng.standard_normal(strip.shape, dtype=np.float32) * noise
            values = np.clip(mean + amplitude * strip + grain, 1, 10_000)
        rows = np.arange(top, top + len(strip))[:, np.newaxis]
        out[top : top + 1024] = np.where(columns + 0.55 * rows < 0.16 * size, 0, values)
    return out
