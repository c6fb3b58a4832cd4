"""An index of an archive, as large as one is asked for, without the archive.

One COG is written and its header read. By SQL it becomes the header of every footprint, date and band: placed
on a grid of tiles of 100 km, as Sentinel-2's are, with tile tables of its own.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from rasteret_sql.geo.outline import footprint
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage

FOOTPRINTS, DATES = 1_260, 265
BANDS = ("red", "nir", "scl")
ZONES = tuple(range(32628, 32634))
COLUMNS = 5
"""Tiles side by side in each zone."""
SIZE, TILE, PIXEL_M = 2_048, 192, 109_800 / 2_048
"""The same eleven by eleven tiles as a Sentinel-2 band has, and its place on the ground."""
STEP_M = 99_960.0
WEST, NORTH = 250_020.0, 6_900_000.0
VARIANTS = 4_096
"""Different tables of tiles: half as many as a row group has rows."""
SMALLEST, LARGEST = 700_000, 1_400_000
"""Bytes of a compressed tile."""
TABLES = """
CREATE OR REPLACE TEMP TABLE archive_tables AS
SELECT v.variant, v.tile_offsets, v.tile_byte_counts,
       list_transform(range(1, len(h.overviews) + 1), lambda k: struct_update(
           h.overviews[k],
           tile_offsets := list_transform(h.overviews[k].tile_offsets, lambda o: o + v.tile_offsets[1]),
           tile_byte_counts := v.tile_byte_counts[:len(h.overviews[k].tile_offsets)]
       )) AS overviews
FROM archive_variants AS v, archive_header AS h
"""
ROWS = """
SELECT f.tile || '_' || strftime(d.datetime, '%Y%m%d') AS id, 'archive' AS collection,
       f.footprint AS geometry, d.datetime, d.datetime + INTERVAL 1 DAY AS updated,
       (hash(f.tile, d.day) % 1000) / 10 AS cloud_cover,
       'sentinel-2a' AS platform, f.crs AS proj_code, b.band, b.band AS common_name,
       h.* EXCLUDE (tile_offsets, tile_byte_counts, overviews, footprint) REPLACE (
           'https://archive.example.com/' || f.tile || '/' || strftime(d.datetime, '%Y%m%d') || '/' || b.band
               || '.tif' AS href,
           f.crs AS crs, f.transform AS transform, f.bbox AS bbox,
           '"' || md5(f.tile || d.day || b.band) || '"' AS etag,
           150_000_000 + hash(f.tile, d.day, b.band) % 1_000_000 AS file_size
       ),
       f.footprint, t.tile_offsets, t.tile_byte_counts, t.overviews
FROM archive_footprints AS f,
     (SELECT day, TIMESTAMPTZ '2022-01-01 10:30:00Z' + day * INTERVAL 4 DAY AS datetime
      FROM range({dates}) AS r(day)) AS d,
     (SELECT unnest({bands}) AS band) AS b,
     archive_header AS h
     JOIN archive_tables AS t ON t.variant = hash(f.tile, d.day, b.band) % {variants}
"""


def archive_query(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    footprints: int = FOOTPRINTS,
    dates: int = DATES,
    bands: tuple[str, ...] = BANDS,
) -> str:
    """A query that gives the rows of such an index in no good order; its temporary tables are made here."""
    cog = folder / "archive.tif"
    if not cog.exists():
        pixels = np.random.default_rng(7).integers(0, 9, (1, SIZE, SIZE), np.uint16)
        placed = (PIXEL_M, 0.0, WEST, 0.0, -PIXEL_M, NORTH)
        cog.write_bytes(
            write_cog(
                pixels,
                Description(transform=placed, crs=ZONES[0], nodata=0),
                Storage(tile_size=TILE, level=1),
            )
        )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE archive_header AS SELECT * REPLACE (NULL::VARCHAR[] AS sidecars) "
        "FROM cog_header(?)",
        [str(cog)],
    )
    ((tiles,),) = connection.execute("SELECT len(tile_offsets) FROM archive_header").fetchall()
    _tabled(connection, "archive_variants", _variants(tiles))
    _tabled(connection, "archive_places", _places(footprints))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE archive_footprints AS SELECT * REPLACE "
        "(ST_SetCRS(ST_GeomFromWKB(footprint), 'OGC:CRS84') AS footprint) FROM archive_places"
    )
    connection.execute(TABLES)
    return ROWS.format(dates=dates, bands=list(bands), variants=VARIANTS)


def write_archive(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    footprints: int = FOOTPRINTS,
    dates: int = DATES,
    bands: tuple[str, ...] = BANDS,
) -> int:
    """The same as a Parquet file, for ``write_index`` to read; the number of rows."""
    query = archive_query(connection, path.parent, footprints=footprints, dates=dates, bands=bands)
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480)")
    return footprints * dates * len(bands)


def areas_query(connection: duckdb.DuckDBPyConnection, number: int, *, size_m: float = 2_560.0) -> str:
    """A query that gives ``number`` squares (id, geom) spread over the footprints of ``archive_query``."""
    found = connection.execute("SELECT crs, transform FROM archive_footprints ORDER BY tile").fetchall()
    chance = np.random.default_rng(11)
    shapes = []
    for i in range(number):
        crs, (_, _, west, _, _, north) = found[i % len(found)]
        x, y = chance.uniform(0.05, 0.95, 2) * (SIZE * PIXEL_M - size_m)
        shapes.append(_square(crs, west + x, north - y, size_m))
    ids = pa.array(range(number), pa.int64())
    _tabled(connection, "archive_squares", pa.table({"id": ids, "shape": pa.array(shapes, pa.binary())}))
    return "SELECT id, ST_SetCRS(ST_GeomFromWKB(shape), 'OGC:CRS84') AS geom FROM archive_squares"


def _variants(tiles: int) -> pa.Table:
    """Tables of a full resolution: tiles one after the other, and GDAL's eight bytes between them."""
    counts = np.random.default_rng(13).integers(SMALLEST, LARGEST, (VARIANTS, tiles)).astype(np.uint64)
    ends = np.cumsum(counts + 8, axis=1)
    offsets = ends - counts + 100_000
    ends_of_rows = np.arange(VARIANTS + 1, dtype=np.int32) * tiles
    return pa.table(
        {
            "variant": pa.array(np.arange(VARIANTS), pa.uint64()),
            "tile_offsets": pa.ListArray.from_arrays(ends_of_rows, pa.array(offsets.ravel())),
            "tile_byte_counts": pa.ListArray.from_arrays(ends_of_rows, pa.array(counts.ravel())),
        }
    )


def _places(number: int) -> pa.Table:
    """Where the footprints are: column by column, row by row, zone by zone."""
    rows = []
    extent = SIZE * PIXEL_M
    for i in range(number):
        zone = ZONES[i // COLUMNS % len(ZONES)]
        west = WEST + STEP_M * (i % COLUMNS)
        north = NORTH - STEP_M * (i // (COLUMNS * len(ZONES)))
        rows.append(
            {
                "tile": f"{zone % 100}{i % COLUMNS}{i // (COLUMNS * len(ZONES)):02}",
                "crs": f"EPSG:{zone}",
                "transform": [PIXEL_M, 0.0, west, 0.0, -PIXEL_M, north],
                "bbox": {"xmin": west, "ymin": north - extent, "xmax": west + extent, "ymax": north},
                "footprint": _square(f"EPSG:{zone}", west, north, extent),
            }
        )
    return pa.Table.from_pylist(rows)


def _square(crs: str, west: float, north: float, size_m: float) -> bytes:
    """A square of a zone in longitude and latitude."""
    outline = footprint((size_m, 0.0, west, 0.0, -size_m, north), 1, 1, crs)
    assert outline is not None
    return outline


def _tabled(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("archive_arrow", table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM archive_arrow")
    connection.unregister("archive_arrow")
