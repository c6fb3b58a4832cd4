"""The story in SQL: the queries that the demo runs, prints and puts on its page."""

from __future__ import annotations

from dataclasses import dataclass

from rasteret_sql.demo.sources import Source


@dataclass(frozen=True, kw_only=True)
class Query:
    """One step of the story."""

    title: str
    why: str
    """A sentence for the reader."""
    sql: str


def index(source: Source) -> Query:
    """STAC search to Parquet index."""
    bbox = ", ".join(f"{degrees:g}" for degrees in source.bbox)
    return Query(
        title="Search, and keep every header",
        why="One CREATE TABLE AS: each item found, each of its assets, one request for each header.",
        sql=f"""\
CREATE OR REPLACE TABLE idx AS
SELECT s.id, s.datetime, s.cloud_cover, s.geometry, a.key AS band, h.*
FROM stac_search('{source.catalog}',
                 bbox := [{bbox}],
                 datetime := '{source.datetime}',
                 filter := 'cloud_cover < {source.max_cloud_cover}') AS s,
     unnest(map_entries(s.assets)) AS u(a),
     cog_header(a.value.href) AS h
WHERE a.key IN ('{source.red}', '{source.nir}', '{source.scl}');

COPY idx TO 'idx.parquet';""",
    )


INDEX_ROWS = Query(
    title="The index is a table",
    why="Everything a reader must know about a file is in its row: no file is opened again to learn it.",
    sql="""\
SELECT id, band, crs, dtype, width, height, compression, len(tile_offsets) AS tiles, cloud_cover
FROM 'idx.parquet'
ORDER BY id, band
LIMIT 6;""",
)


def cost(source: Source) -> Query:
    """What the join of ``chips`` will fetch."""
    return Query(
        title="Ask what a join would cost",
        why="No pixel column is requested, so nothing is read: the sizes are in the index.",
        sql=f"""\
WITH tiles AS (
    SELECT DISTINCT href, "offset", byte_count
    FROM read_tiles('idx.parquet', 'fields.parquet', resolution := {source.resolution})
)
SELECT count(*) AS tiles,
       round(sum(byte_count) / 1e6, 1) AS megabytes,
       (SELECT round(sum(file_size) / 1e6, 1) FROM 'idx.parquet') AS megabytes_of_whole_files
FROM tiles;""",
    )


def chips(source: Source) -> Query:
    """The join of the index with the fields."""
    return Query(
        title="Cut the chips",
        why="The index joined with the fields: one row per field, scene and band, with its pixels.",
        sql=f"""\
CREATE OR REPLACE TABLE chips AS
SELECT field_id, label, split, id, datetime, band, href, bands, level, x_off, y_off, width, height, bbox, crs,
       transform, dtype, shape, nodata, scales, "offsets", colorinterp, data, valid, error
FROM read_chips('idx.parquet', 'fields.parquet', resolution := {source.resolution});

COPY chips TO 'chips.parquet';""",
    )


CHIP_ROWS = Query(
    title="A chip is a row",
    why="Native numbers, georeferenced, ready for numpy, PyTorch or more SQL.",
    sql="""\
SELECT field_id, label, split, datetime::DATE AS date, band, crs, shape, dtype, octet_length(data) AS bytes
FROM chips
ORDER BY field_id, datetime, crs, band
LIMIT 6;""",
)


def season(source: Source) -> Query:
    """NDVI by field, scene and date."""
    return Query(
        title="Follow the season, without the clouds",
        why="Reflectances side by side; clouds and shadows left out by the scene classification.",
        sql=f"""\
CREATE OR REPLACE TABLE season AS
WITH scenes AS (
    SELECT c.field_id,
           c.label,
           c.id,
           c.datetime::DATE AS date,
           any_value(flatten(RS_AsArray(c, scale := true))) FILTER (c.band = '{source.red}') AS red,
           any_value(flatten(RS_AsArray(c, scale := true))) FILTER (c.band = '{source.nir}') AS nir,
           any_value(flatten(RS_AsArray(c, scale := true))) FILTER (c.band = '{source.scl}') AS scl
    FROM chips AS c
    GROUP BY ALL
),
pixels AS (
    SELECT field_id, label, id, date, unnest(red) AS red, unnest(nir) AS nir, unnest(scl) AS scl
    FROM scenes
)
SELECT field_id,
       label,
       id,
       date,
       count(red) AS pixels,
       count(red) FILTER (scl IN (4, 5, 6, 7)) AS clear_pixels,
       avg((nir - red) / (nir + red)) FILTER (scl IN (4, 5, 6, 7)) AS ndvi
FROM pixels
GROUP BY ALL;""",
    )


SEASON_TABLE = Query(
    title="NDVI by label and date",
    why="The mean over the clear pixels of all fields of a label.",
    sql="""\
PIVOT (
    SELECT label, date, round(sum(ndvi * clear_pixels) / sum(clear_pixels), 2) AS ndvi
    FROM season
    GROUP BY ALL
)
ON date
USING any_value(ndvi)
GROUP BY label
ORDER BY label;""",
)

SPENT = Query(
    title="What it cost",
    why="Every request this process sent.",
    sql="""\
SELECT kind, count(*) AS requests, round(sum(byte_count) / 1e6, 2) AS megabytes
FROM rasteret_requests()
WHERE attempt > 0
GROUP BY kind
ORDER BY kind;""",
)
