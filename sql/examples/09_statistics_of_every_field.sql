-- Statistics of every field on every date; the tiles that fields share are read once.
CREATE OR REPLACE TABLE stats AS
SELECT
    field_id,
    label,
    day,
    RS_ZonalStatsAll(i, geom, coverage := true, histogram := true) AS nir
FROM (
    SELECT f.field_id, f.label, f.geom, i.datetime::DATE AS day, i
    FROM 'idx.parquet' AS i
    JOIN 'fields.parquet' AS f ON i.footprint && f.geom
    WHERE i.band = 'nir'
    ORDER BY i.href  -- file by file, in full vectors
);

-- Where scenes overlap, and for all fields of a crop, statistics add up without reading a pixel again.
SELECT
    label,
    day,
    round(s.mean) AS mean,
    round(s.stddev) AS stddev,
    s.percentiles AS p10_p50_p90,
    round(s.valid_fraction, 2) AS valid
FROM (
    SELECT label, day, RS_StatsMerge(list(nir), percentiles := [10, 50, 90]) AS s
    FROM stats
    GROUP BY label, day
)
ORDER BY label, day;
