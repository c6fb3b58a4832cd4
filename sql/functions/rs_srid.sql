-- EPSG code of the coordinate reference system of a raster.
--
-- @include raster
-- @returns value INTEGER  As in Sedona 0 when there is no such code.
-- @example Of a file, and of a chip of it
-- SELECT RS_SRID('S2_32632_20240414/red.tif') AS file, RS_SRID(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_SRID(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).srid
