-- Build an index: one row per scene and band, every header read once.
CREATE OR REPLACE TABLE idx AS
SELECT
    s.id,
    s.datetime,
    s.cloud_cover,
    s.geometry,
    a.key AS band,
    h.*
FROM stac_search('demo', bbox := [11.9, 47.9, 12.2, 48.1], datetime := '2024-04-01/2024-09-30') AS s,
     unnest(map_entries(s.assets)) AS u(a),
     cog_header(a.value.href) AS h
ORDER BY s.datetime, s.id, band;

-- The index is a table like any other: keep it as Parquet, share it, add columns to it.
COPY idx TO 'idx.parquet';

SELECT band, count(*) AS files, count(error) AS failed, sum(file_size) AS bytes
FROM 'idx.parquet'
GROUP BY band
ORDER BY band;
