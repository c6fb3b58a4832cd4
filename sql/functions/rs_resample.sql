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
-- @param algorithm  'nearest', 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max'; Sedona's names are understood too.
-- @param gridX  x of a corner of the grid's pixels.
-- @param gridY  y of a corner of the grid's pixels.
-- @param bands  Band number from 1 or band name, or a list of them; all bands without.
-- @param level  Level of the file to read from, instead of the one that serves the size.
-- @param scale  True: physical values are resampled, scale · stored + offset of the file, row of the index or chip, as DOUBLE with NaN for nodata; stored numbers without, whose scales and offsets the answer has.
-- @param band  The same as bands, under the name that it has in RS_Value.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], "level" INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], "data" BLOB, "valid" BLOB, error VARCHAR)  A chip, as a row of read_cog; x_off and y_off are NULL.
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
