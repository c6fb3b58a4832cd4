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

-- File by file: the tiles that fields share are read once.
CREATE OR REPLACE TABLE parcel_stats AS
SELECT parcel_id, id, datetime::DATE AS day, count, mean, percentiles
FROM read_zonal_stats('idx.parquet', 'parcels', percentiles := [10, 90])
WHERE band = 'nir';

SELECT
    day,
    count(DISTINCT parcel_id) AS parcels,
    sum(count)::BIGINT AS pixels,
    round(avg(mean)) AS mean,
    round(avg(percentiles[2] - percentiles[1])) AS spread
FROM parcel_stats
WHERE count > 0
GROUP BY day
ORDER BY day;
