-- Change of y from one column of pixels to the next.
--
-- @include raster
-- @returns value DOUBLE  0 where the raster is not rotated.
-- @example Of a file, and of a chip of it
-- SELECT RS_SkewY('S2_32632_20240414/red.tif') AS file, RS_SkewY(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_SkewY(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).transform[4]
