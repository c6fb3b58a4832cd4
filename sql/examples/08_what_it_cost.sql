-- What has been requested so far, by kind, and what the tile cache saved (kind cache).
SELECT
    kind,
    count(*) FILTER (attempt > 0) AS requests,
    sum(byte_count) AS bytes,
    count(error) AS failed,
    sum(cached_tiles) AS cached_tiles,
    sum(cached_byte_count) AS cached_bytes
FROM rasteret_requests()
GROUP BY kind
ORDER BY kind;
