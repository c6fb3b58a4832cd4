-- What a join would fetch, before it is run: no pixel column, no pixel request. Tiles that fields share count
-- once.
WITH tiles AS (
    SELECT DISTINCT band, href, "offset", byte_count
    FROM read_tiles('idx.parquet', 'fields.parquet')
    WHERE cloud_cover < 30
)
SELECT
    band,
    count(DISTINCT href) AS files,
    count(*) AS tiles,
    sum(byte_count) // 1_000 AS kilobytes_of_tiles,
    (SELECT sum(file_size) FROM 'idx.parquet' AS i WHERE i.band = tiles.band AND i.cloud_cover < 30)
        // 1_000 AS kilobytes_of_whole_files
FROM tiles
GROUP BY band
ORDER BY band;
