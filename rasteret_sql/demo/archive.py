"""Make the demo archive: a folder of COGs, their STAC catalogue, and a table of labelled fields."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon

from rasteret_sql.demo import stac
from rasteret_sql.demo.fields import Field, choose_fields, write_fields
from rasteret_sql.demo.landscape import Landscape
from rasteret_sql.demo.scenes import BANDS, DATES, NODATA, OFFSET, SCALE, Scene, scenes
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage

Pixels = dict[str, npt.NDArray[np.uint16] | npt.NDArray[np.uint8]]
TILE_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The archive in a folder, and the numbers it was made from."""

    folder: Path
    scenes: dict[str, Scene]
    """By item id."""
    fields: list[Field]

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Longitudes and latitudes around all fields."""
        x0, y0, x1, y1 = MultiPolygon([field.polygon for field in self.fields]).bounds
        return round(x0 - 0.005, 2), round(y0 - 0.005, 2), round(x1 + 0.005, 2), round(y1 + 0.005, 2)

    def cog(self, item_id: str, band: str) -> Path:
        return self.folder / item_id / f"{band}.tif"

    def truth(self, item_id: str) -> Pixels:
        """The pixels of one item made anew, by band: what any reader must find in its files."""
        return self.scenes[item_id].pixels()


def make_archive(folder: str | Path, seed: int = 12) -> Archive:
    """Write the archive below ``folder`` (made when missing); the same seed gives the same pixels."""
    folder = Path(folder)
    land = Landscape(seed)
    every = scenes(land)
    fields = choose_fields(land)
    by_date = [[scene for scene in every if scene.date == date] for date in range(len(DATES))]
    land.cover, land.texture  # noqa: B018 - made once, here, before two threads want them
    with ThreadPoolExecutor(2) as pool:
        written = pool.map(lambda group: [_write_scene(folder, scene) for scene in group], by_date)
        items = [item for group in written for item in group]
    _write_json(folder / "collection.json", stac.collection(items))
    _write_json(folder / "catalog.json", stac.root())
    _write_json(folder / "items.json", stac.item_collection(items))
    write_fields(folder, fields)
    return Archive(folder=folder, scenes={scene.id: scene for scene in every}, fields=fields)


def _write_scene(folder: Path, scene: Scene) -> stac.Json:
    """One scene's COGs and its item; returns the item."""
    pixels = scene.pixels()
    place = folder / scene.id
    place.mkdir(parents=True, exist_ok=True)
    for band in BANDS:
        (place / f"{band}.tif").write_bytes(encode(scene, band, pixels[band]))
    document = stac.item(scene, pixels["scl"].astype(np.uint8))
    _write_json(place / f"{scene.id}.json", document)
    return document


def encode(scene: Scene, band: str, pixels: npt.NDArray[Any]) -> bytes:
    """One band as a COG: deflate, horizontal differencing where numbers are smooth, classes never blended."""
    is_class = band == "scl"
    return write_cog(
        pixels[np.newaxis],
        Description(
            transform=scene.grid.transform,
            crs=scene.grid.crs,
            nodata=NODATA,
            band_names=[band],
            scales=None if is_class else [SCALE],
            offsets=None if is_class else [OFFSET],
        ),
        Storage(
            tile_size=TILE_SIZE,
            compression="deflate",
            predictor=1 if is_class else 2,
            level=1,
            overviews=2,
            resampling="nearest" if is_class else "average",
        ),
    )


def _write_json(path: Path, document: stac.Json) -> None:
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
