-- The box around a geometry, as the STRUCT that GeoParquet's bbox covering takes.
--
-- @param geometry  GEOMETRY or WKB.
-- @returns value STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  In the geometry's own CRS; NULL for NULL and for an empty geometry.
-- @example Boxes of the footprints
-- SELECT id, rasteret_bbox(geometry) AS bbox FROM stac_search('demo') ORDER BY id;
CREATE MACRO rasteret_bbox(geometry) AS _rasteret_ok(_rasteret_geometry_bbox(geometry))
