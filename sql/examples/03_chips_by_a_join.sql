-- Chips: the index joined with a table of fields and their labels.
SELECT
    f.field_id,
    f.label,
    i.datetime,
    i.band,
    c.shape,
    c.crs,
    c.data,
    c.valid
FROM 'idx.parquet' AS i
JOIN 'fields.parquet' AS f ON i.geometry && f.geom,
     read_cog(i, f.geom) AS c
WHERE i.band IN ('red', 'nir')
  AND i.cloud_cover < 30
ORDER BY f.field_id, i.datetime, i.id, i.band;
