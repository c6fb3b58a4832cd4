-- Statistics of 1,000 fields on every date. The fields are a grid here; a table of polygons does as well.
CREATE OR REPLACE TABLE parcels AS
SELECT
    50 * y + x AS parcel_id,
    format(
        'POLYGON (({0} {1}, {2} {1}, {2} {3}, {0} {3}, {0} {1}))',
        11.930 + 0.0035 * x,
        47.960 + 0.0023 * y,
        11.933 + 0.0035 * x,
        47.962 + 0.0023 * y
    )::GEOMETRY('OGC:CRS84') AS geom
FROM range(50) AS a(x), range(20) AS b(y);

-- File by file, in full vectors: the tiles that fields share are read once.
CREATE OR REPLACE TABLE parcel_stats AS
SELECT parcel_id, id, day, RS_ZonalStatsAll(i, geom, percentiles := [10, 90]) AS nir
FROM (
    SELECT p.parcel_id, p.geom, i.id, i.datetime::DATE AS day, i
    FROM 'idx.parquet' AS i
    JOIN parcels AS p ON i.footprint && p.geom
    WHERE i.band = 'nir'
    ORDER BY i.href
);

SELECT
    day,
    count(DISTINCT parcel_id) AS parcels,
    sum(nir.count)::BIGINT AS pixels,
    round(avg(nir.mean)) AS mean,
    round(avg(nir.percentiles[2] - nir.percentiles[1])) AS spread
FROM parcel_stats
WHERE nir.count > 0
GROUP BY day
ORDER BY day;
