-- A box as a GEOMETRY without CRS.
CREATE MACRO _rasteret_box(xmin, ymin, xmax, ymax) AS (
    'POLYGON ((' || xmin || ' ' || ymin || ', ' || xmin || ' ' || ymax || ', ' || xmax || ' ' || ymax || ', '
    || xmax || ' ' || ymin || ', ' || xmin || ' ' || ymin || '))'
)::GEOMETRY
