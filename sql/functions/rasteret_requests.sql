-- The requests that this process sent, one row per request, oldest first, and what its tile cache saved.
--
-- Queries are removed from URLs, so no signature or token shows. The log keeps the last request_log_rows rows;
-- id counts all of them since the process began. A read that finds tiles already decoded, or being fetched for
-- another query, adds one row per file of kind cache and attempt 0, for which nothing was sent; so does one that
-- finds tiles in the folder of the setting tile_cache_dir, of kind disk. So the sum of byte_count is what was
-- received, and the sum of cached_byte_count is what the caches saved.
--
-- @returns id UBIGINT  Number of the row, from 1.
-- @returns started_at TIMESTAMP WITH TIME ZONE  When it was sent.
-- @returns kind VARCHAR  header, tile, document, stac, or what had to be asked first: region (of an S3 bucket), size, token (of the Planetary Computer); or cache or disk: nothing was asked.
-- @returns url VARCHAR  URL without secrets.
-- @returns offset UBIGINT  First byte asked for; NULL where no range of a file was.
-- @returns byte_count UBIGINT  Bytes received.
-- @returns duration_ms DOUBLE  Milliseconds until the last byte.
-- @returns attempt INTEGER  1, or higher for a retry; 0 where nothing was sent.
-- @returns error VARCHAR  Why it failed; NULL when it did not.
-- @returns cached_tiles UBIGINT  Tiles of the file that one read took from the cache; 0 for requests.
-- @returns cached_byte_count UBIGINT  Bytes that would have been asked for; 0 for requests.
-- @example What was spent, by kind
-- SELECT kind, count(*) AS requests, sum(byte_count) AS bytes
-- FROM rasteret_requests() WHERE attempt > 0 GROUP BY kind ORDER BY kind;
-- @example What was received, and what the cache saved
-- SELECT
--     count(*) FILTER (kind = 'tile') AS tile_requests,
--     sum(byte_count) FILTER (kind = 'tile') AS tile_bytes,
--     sum(cached_tiles) AS cached_tiles,
--     sum(cached_byte_count) AS cached_bytes
-- FROM rasteret_requests();
CREATE MACRO rasteret_requests() AS TABLE
SELECT
    r.id,
    r.started_at,
    r.kind,
    r.url,
    r."offset",
    r.byte_count,
    r.duration_ms,
    r.attempt,
    r.error,
    r.cached_tiles,
    r.cached_byte_count
FROM (SELECT unnest(_rasteret_ok_column(r)) AS r FROM (SELECT _rasteret_requests(0) AS r))
