-- Every different footprint of an index with each area whose box meets its own. What is unnested keeps DuckDB from
-- joining the index with the keys first, of which it does not know how many they are.
CREATE MACRO _rasteret_placed_areas(index, areas, geom, footprint, aoi_crs) AS TABLE
SELECT m.rasteret_footprint, unnest([true]) AS rasteret_placed, f.*
FROM (
    SELECT rasteret_footprint, unnest(rasteret_keys) AS rasteret_key
    FROM _rasteret_meetings(index, areas, geom, footprint, aoi_crs)
) AS m
JOIN _rasteret_areas(areas, geom) AS f ON m.rasteret_key = hash(f.rasteret_aoi)
