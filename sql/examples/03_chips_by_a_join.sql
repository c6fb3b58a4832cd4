-- Chips: the index joined with a table of fields and their labels.
SELECT
    field_id,
    label,
    datetime,
    band,
    shape,
    crs,
    data,
    valid
FROM read_chips('idx.parquet', 'fields.parquet')
WHERE band IN ('red', 'nir')
  AND cloud_cover < 30
ORDER BY field_id, datetime, id, band;
