-- The files of a local or remote glob, one row per file: an index without STAC.
--
-- Join it with cog_header to index a folder or a bucket. Files are listed by fsspec (s3fs for S3), with its
-- patterns: * stays within a folder, ** also goes below it. A pattern without * ? [ is the file itself, or the
-- files directly in that folder. A pattern that matches nothing gives no rows.
--
-- @param pattern  Path or URL: 'data/*.tif', 's3://bucket/2024/**/*.tif', 'memory://x/*.tif'.
-- @returns href VARCHAR  Where the file is.
-- @returns size UBIGINT  Bytes; NULL where the store does not say.
-- @returns last_modified TIMESTAMP WITH TIME ZONE  When it was changed last; NULL where the store does not say.
-- @returns etag VARCHAR  ETag; NULL where the store has none.
-- @example Index a folder
-- CREATE OR REPLACE TABLE folder_index AS
-- SELECT h.* FROM cog_files('S2_32632_*/*.tif') AS f, cog_header(f.href) AS h;
CREATE MACRO cog_files(pattern) AS TABLE
SELECT f.href, f.size, f.last_modified, f.etag
FROM (SELECT unnest(_rasteret_ok_column(f)) AS f FROM (SELECT _rasteret_cog_files(pattern, _rasteret_query()) AS f))
