-- A raster with more or fewer pixels over the same ground, as a chip.
--
-- The grid begins at the first corner of the raster and keeps its CRS and rotation. With gridX and gridY, a corner
-- lies on that place, and the grid begins less than a pixel before the raster, as in PostGIS and Sedona. Values
-- are as in RS_ReprojectMatch, which is also the form of RS_Resample that takes a reference raster.
--
-- @param raster  href, index row, or chip.
-- @param widthOrScale  Columns; with useScale the width of a pixel in units of the CRS.
-- @param heightOrScale  Rows; with useScale the height of a pixel, its sign does not matter.
-- @param useScale  False: the two numbers are columns and rows; true: the size of a pixel.
-- @include warped_chip
-- @param gridX  x of a corner of the grid's pixels.
-- @param gridY  y of a corner of the grid's pixels.
-- @include bands
-- @param level  Level of the file to read from, instead of the one that serves the size.
-- @include band_for_bands
-- @example A chip at a third of its resolution, by the mean of the pixels
-- SELECT r.shape, r.transform
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 60, 'height': 60}) AS c,
--      (SELECT RS_Resample(c, 30, 30, true, 'average') AS r);
CREATE MACRO RS_Resample(
    raster,
    widthOrScale,
    heightOrScale,
    useScale := false,
    algorithm := 'nearest',
    gridX := NULL,
    gridY := NULL,
    bands := NULL,
    level := NULL,
    scale := NULL,
    band := NULL
) AS
    _rasteret_ok(_rasteret_resample(
        raster, widthOrScale, heightOrScale, useScale, algorithm, gridX, gridY, bands, band, level, scale,
        _rasteret_memory_limit()
    ))
