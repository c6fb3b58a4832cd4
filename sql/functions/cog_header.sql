-- The header of a GeoTIFF: one row per image, overviews and masks nested.
--
-- A COG costs one request, and the headers of a vector of rows are fetched concurrently. A row holds everything that the
-- reading functions need, so an index built from these rows is read without opening the files again.
-- A bad asset never ends a build: its row has NULLs and error says why. The same goes for files whose pixels this
-- version does not read. The georeference is the affine and the CRS of the GeoTIFF tags; without an affine the transform counts
-- pixels and crs is NULL. Rational polynomial coefficients (RPCs) and world files are ignored.
--
-- @param raster  href of the file (VARCHAR), or a row with an href column.
-- @param signed  False leaves what signs it (X-Amz-…, X-Goog-…, sig and se of Azure, Signature and Policy of CloudFront, tokens, user and password) out of the href column, as an index keeps it. This process remembers the signed form for reading.
-- @include header_columns
-- @example What one file is
-- SELECT width, height, dtype, crs, len(overviews) AS overviews
-- FROM cog_header('S2_32632_20240414/red.tif');
-- @example An index, by CREATE TABLE AS
-- CREATE OR REPLACE TABLE my_index AS
-- SELECT s.id, s.datetime, a.key AS band, h.*
-- FROM stac_search('demo') AS s, unnest(map_entries(s.assets)) AS u(a), cog_header(a.value.href) AS h;
CREATE MACRO cog_header(raster, signed := true) AS TABLE
SELECT
    h.href,
    h.width,
    h.height,
    h.band_count,
    h.dtype,
    h.tile_width,
    h.tile_height,
    h.tiled,
    h.compression,
    h.predictor,
    h.interleave,
    h.photometric,
    h.byte_order,
    h.bits_per_sample,
    h.fill_order,
    h.extra_samples,
    h.crs,
    h.crs_note,
    h.transform,
    h.bbox,
    ST_SetCRS(ST_GeomFromWKB(h.footprint), 'OGC:CRS84') AS footprint,
    h.nodata,
    h.scales,
    h."offsets",
    h.units,
    h.band_names,
    h.gcps,
    h.gcps_crs,
    h.colorinterp,
    h.colormap,
    h.tile_offsets,
    h.tile_byte_counts,
    h.jpeg_tables,
    h.lerc_parameters,
    h.overviews,
    h.mask,
    h.mask_bands,
    h.ghost,
    h.file_size,
    h.etag,
    h.last_modified,
    h.sidecars,
    h.error
FROM (
    SELECT _rasteret_ok_column(h) AS h
    FROM (
        -- in full batches: DuckDB hands over the rows of a lateral join in as many pieces as it has threads
        SELECT _rasteret_cog_header(r, signed, _rasteret_query()) AS h
        FROM (SELECT raster AS r ORDER BY r)
    )
)
