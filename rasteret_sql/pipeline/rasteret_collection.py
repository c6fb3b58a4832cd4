"""An index as a collection of Rasteret, the Python library: what ``rasteret.load()`` opens.

One row per item, with STRUCT ``assets`` by band and a STRUCT ``{band}_metadata`` for every band, partitioned
by year and month (rasteret 0.4: ``COG_BAND_METADATA_STRUCT``, and its schema contract). ``read_rasteret`` is
the way back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.pipeline.copy import copy_to
from rasteret_sql.pipeline.replace import local_path
from rasteret_sql.pipeline.write import columns_of, geo_metadata, key_values, query_of
from rasteret_sql.store.redact import display_href
from rasteret_sql.tiff.tags import COMPRESSION_CODES, PHOTOMETRIC_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

NEEDED = ("id", "datetime", "geometry", "band", "href", "crs", "transform", "tile_byte_counts")
COMPRESSIONS = ("none", "lzw", "deflate", "zstd", "packbits", "webp", "lzma")
"""What needs nothing but the bytes of a tile."""
EXTRA_SAMPLES = ("unspecified", "associated_alpha", "unassociated_alpha")
ROWS = "rasteret_rows"
PLANE = "(ceil(width / tile_width) * ceil(height / tile_height))::BIGINT"


def write_rasteret(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: str | os.PathLike[str],
    *,
    collection_name: str = "",
    data_source: str = "",
) -> int:
    """Write the index that ``query`` (or a table's name) gives as a collection into the folder ``path``.

    Returns the number of items. Rows with an error are left out. Of a file whose bands are separate planes
    the first is taken. The folder must not exist, or be empty. Raises ``ArgumentError`` for rows that are not
    index of items, and ``UnsupportedError`` for what a collection cannot say: a rotated grid, a CRS without
    an EPSG code or two in one item, strips, and compressions that need more than the tile (JPEG, LERC).
    """
    _require_empty(path)
    rows = query_of(query)
    types = columns_of(connection, rows)
    packed = "tile_gaps" in types
    missing = [c for c in (*NEEDED, "tile_gaps" if packed else "tile_offsets") if c not in types]
    if missing:
        raise ArgumentError(
            f"write_rasteret: the rows have no column {', '.join(missing)}; an index of items has "
            "(cog_index, build_index)"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {ROWS} AS SELECT *, {_tables(types, packed)} AS tables "
        f"FROM {rows} WHERE error IS NULL"
    )
    try:
        _refuse(connection)
        bands = [
            row[0] for row in connection.execute(f"SELECT DISTINCT band FROM {ROWS} ORDER BY band").fetchall()
        ]
        return _write(connection, types, bands, os.fspath(path), collection_name, data_source)
    finally:
        connection.execute(f"DROP TABLE {ROWS}")


def _require_empty(path: str | os.PathLike[str]) -> None:
    folder = local_path(path)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ArgumentError(
            f"write_rasteret: {folder} is not empty; a collection is written into a folder of its own"
        )


def _tables(types: Mapping[str, str], packed: bool) -> str:
    if not packed:
        return "{'tile_offsets': tile_offsets, 'tile_byte_counts': tile_byte_counts}"
    return (
        "_rasteret_ok(_rasteret_unpack_tiles("
        "{'tile_gaps': tile_gaps, 'tile_byte_counts': tile_byte_counts, 'overviews': NULL, 'mask': NULL}))"
    )


def _refuse(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise for the first row that a collection cannot hold."""
    row = connection.execute(
        "SELECT href, CASE "
        "WHEN transform[2] <> 0 OR transform[4] <> 0 THEN 'its grid is rotated' "
        "WHEN crs IS NULL OR NOT starts_with(crs, 'EPSG:') THEN 'its CRS has no EPSG code' "
        "WHEN NOT tiled THEN 'it has strips in place of tiles' "
        f"WHEN NOT list_contains([{', '.join(map(quoted, COMPRESSIONS))}], compression) "
        "THEN 'its compression is ' || compression "
        "WHEN min(crs) OVER item <> max(crs) OVER item THEN 'its item has files in several CRSs' "
        f"END AS problem FROM {ROWS} WINDOW item AS (PARTITION BY id) ORDER BY problem NULLS LAST LIMIT 1"
    ).fetchone()
    if row is not None and row[1] is not None:
        raise UnsupportedError(
            f"{display_href(row[0])}: {row[1]}, which a Rasteret collection cannot hold; "
            "leave such rows out with WHERE"
        )


def _code(column: str, codes: Mapping[str, int]) -> str:
    cases = " ".join(f"WHEN {quoted(word)} THEN {code}" for word, code in codes.items())
    return f"(CASE {column} {cases} END)::INTEGER"


def _metadata() -> str:
    """``COG_BAND_METADATA_STRUCT`` of one row; its tables are those of the first plane."""
    fields = {
        "image_width": "width",
        "image_height": "height",
        "tile_width": "tile_width",
        "tile_height": "tile_height",
        "dtype": "dtype",
        "transform": "[transform[1], transform[3], transform[5], transform[6]]",
        "predictor": "predictor",
        "compression": _code("compression", {c: COMPRESSION_CODES[c] for c in COMPRESSIONS}),
        "tile_offsets": f"tables.tile_offsets[1:{PLANE}]::BIGINT[]",
        "tile_byte_counts": f"tables.tile_byte_counts[1:{PLANE}]::BIGINT[]",
        "pixel_scale": "[abs(transform[1]), abs(transform[5]), 0]::DOUBLE[]",
        "tiepoint": "[0, 0, 0, transform[3], transform[6], 0]::DOUBLE[]",
        "nodata": "nodata",
        "samples_per_pixel": "band_count",
        "planar_configuration": "if(interleave = 'band' AND band_count > 1, 2, 1)::INTEGER",
        "photometric": _code("photometric", PHOTOMETRIC_CODES),
        "extra_samples": (
            f"list_transform(extra_samples, lambda word: list_position({list(EXTRA_SAMPLES)}, word) - 1)"
            "::INTEGER[]"
        ),
    }
    return "{" + ", ".join(f"'{field}': {value}" for field, value in fields.items()) + "}"


def _write(
    connection: duckdb.DuckDBPyConnection,
    types: Mapping[str, str],
    bands: list[str],
    path: str,
    collection_name: str,
    data_source: str,
) -> int:
    href = "{'href': href}"

    def of(band: str, value: str) -> str:
        return f"any_value({value}) FILTER (WHERE band = {quoted(band)})"

    assets = ", ".join(f"{quoted(band)}: {of(band, href)}" for band in bands)
    metadata = "".join(f", {of(band, 'metadata')} AS {name(f'{band}_metadata')}" for band in bands)
    collection = "collection" if "collection" in types else "NULL::VARCHAR"
    cloud_cover = "cloud_cover" if "cloud_cover" in types else "NULL::DOUBLE"
    items = (
        "SELECT id, make_timestamp(epoch_us(any_value(datetime))) AS datetime, "
        f"ST_AsWKB(any_value(geometry)) AS geometry, {{{assets}}} AS assets, "
        'rasteret_bbox(any_value(geometry)) AS bbox, any_value(crs)[6:]::INTEGER AS "proj:epsg", '
        f'any_value(crs) AS crs, any_value({cloud_cover}) AS "eo:cloud_cover", '
        f"any_value({collection}) AS collection{metadata} "
        f"FROM (SELECT *, {_metadata()} AS metadata FROM {ROWS}) GROUP BY id"
    )
    span = connection.execute(
        f"SELECT strftime(make_timestamp(epoch_us(min(datetime))), '%Y-%m-%d') || ',' || "
        f"strftime(make_timestamp(epoch_us(max(datetime))), '%Y-%m-%d') FROM {ROWS}"
    ).fetchone()
    geo = geo_metadata({"geometry": "GEOMETRY('OGC:CRS84')"}, "geometry").replace("geometry_bbox", "bbox")
    kept = {
        "geo": geo,
        "name": collection_name,
        "data_source": data_source,
        "date_range": (span and span[0]) or "",
        "rasteret_collection_version": "1",
    }
    return copy_to(
        connection,
        f"SELECT *, year(datetime) AS year, month(datetime) AS month FROM ({items}) ORDER BY datetime, id",
        path,
        ("FORMAT parquet", "COMPRESSION zstd", "PARTITION_BY (year, month)", key_values(kept)),
    )
