-- Rows of pixels of a raster.
--
-- @include raster
-- @returns value INTEGER  Of the full resolution of a file; of a chip its own.
-- @example Of a file, and of a chip of it
-- SELECT RS_Height('S2_32632_20240414/red.tif') AS file, RS_Height(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_Height(raster) AS _rasteret_ok(_rasteret_raster_facts(raster, _rasteret_query())).height
