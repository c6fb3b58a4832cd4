-- The rows of a table of areas by its name, after the column that holds them.
CREATE MACRO _rasteret_areas(areas, geom) AS TABLE
SELECT
    coalesce(*COLUMNS('(?i)^(' || coalesce(regexp_escape(geom), 'geom|geometry') || ')$')) AS rasteret_aoi,
    *
FROM query_table(areas)
