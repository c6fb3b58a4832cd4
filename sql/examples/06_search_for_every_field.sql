-- One search for every field, all at once: how many scenes see it, and how clear the best one is.
SELECT
    f.field_id,
    f.label,
    count(*) AS scenes,
    round(min(s.cloud_cover), 1) AS clearest
FROM 'fields.parquet' AS f,
     stac_search('demo', intersects := f.geom, datetime := '2024-05-01/2024-07-31') AS s
GROUP BY f.field_id, f.label
ORDER BY f.field_id;
