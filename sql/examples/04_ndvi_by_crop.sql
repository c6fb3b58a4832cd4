-- Mean NDVI of each crop and date, clouds and shadows left out by the scene classification.
WITH chips AS (
    SELECT
        f.field_id,
        f.label,
        i.id,
        i.datetime::DATE AS day,
        map(list(i.band), list(flatten(RS_AsArray(c, scale := true)))) AS bands  -- reflectance
    FROM 'idx.parquet' AS i
    JOIN 'fields.parquet' AS f ON i.geometry && f.geom,
         read_cog(i, f.geom) AS c
    GROUP BY ALL
),
pixels AS (
    SELECT
        label,
        day,
        unnest(bands['red']) AS red,
        unnest(bands['nir']) AS nir,
        unnest(bands['scl']) AS scl
    FROM chips
)
SELECT
    label,
    day,
    count(*) AS pixels,
    round(avg((nir - red) / (nir + red)), 3) AS ndvi
FROM pixels
WHERE scl IN (4, 5, 6)
GROUP BY label, day
ORDER BY label, day;
