-- One band of a raster as rows of numbers, NULL where a pixel is not valid.
--
-- Of a cube (row of read_cube, or answer of RS_Stack) it is one such array a time step.
--
-- @include raster_read_whole
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read.
-- @param scale  True: physical values (scale · stored + offset, from the file, index row or chip) instead of stored numbers. A constant.
-- @include bands_for_band
-- @returns value DOUBLE[][]  Rows of columns; of a cube DOUBLE[][][], time steps of rows of columns. 64-bit integers beyond 2^53 and complex pixels are refused; they are exact in data.
-- @example The first three rows of a chip
-- SELECT RS_AsArray(c)[1:3] AS first_rows
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}) AS c;
CREATE MACRO RS_AsArray(raster, band := NULL, scale := NULL, bands := NULL) AS
    _rasteret_one_or_list(
        _rasteret_ok(_rasteret_as_array(raster, band, bands, scale, _rasteret_memory_limit())),
        _rasteret_ok(_rasteret_cube_as_array(raster, band, bands, scale, _rasteret_memory_limit())),
        typeof(raster) LIKE '%"time" TIMESTAMP WITH TIME ZONE[]%' AND typeof(raster) NOT LIKE '%tile\_offsets%' ESCAPE '\',
        scale
    )
