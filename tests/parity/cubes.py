"""Cubes, and labels on their grids, beside rasterio and NumPy."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import shapely
from affine import Affine
from rasterio.enums import MergeAlg
from rasterio.features import rasterize

from tests.parity.comparison import Comparison, Ground, Tally
from tests.raster.grids import Shapes, to_world

ROUNDS = 25


def labels(ground: Ground) -> Tally:
    """Random shapes with values on each generated file's grid."""
    tally, rng = Tally(), random.Random("labels")
    for path in sorted(ground.corpus.glob("*.tif")):
        facts = ground.one("SELECT h FROM cog_header($1) AS h", str(path))
        width, height, transform = facts["width"], facts["height"], Affine(*facts["transform"])
        for number in range(ROUNDS):
            pairs = []
            for _ in range(rng.randint(1, 5)):
                name = rng.choice(["polygon", "multipolygon", "line", "points"])
                shape = getattr(Shapes(rng, width, height, "anywhere", overhang=-0.01), name)()
                pairs.append((to_world(shape, transform), rng.randint(1, 9)))
            merge, touched = rng.choice(["replace", "max", "add"]), rng.random() < 0.5
            ordered = sorted(pairs, key=lambda pair: pair[1]) if merge == "max" else pairs
            expected = rasterize(
                [(shapely.geometry.mapping(shape), value) for shape, value in ordered], (height, width),
                transform=transform, all_touched=touched, dtype="uint8",
                merge_alg=MergeAlg.add if merge == "add" else MergeAlg.replace,
            )  # fmt: skip
            query = "SELECT RS_Burn($1, $2, merge := $3, all_touched := $4, dtype := 'uint8', aoi_crs := $5)"
            given: list[Any] = [{"geom": shapely.to_wkb(shape), "value": value} for shape, value in pairs]
            found = ground.chip(query, given, str(path), merge, touched, facts["crs"])
            assert found is not None
            tally.add(found["pixels"][0], expected, f"{path.name} {number} {merge} {touched}")
    return tally


def stacks(ground: Ground) -> Tally:
    """Windows of each generated file, one after the other, and as one stack."""
    tally, rng = Tally(), random.Random("stacks")
    for path in sorted(ground.corpus.glob("*.tif")):
        windows = [
            [rng.randint(0, 40), rng.randint(0, 40), *rng.choices(range(1, 30), k=2)] for _ in range(5)
        ]
        keys = ("x_off", "y_off", "width", "height")
        reads = [
            f"(SELECT c FROM read_cog($1, {dict(zip(keys, window, strict=True))}) AS c)" for window in windows
        ]
        found = ground.one(f"SELECT RS_Stack([{', '.join(reads)}])", str(path))
        pixels = np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"])
        left, top = min(w[0] for w in windows), min(w[1] for w in windows)
        for step, ((x, y, width, height), read) in enumerate(zip(windows, reads, strict=True)):
            chip = ground.chip(f"SELECT {read}", str(path))
            assert chip is not None
            rows, columns = slice(y - top, y - top + height), slice(x - left, x - left + width)
            tally.add(pixels[step][:, rows, columns], chip["pixels"], path.name)
    return tally


COMPARISONS = (
    Comparison(
        functions=("RS_Stack",), peer="NumPy", library="numpy", run=stacks, limit=0,
        cases="random windows of each generated file",
    ),
    Comparison(
        functions=("RS_Burn",), peer="rasterio.features.rasterize", library="rasterio", run=labels, limit=0,
        cases="random shapes on each generated file: replace, max and add, also all_touched",
        why="a polygon with a flat edge on the centres of pixels, which GDAL may add twice, is left out",
    ),
)  # fmt: skip
