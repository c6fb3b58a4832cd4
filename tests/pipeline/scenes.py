"""Headers as Sentinel-2's, served on this machine, and the items that point to them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np

from rasteret_sql.tiff.build import _directories
from rasteret_sql.tiff.image import Image
from tests.store.server import FaultServer
from tests.tiff.examples import COG_GHOST, image, tiff

SIDES = (10980, 5490, 2745, 1373, 687)
TILES = sum((-(-side // 1024)) ** 2 for side in SIDES)
"""Of one file, overviews included."""
MEDIAN_BYTES, SPREAD = 1.2e6, 0.5
"""Compressed tiles of a 10 m band, and how unlike they are (of the logarithm): more than real ones."""


def header_bytes(seed: int) -> bytes:
    """A COG of 10,980² pixels up to its first tile; tiles lie one after the other, as GDAL writes them."""
    rng = np.random.default_rng(seed)
    images = [_level(side, overview=side != SIDES[0]) for side in SIDES]
    tables: list[Any] = [None] * len(images)
    position = 20_000
    for level in reversed(range(len(images))):
        lengths = rng.lognormal(np.log(MEDIAN_BYTES), SPREAD, images[level].block_count).astype(np.uint64)
        ends = np.cumsum(lengths + 8)
        tables[level] = (position + ends - lengths - 4, lengths)
        position += int(ends[-1])
    return _directories(tiff(*images, big=True, **COG_GHOST), tables)


def _level(side: int, *, overview: bool) -> Image:
    plain = image(
        width=side, height=side, tile_width=1024, tile_height=1024, tiled=True, band_count=1, dtype="uint16",
        bits_per_sample=16, compression="deflate", predictor=2,
    )  # fmt: skip
    return (
        replace(plain, subfile_type=1, geo_keys={}, model_tiepoint=None, model_pixel_scale=None)
        if overview
        else plain
    )


def serve_items(
    con: duckdb.DuckDBPyConnection, server: FaultServer, items: str, assets: tuple[str, ...]
) -> None:
    """Table ``scenes``: the items of a query, their ``assets`` on the server, each with its own header."""
    con.execute(f"CREATE OR REPLACE TABLE found AS {items}")
    ids = [row[0] for row in con.execute("SELECT id FROM found ORDER BY id").fetchall()]
    for number, (identity, key) in enumerate(itertools.product(ids, assets)):
        server.files[f"{identity}/{key}.tif"] = header_bytes(number)
    entries = ", ".join(
        f"'{key}': {{'href': '{server.origin}/' || id || '/{key}.tif', 'type': 'image/tiff'}}"
        for key in assets
    )
    con.execute(
        "CREATE OR REPLACE TABLE scenes AS SELECT id, collection, geometry, datetime, "
        "TIMESTAMPTZ '2024-09-01 00:00:00Z' AS updated, cloud_cover, platform, proj_code, "
        f"MAP {{{entries}}} AS assets FROM found"
    )


SMALL = """
SELECT 'scene-' || n AS id, 'scenes' AS collection, datetime + n * INTERVAL 1 DAY AS datetime,
    7.5 AS cloud_cover,
    'sentinel-2a' AS platform, 'EPSG:32632' AS proj_code,
    ('POLYGON((' || n || ' 0, ' || n + 1 || ' 0, ' || n + 1 || ' 1, ' || n || ' 1, ' || n || ' 0))')
        ::GEOMETRY('OGC:CRS84') AS geometry
FROM range(6) AS r(n), (SELECT TIMESTAMPTZ '2024-04-28 10:00:00Z' AS datetime)
"""
"""Six made items."""
