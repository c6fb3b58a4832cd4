-- A collection of Rasteret (the Python library) as an index: one row per item and band.
--
-- Rasteret keeps one row per item, with a column {band}_metadata for every band, in Parquet files partitioned
-- by year and month. The rows have the columns of cog_index, so that read_cog and all others read them as
-- they are. What a collection does not keep (overviews, masks, ETags) is NULL or empty; files whose compression
-- needs tables that it does not keep (JPEG, LERC) have error set.
--
-- @param path  Folder of the collection, one of its .parquet files, or a glob of them.
-- @returns id VARCHAR  Item id.
-- @returns collection VARCHAR  Collection id.
-- @returns geometry GEOMETRY('OGC:CRS84')  Footprint of the item.
-- @returns datetime TIMESTAMP WITH TIME ZONE  When the item was acquired.
-- @returns updated TIMESTAMP WITH TIME ZONE  NULL: a collection does not keep it.
-- @returns cloud_cover DOUBLE  eo:cloud_cover, percent.
-- @returns platform VARCHAR  NULL: a collection does not keep it.
-- @returns proj_code VARCHAR  CRS that the item declares.
-- @returns band VARCHAR  Asset key.
-- @returns band_index INTEGER  Number of the band in its file, from 1: pass it as bands := [band_index].
-- @returns href VARCHAR  The asset.
-- @returns width INTEGER  Columns of the full-resolution image.
-- @returns height INTEGER  Rows of the full-resolution image.
-- @returns band_count INTEGER  Bands (SamplesPerPixel), alpha included.
-- @returns dtype VARCHAR  NumPy name of a sample, such as uint16.
-- @returns tile_width INTEGER  Columns of an internal tile; the width of the image for strips.
-- @returns tile_height INTEGER  Rows of an internal tile, or of a strip.
-- @returns tiled BOOLEAN  True.
-- @returns compression VARCHAR  none, deflate, lzw, zstd, packbits, jpeg and others.
-- @returns predictor INTEGER  1 none, 2 horizontal differencing, 3 floating point.
-- @returns interleave VARCHAR  pixel or band.
-- @returns photometric VARCHAR  minisblack, rgb, palette, ycbcr and others.
-- @returns byte_order VARCHAR  little: a collection does not keep it, and takes it for granted.
-- @returns bits_per_sample INTEGER  Bits of one sample.
-- @returns fill_order INTEGER  1.
-- @returns extra_samples VARCHAR[]  What the last bands are: unspecified, associated_alpha, unassociated_alpha.
-- @returns crs VARCHAR  Authority code such as EPSG:32632, else WKT2; NULL without georeference.
-- @returns transform DOUBLE[]  Affine a b c d e f: x = a·column + b·row + c, y = d·column + e·row + f.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in the raster's CRS.
-- @returns footprint GEOMETRY('OGC:CRS84')  NULL: a collection does not keep it; geometry is the item's.
-- @returns nodata DOUBLE  Value of missing pixels; NULL when there is none.
-- @returns scales DOUBLE[]  NULL: a collection does not keep it.
-- @returns offsets DOUBLE[]  NULL: a collection does not keep it.
-- @returns units VARCHAR[]  NULL: a collection does not keep it.
-- @returns band_names VARCHAR[]  NULL: a collection does not keep it.
-- @returns gcps STRUCT("row" DOUBLE, col DOUBLE, x DOUBLE, y DOUBLE, z DOUBLE)[]  NULL: a collection does not keep it.
-- @returns gcps_crs VARCHAR  NULL: a collection does not keep it.
-- @returns colorinterp VARCHAR[]  NULL: a collection does not keep it.
-- @returns colormap USMALLINT[]  NULL: a collection does not keep it.
-- @returns tile_offsets UBIGINT[]  Where each tile lies, in bytes; 0 for a sparse one.
-- @returns tile_byte_counts UBIGINT[]  How long each tile is; 0 for a sparse one.
-- @returns jpeg_tables BLOB  NULL: a collection does not keep it.
-- @returns lerc_parameters UINTEGER[]  NULL: a collection does not keep it.
-- @returns overviews STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[], mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[]))[]  Empty: a collection knows full resolution only.
-- @returns mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[])  NULL: a collection does not keep it.
-- @returns ghost MAP(VARCHAR, VARCHAR)  NULL: a collection does not keep it.
-- @returns file_size UBIGINT  NULL.
-- @returns etag VARCHAR  NULL: a collection does not keep it, so that a changed file is not noticed.
-- @returns last_modified TIMESTAMP WITH TIME ZONE  NULL.
-- @returns error VARCHAR  Why no pixels can be read; all but the item is NULL then.
-- @example A collection, written by SQL alone, as an index
-- COPY (
--     SELECT
--         id, datetime, geometry, {'red': {'href': href}} AS assets, 32632 AS "proj:epsg",
--         {
--             'image_width': width, 'image_height': height, 'tile_width': tile_width, 'tile_height': tile_height,
--             'dtype': dtype, 'transform': [transform[1], transform[3], transform[5], transform[6]],
--             'predictor': predictor, 'compression': 8, 'nodata': nodata,
--             'tile_offsets': tile_offsets, 'tile_byte_counts': tile_byte_counts
--         } AS red_metadata
--     FROM 'idx.parquet'
--     WHERE band = 'red' AND crs = 'EPSG:32632'
-- ) TO 'collection.parquet';
-- SELECT i.id, c.shape
-- FROM read_rasteret('collection.parquet') AS i, read_cog(i, [11.98, 48.00, 12.00, 48.02], bands := [band_index]) AS c
-- ORDER BY i.id;
CREATE MACRO read_rasteret(path) AS TABLE
WITH kept AS (
    SELECT
        make_timestamptz(epoch_us(datetime)) AS datetime,
        ST_SetCRS(ST_GeomFromWKB(_rasteret_ok(_rasteret_wkb(geometry))), 'OGC:CRS84') AS geometry,
        regexp_replace(band_column, '_metadata$', '') AS band,
        to_json(assets) -> regexp_replace(band_column, '_metadata$', '') AS asset,
        r::STRUCT(
            id VARCHAR, collection VARCHAR, "eo:cloud_cover" DOUBLE, "proj:epsg" INTEGER, crs VARCHAR
        ) AS item,
        -- older collections have fewer fields
        kept_metadata::STRUCT(
            image_width INTEGER, image_height INTEGER, tile_width INTEGER, tile_height INTEGER, dtype VARCHAR,
            "transform" DOUBLE[], predictor INTEGER, compression INTEGER, tile_offsets BIGINT[],
            tile_byte_counts BIGINT[], nodata DOUBLE, samples_per_pixel INTEGER, planar_configuration INTEGER,
            photometric INTEGER, extra_samples INTEGER[]
        ) AS m
    FROM (
        UNPIVOT (
            FROM read_parquet(
                CASE WHEN ends_with(path, '.parquet') THEN path ELSE rtrim(path, '/') || '/**/*.parquet' END,
                -- year and month, its folders, stand in datetime; folders above it are not its own
                hive_partitioning := false
            )
        )
        ON COLUMNS('_metadata$')
        INTO NAME band_column VALUE kept_metadata
    ) AS r
), named AS (
    SELECT
        *,
        asset ->> 'href' AS href,
        coalesce(item.crs, 'EPSG:' || item."proj:epsg") AS crs_code,
        coalesce(m.planar_configuration, 1) = 2 AS planar,
        [m."transform"[1], 0, m."transform"[2], 0, m."transform"[3], m."transform"[4]]::DOUBLE[] AS affine,
        CASE m.compression
            WHEN 1 THEN 'none'
            WHEN 5 THEN 'lzw'
            WHEN 8 THEN 'deflate'
            WHEN 32773 THEN 'packbits'
            WHEN 32946 THEN 'deflate'
            WHEN 34925 THEN 'lzma'
            WHEN 34926 THEN 'zstd'
            WHEN 50000 THEN 'zstd'
            WHEN 50001 THEN 'webp'
        END AS compression_name,
        CASE
            WHEN m.image_width IS NULL THEN 'the collection has no metadata of this band'
            WHEN asset ->> 'href' IS NULL THEN 'the collection has no asset of this name'
            WHEN compression_name IS NULL
                THEN 'a collection does not keep what TIFF compression ' || m.compression || ' needs'
        END AS problem
    FROM kept
)
SELECT
    item.id AS id,
    item.collection AS collection,
    geometry,
    datetime,
    NULL::TIMESTAMPTZ AS updated,
    item."eo:cloud_cover" AS cloud_cover,
    NULL::VARCHAR AS platform,
    crs_code AS proj_code,
    band,
    CASE WHEN planar THEN 1 ELSE coalesce((asset ->> 'band_index')::INTEGER, 0) + 1 END AS band_index,
    href,
    h.* REPLACE (ST_SetCRS(h.footprint, 'OGC:CRS84') AS footprint),
    problem AS error
FROM named, LATERAL (
    SELECT unnest(CASE WHEN problem IS NULL THEN {
        'width': m.image_width,
        'height': m.image_height,
        -- Rasteret keeps the tables of one band, so a file of separate bands counts as one
        'band_count': CASE WHEN planar THEN 1 ELSE coalesce(m.samples_per_pixel, 1) END,
        'dtype': m.dtype,
        'tile_width': m.tile_width,
        'tile_height': m.tile_height,
        'tiled': true,
        'compression': compression_name,
        'predictor': coalesce(m.predictor, 1),
        'interleave': CASE WHEN planar THEN 'band' ELSE 'pixel' END,
        'photometric': CASE m.photometric
            WHEN 0 THEN 'miniswhite' WHEN 1 THEN 'minisblack' WHEN 2 THEN 'rgb' WHEN 3 THEN 'palette'
            WHEN 5 THEN 'cmyk' WHEN 6 THEN 'ycbcr'
        END,
        'byte_order': 'little',
        'bits_per_sample': regexp_extract(m.dtype, '[0-9]+$')::INTEGER,
        'fill_order': 1,
        'extra_samples': list_transform(
            m.extra_samples,
            lambda code: ['unspecified', 'associated_alpha', 'unassociated_alpha'][code + 1]
        ),
        'crs': crs_code,
        'transform': affine,
        'bbox': {
            'xmin': least(affine[3], affine[3] + affine[1] * m.image_width),
            'ymin': least(affine[6], affine[6] + affine[5] * m.image_height),
            'xmax': greatest(affine[3], affine[3] + affine[1] * m.image_width),
            'ymax': greatest(affine[6], affine[6] + affine[5] * m.image_height)
        },
        'footprint': NULL::GEOMETRY,
        'nodata': m.nodata,
        'scales': NULL::DOUBLE[],
        'offsets': NULL::DOUBLE[],
        'units': NULL::VARCHAR[],
        'band_names': NULL::VARCHAR[],
        'gcps': NULL::STRUCT("row" DOUBLE, col DOUBLE, x DOUBLE, y DOUBLE, z DOUBLE)[],
        'gcps_crs': NULL::VARCHAR,
        'colorinterp': NULL::VARCHAR[],
        'colormap': NULL::USMALLINT[],
        'tile_offsets': m.tile_offsets::UBIGINT[],
        'tile_byte_counts': m.tile_byte_counts::UBIGINT[],
        'jpeg_tables': NULL::BLOB,
        'lerc_parameters': NULL::UINTEGER[],
        'overviews': []::STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[], mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[]))[],
        'mask': NULL::STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[]),
        'ghost': NULL::MAP(VARCHAR, VARCHAR),
        'file_size': NULL::UBIGINT,
        'etag': NULL::VARCHAR,
        'last_modified': NULL::TIMESTAMPTZ
    } END)
) AS h
