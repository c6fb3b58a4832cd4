-- Outline of a raster as a polygon: its four corners, also where it is rotated.
--
-- The geometry has no CRS of its own: it is in that of the raster. As an area, pass aoi_crs := RS_CRS(raster) beside it.
--
-- @include raster
-- @returns value GEOMETRY  In the CRS of the raster.
-- @example Of a file, and of a chip of it
-- SELECT RS_ConvexHull('S2_32632_20240414/red.tif') AS file, RS_ConvexHull(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_ConvexHull(raster) AS ST_GeomFromWKB(_rasteret_ok(_rasteret_outlines(raster, _rasteret_query())).convex_hull)
