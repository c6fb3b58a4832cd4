-- X of the upper left corner of the first pixel of a raster.
--
-- @include raster
-- @returns value DOUBLE  In the CRS of the raster.
-- @example Of a file, and of a chip of it
-- SELECT RS_UpperLeftX('S2_32632_20240414/red.tif') AS file, RS_UpperLeftX(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_UpperLeftX(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).transform[3]
