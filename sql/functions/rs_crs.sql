-- Coordinate reference system of a raster.
--
-- @include raster
-- @returns value VARCHAR  Authority code such as EPSG:32632, else WKT2; NULL without one.
-- @example Of a file, and of a chip of it
-- SELECT RS_CRS('S2_32632_20240414/red.tif') AS file, RS_CRS(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_CRS(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).crs
