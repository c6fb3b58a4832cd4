-- Every pair of a row of an index and an area whose box meets that of its footprint: a quick join by &&.
--
-- index and areas are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. All columns of both come back; a
-- column of areas whose name is taken gets _1 behind it. No pixel is read. DuckDB tries every footprint with every area to
-- join by &&; here each different footprint is looked up in a tree of the areas, and the rest is a join by equality.
--
-- Longitudes that differ by a turn are one place, and an area in a CRS of its own is where it is.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param areas  Name of a table, view, CTE or file of areas.
-- @param geom  Name of the column that holds the areas; by default geom or geometry. GEOMETRY, WKT, GeoJSON, WKB, DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @param aoi_crs  CRS of areas that have none of their own; OGC:CRS84 by default.
-- @example How many scenes each field has
-- SELECT field_id, count(DISTINCT id) AS scenes
-- FROM read_pairs('idx.parquet', 'fields.parquet')
-- GROUP BY field_id
-- ORDER BY field_id;
CREATE MACRO read_pairs(
    index,
    areas,
    geom := NULL,
    footprint := 'footprint',
    aoi_crs := NULL
) AS TABLE
SELECT i.* EXCLUDE (rasteret_footprint), f.* EXCLUDE (rasteret_footprint, rasteret_placed, rasteret_aoi)
FROM (
    SELECT *, COLUMNS('(?i)^' || regexp_escape(footprint) || '$') AS rasteret_footprint
    FROM query_table(index)
) AS i
JOIN _rasteret_placed_areas(index, areas, geom, footprint, aoi_crs) AS f
    ON _rasteret_same_footprint(i.rasteret_footprint, f.rasteret_footprint)
