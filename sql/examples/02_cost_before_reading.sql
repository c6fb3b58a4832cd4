-- What a join would fetch, before it is run: no pixel column, no pixel request.
SELECT
    i.band,
    count(DISTINCT (t.href, t."offset")) AS tiles,
    sum(t.byte_count) // 1_000 AS kilobytes_if_nothing_were_shared
FROM 'idx.parquet' AS i
JOIN 'fields.parquet' AS f ON i.geometry && f.geom,
     read_cog_tiles(i, f.geom) AS t
WHERE i.cloud_cover < 30
GROUP BY i.band
ORDER BY i.band;
