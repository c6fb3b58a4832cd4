-- Bounding box of a raster as a polygon.
--
-- The geometry has no CRS of its own: it is in that of the raster. As an area, pass aoi_crs := RS_CRS(raster) beside it.
--
-- @include raster
-- @returns value GEOMETRY  In the CRS of the raster.
-- @example Of a file, and of a chip of it
-- SELECT RS_Envelope('S2_32632_20240414/red.tif') AS file, RS_Envelope(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_Envelope(raster) AS ST_GeomFromWKB(_rasteret_ok(_rasteret_outlines(raster, _rasteret_query())).envelope)
