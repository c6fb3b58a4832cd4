-- NDVI of every field on every day: scenes of neighbouring tiles and orbits are added up, no pixel is read again.
SELECT
    f.field_id,
    f.label,
    s.day,
    s.ndvi.mean AS ndvi,
    s.ndvi.stddev AS stddev,
    s.ndvi.count AS clear_pixels,
    s.ndvi.valid_fraction AS clear_fraction
FROM (
    SELECT
        field_id,
        datetime::DATE AS day,
        RS_StatsMerge(list(ndvi)) AS ndvi
    FROM {{ ref('field_scenes') }}
    GROUP BY field_id, day
) AS s
JOIN {{ ref('stg_fields') }} AS f USING (field_id)
ORDER BY f.field_id, s.day
