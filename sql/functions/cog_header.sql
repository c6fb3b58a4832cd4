-- The header of a GeoTIFF: one row an image, overviews and masks nested.
--
-- A COG costs one request; the headers of one vector of rows are fetched concurrently. A row is all that the
-- reading functions need, so an index built from these rows is read without opening the files again.
-- A bad asset never ends a build: its row has error set and NULLs. So has a file whose pixels this version does
-- not read. The georeference is the affine and the CRS of the GeoTIFF tags; without an affine the transform counts
-- pixels and crs is NULL. Rational polynomial coefficients (RPCs) and world files are left alone.
--
-- @param raster  href of the file (VARCHAR), or a row with an href column.
-- @param signed  False leaves what signs it (X-Amz-…, X-Goog-…, sig and se of Azure, Signature and Policy of CloudFront, tokens, user and password) out of the href column: what an index keeps. This process remembers it for reading.
-- @returns href VARCHAR  The asset.
-- @returns width INTEGER  Columns of the full-resolution image.
-- @returns height INTEGER  Rows of the full-resolution image.
-- @returns band_count INTEGER  Bands (SamplesPerPixel), alpha included.
-- @returns dtype VARCHAR  NumPy name of a sample, such as uint16.
-- @returns tile_width INTEGER  Columns of an internal tile; the width of the image for strips.
-- @returns tile_height INTEGER  Rows of an internal tile, or of a strip.
-- @returns tiled BOOLEAN  False for strips.
-- @returns compression VARCHAR  none, deflate, lzw, zstd, packbits, jpeg and others.
-- @returns predictor INTEGER  1 none, 2 horizontal differencing, 3 floating point.
-- @returns interleave VARCHAR  pixel or band.
-- @returns photometric VARCHAR  minisblack, rgb, palette, ycbcr and others.
-- @returns byte_order VARCHAR  little or big, as stored.
-- @returns bits_per_sample INTEGER  Bits of one sample.
-- @returns fill_order INTEGER  2 when the bits of each byte are reversed.
-- @returns extra_samples VARCHAR[]  What the last bands are: unspecified, associated_alpha, unassociated_alpha.
-- @returns crs VARCHAR  Authority code such as EPSG:32632, else WKT2; NULL without georeference.
-- @returns crs_note VARCHAR  Why crs is NULL, or transform counts pixels, where the file has tags for them that contradict each other, are incomplete, or name what PROJ does not know; else NULL.
-- @returns transform DOUBLE[]  Affine a b c d e f: x = a·column + b·row + c, y = d·column + e·row + f.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in the raster's CRS.
-- @returns footprint GEOMETRY('OGC:CRS84')  Outline in longitude and latitude.
-- @returns nodata DOUBLE  Value of missing pixels; NULL when there is none.
-- @returns scales DOUBLE[]  Per band: value = scale · stored + offset.
-- @returns offsets DOUBLE[]  Per band.
-- @returns units VARCHAR[]  Per band: unit of the values after scale and offset.
-- @returns band_names VARCHAR[]  GDAL's band descriptions.
-- @returns gcps STRUCT("row" DOUBLE, col DOUBLE, x DOUBLE, y DOUBLE, z DOUBLE)[]  Ground control points of a raster that has no transform; row and col count from the corner of the first pixel.
-- @returns gcps_crs VARCHAR  CRS of the ground control points.
-- @returns colorinterp VARCHAR[]  Per band, in rasterio's words: 'red', 'gray', 'palette', 'alpha', 'undefined', …; 'associated_alpha' where the pixels are multiplied by it, 'miniswhite' for gray whose zero is white.
-- @returns colormap USMALLINT[]  ColorMap as stored: all reds, greens, blues, 0 to 65535.
-- @returns tile_offsets UBIGINT[]  Where each tile lies, in bytes; 0 for a sparse one.
-- @returns tile_byte_counts UBIGINT[]  How long each tile is; 0 for a sparse one.
-- @returns jpeg_tables BLOB  JPEGTables.
-- @returns lerc_parameters UINTEGER[]  LercParameters.
-- @returns overviews STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[], mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[]))[]  Reduced levels from fine to coarse, each with its tile tables and mask; level 1 is the first.
-- @returns mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[])  Internal mask of the full resolution.
-- @returns mask_bands INTEGER  Samples a pixel of the internal mask: 1 for all bands together, or one for each band; NULL without a mask.
-- @returns ghost MAP(VARCHAR, VARCHAR)  GDAL's structural metadata, such as LAYOUT and BLOCK_LEADER.
-- @returns file_size UBIGINT  Bytes of the file.
-- @returns etag VARCHAR  ETag; a read checks that it is still the same.
-- @returns last_modified TIMESTAMP WITH TIME ZONE  When the file was changed last.
-- @returns sidecars VARCHAR[]  Files beside a local raster that GDAL reads with it and this package does not: .msk, .aux.xml, .ovr, world files. NULL of remote files: nobody looks.
-- @returns error VARCHAR  Why there is no header; all but href is NULL then.
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
        SELECT _rasteret_cog_header(r, signed) AS h
        FROM (SELECT raster AS r ORDER BY r)
    )
)
