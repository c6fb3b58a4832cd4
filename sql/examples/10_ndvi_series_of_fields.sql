-- NDVI of every field through the season, clouds and shadows left out: one row per field and date, with its
-- label.
CREATE OR REPLACE TABLE ndvi AS
WITH scenes AS (
    SELECT
        id,
        any_value(datetime) AS datetime,
        any_value(footprint) AS footprint,
        map(list(band), list(i)) AS bands
    FROM 'idx.parquet' AS i
    GROUP BY id
),
measured AS (
    SELECT
        f.field_id,
        f.label,
        s.datetime::DATE AS day,
        RS_ZonalStatsAll(
            s.bands,
            f.geom,
            expression := '(nir - red) / (nir + red)',  -- of reflectance: scale and offset are applied
            mask := 'scl IN (4, 5, 6, 7)'
        ) AS stats
    FROM scenes AS s
    JOIN 'fields.parquet' AS f ON s.footprint && f.geom
)
SELECT
    field_id,
    label,
    day,
    max_by(stats, stats.count) AS stats  -- of two scenes of one day, the one that sees more of the field
FROM measured
GROUP BY field_id, label, day;

SELECT
    field_id,
    label,
    day,
    round(stats.mean, 3) AS ndvi,
    round(stats.stddev, 3) AS stddev,
    round(stats.valid_fraction, 2) AS clear
FROM ndvi
WHERE stats.valid_fraction >= 0.5
ORDER BY field_id, day;
