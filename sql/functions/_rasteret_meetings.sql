-- Every different footprint of an index with the areas whose boxes meet its own, as hashes of the areas. Archives
-- repeat footprints, so this is a small table, and a join with it by equality takes the place of one by &&.
CREATE MACRO _rasteret_meetings(index, areas, geom, footprint, aoi_crs) AS TABLE
SELECT unnest(rasteret_footprints) AS rasteret_footprint, unnest(rasteret_met) AS rasteret_keys
FROM (
    SELECT
        rasteret_footprints,
        _rasteret_ok(_rasteret_meeting(
            rasteret_footprints, rasteret_areas, rasteret_keys, rasteret_type, aoi_crs
        )) AS rasteret_met
    FROM (
        SELECT list(rasteret_footprint) AS rasteret_footprints
        FROM (
            SELECT DISTINCT COLUMNS('(?i)^' || regexp_escape(footprint) || '$') AS rasteret_footprint
            FROM query_table(index)
        )
    ), (
        SELECT
            list(rasteret_aoi) AS rasteret_areas,
            list(hash(rasteret_aoi)) AS rasteret_keys,
            any_value(typeof(rasteret_aoi)) AS rasteret_type
        FROM _rasteret_areas(areas, geom)
    )
)
