-- Change of x from one column of pixels to the next.
--
-- @include raster
-- @returns value DOUBLE  Width of a pixel in units of the CRS, where the raster is not rotated.
-- @example Of a file, and of a chip of it
-- SELECT RS_ScaleX('S2_32632_20240414/red.tif') AS file, RS_ScaleX(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_ScaleX(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).transform[1]
