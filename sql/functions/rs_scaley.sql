-- Change of y from one row of pixels to the next.
--
-- @include raster
-- @returns value DOUBLE  Height of a pixel in units of the CRS, negative in the usual raster whose rows run south.
-- @example Of a file, and of a chip of it
-- SELECT RS_ScaleY('S2_32632_20240414/red.tif') AS file, RS_ScaleY(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_ScaleY(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).transform[5]
