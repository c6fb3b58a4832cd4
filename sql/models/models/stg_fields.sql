-- The areas that statistics are wanted of.
SELECT
    field_id,
    label,
    geom
FROM '{{ var("fields") }}'
