"""DuckDB types of the values that cross between SQL and the kernels, each written once."""

from __future__ import annotations

BBOX = "STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)"

GCP = 'STRUCT("row" DOUBLE, col DOUBLE, x DOUBLE, y DOUBLE, z DOUBLE)'

_LEVEL = """
    width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN,
    compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR,
    bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[],
    jpeg_tables BLOB, lerc_parameters UINTEGER[]"""

MASK = f"STRUCT({_LEVEL})"
OVERVIEW = f"STRUCT({_LEVEL}, mask {MASK})"

HEADER = f"""STRUCT(
    href VARCHAR, width INTEGER, height INTEGER, band_count INTEGER, dtype VARCHAR,
    tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER,
    interleave VARCHAR, photometric VARCHAR, byte_order VARCHAR, bits_per_sample INTEGER, fill_order INTEGER,
    extra_samples VARCHAR[], crs VARCHAR, crs_note VARCHAR, transform DOUBLE[], bbox {BBOX}, footprint BLOB,
    nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[],
    gcps {GCP}[], gcps_crs VARCHAR, colorinterp VARCHAR[], colormap USMALLINT[],
    tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[],
    overviews {OVERVIEW}[], mask {MASK}, mask_bands INTEGER, ghost MAP(VARCHAR, VARCHAR),
    file_size UBIGINT, etag VARCHAR, last_modified TIMESTAMP WITH TIME ZONE, sidecars VARCHAR[],
    error VARCHAR)"""

FILE = "STRUCT(href VARCHAR, size UBIGINT, last_modified TIMESTAMP WITH TIME ZONE, etag VARCHAR)"

FILE_STATE = "STRUCT(missing BOOLEAN, size UBIGINT, etag VARCHAR, error VARCHAR)"

TILE_TABLES = f"""STRUCT(
    tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], overviews {OVERVIEW}[], mask {MASK})"""
PACKED_TILE_TABLES = TILE_TABLES.replace("tile_offsets UBIGINT[]", "tile_gaps BIGINT[]")
"""The same in half the space; see ``duck/kernels/tile_tables.py``."""

CHIP_SOURCE = """STRUCT(
    stored VARCHAR, plan BLOB, aoi BLOB, warp VARCHAR, math VARCHAR, stack VARCHAR,
    on_error VARCHAR, error VARCHAR, places UTINYINT[], notice VARCHAR)"""
"""The plan of a chip, hidden from users; see ``chip_source``, ``stack_rows`` (stack) and ``batches``
(places, notice)."""

CHIP_PLAN = f"""STRUCT(
    href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER,
    bbox {BBOX}, crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE,
    facts VARCHAR, source {CHIP_SOURCE})"""

CHIP_FACTS = """STRUCT(
    scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[],
    colormap USMALLINT[])"""
"""``facts`` of a planned chip: one text in place of six lists, which most queries do not ask for."""

CHIP = f"""STRUCT(
    href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER,
    bbox {BBOX}, crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE,
    scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[],
    colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)"""
"""A chip as one value: the columns of read_cog."""

TILE_PLAN = f"""STRUCT(
    href VARCHAR, bands INTEGER[], level INTEGER, tile_col INTEGER, tile_row INTEGER,
    x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER,
    bbox {BBOX}, crs VARCHAR, transform DOUBLE[], "offset" UBIGINT, byte_count UBIGINT,
    dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[],
    source {CHIP_SOURCE})"""

PIXELS = "STRUCT(data BLOB, valid BLOB, error VARCHAR, parted BOOLEAN[])"
"""``parted`` is NULL: because it is a list, DuckDB does not copy short vectors of pixels into long ones."""

CUBE_PLAN = f"""STRUCT(
    "time" TIMESTAMP WITH TIME ZONE[], bands VARCHAR[], shape INTEGER[], dtype VARCHAR, nodata DOUBLE,
    crs VARCHAR, transform DOUBLE[], bbox {BBOX}, scales DOUBLE[], "offsets" DOUBLE[], byte_count UBIGINT,
    source STRUCT(
        first VARCHAR, cube VARCHAR, aoi BLOB, on_error VARCHAR, errors VARCHAR[], places UTINYINT[],
        notice VARCHAR))"""
"""A planned cube; ``source`` is hidden from users, see ``cube_source``."""

CUBE = f"""STRUCT(
    "time" TIMESTAMP WITH TIME ZONE[], bands VARCHAR[], shape INTEGER[], dtype VARCHAR, nodata DOUBLE,
    crs VARCHAR, transform DOUBLE[], bbox {BBOX}, scales DOUBLE[], "offsets" DOUBLE[], byte_count UBIGINT,
    data BLOB, valid BLOB, errors VARCHAR[])"""
"""A cube as one value: the columns of read_cube."""

CUBE_PIXELS = "STRUCT(data BLOB, valid BLOB, errors VARCHAR[])"

WINDOW_ROW = f"""STRUCT(
    href VARCHAR, level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER,
    bbox {BBOX}, crs VARCHAR, transform DOUBLE[])"""

METADATA = """STRUCT(
    "upperLeftX" DOUBLE, "upperLeftY" DOUBLE, "gridWidth" INTEGER, "gridHeight" INTEGER,
    "scaleX" DOUBLE, "scaleY" DOUBLE, "skewX" DOUBLE, "skewY" DOUBLE, srid INTEGER,
    "numSampleDimensions" INTEGER, "tileWidth" INTEGER, "tileHeight" INTEGER)"""

FACTS = """STRUCT(
    width INTEGER, height INTEGER, band_count INTEGER, crs VARCHAR, srid INTEGER, transform DOUBLE[])"""

OUTLINES = "STRUCT(convex_hull BLOB, envelope BLOB)"

BAND_FACTS = "STRUCT(nodata DOUBLE, pixel_type VARCHAR)"

PIXEL = 'STRUCT(x DOUBLE, y DOUBLE, "value" DOUBLE, col INTEGER, "row" INTEGER)'

CATALOG = """STRUCT(
    id VARCHAR, title VARCHAR, endpoint VARCHAR, collection VARCHAR, licence VARCHAR, auth VARCHAR,
    bands MAP(VARCHAR, VARCHAR), alternate VARCHAR, href_rules MAP(VARCHAR, VARCHAR))"""

COLLECTION = """STRUCT(
    id VARCHAR, title VARCHAR, description VARCHAR, licence VARCHAR, keywords VARCHAR[],
    start_datetime TIMESTAMP WITH TIME ZONE, end_datetime TIMESTAMP WITH TIME ZONE,
    bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE),
    assets MAP(VARCHAR, STRUCT(type VARCHAR, title VARCHAR, roles VARCHAR[])),
    summaries JSON, endpoint VARCHAR)"""

FUNCTION = """STRUCT(
    name VARCHAR, kind VARCHAR, signature VARCHAR, summary VARCHAR, description VARCHAR,
    parameters STRUCT(name VARCHAR, "default" VARCHAR, description VARCHAR)[],
    "returns" STRUCT(name VARCHAR, "type" VARCHAR, description VARCHAR)[],
    examples STRUCT(title VARCHAR, sql VARCHAR)[])"""

REQUEST = """STRUCT(
    id UBIGINT, started_at TIMESTAMP WITH TIME ZONE, kind VARCHAR, url VARCHAR, "offset" UBIGINT,
    byte_count UBIGINT, duration_ms DOUBLE, attempt INTEGER, error VARCHAR,
    cached_tiles UBIGINT, cached_byte_count UBIGINT)"""

ZONAL_STATS = """STRUCT(
    count DOUBLE, sum DOUBLE, mean DOUBLE, median DOUBLE, mode DOUBLE, stddev DOUBLE, variance DOUBLE,
    min DOUBLE, max DOUBLE, majority DOUBLE, minority DOUBLE, unique_count BIGINT, percentiles DOUBLE[],
    histogram MAP(DOUBLE, DOUBLE), valid_fraction DOUBLE, pixels DOUBLE, m2 DOUBLE, coverage BOOLEAN)"""

BIN = "STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)"

_READ = """
    plan VARCHAR, "function" VARCHAR, scenes BIGINT, areas BIGINT, chips BIGINT, chip_bytes BIGINT,
    tiles BIGINT, requests BIGINT, byte_count BIGINT, cached_tiles BIGINT, cached_byte_count BIGINT,
    header_requests BIGINT, seconds DOUBLE, dollars DOUBLE"""

QUERY_READ = f"""STRUCT({_READ},
    network_s DOUBLE, decode_s DOUBLE, duckdb_s DOUBLE, limited_by VARCHAR)"""

QUERY_PLAN = f"""STRUCT({_READ}, catalog VARCHAR, arguments MAP(VARCHAR, VARCHAR), request JSON,
    "local" STRUCT(condition VARCHAR, reason VARCHAR)[], sql VARCHAR)"""
