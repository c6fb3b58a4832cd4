-- A raster as a whole in another CRS, as a chip.
--
-- Without a resolution the grid is the one that GDAL suggests: square pixels, as many along the diagonal as the
-- raster has, from the first corner of its bounds on. With a resolution its lines are whole multiples of it, so
-- that answers for several rasters stack. Values are as in RS_ReprojectMatch. To have a part of a raster only, use
-- read_cog with crs, or cut a chip first.
--
-- @param raster  href, index row, or chip.
-- @param crs  Authority code, WKT or PROJJSON. Longitudes of what crosses the antimeridian run past 180.
-- @param algorithm  'nearest', 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max'; Sedona's names are understood too.
-- @param resolution  Size of a pixel in units of crs.
-- @param bands  Band number from 1 or band name, or a list of them; all bands without.
-- @param level  Level of the file to read from, instead of the one that serves the resolution.
-- @param scale  True: physical values are resampled, scale · stored + offset of the file, row of the index or chip, as DOUBLE with NaN for nodata; stored numbers without, whose scales and offsets the answer has.
-- @param band  The same as bands, under the name that it has in RS_Value.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], "level" INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], "data" BLOB, "valid" BLOB, error VARCHAR)  A chip, as a row of read_cog; x_off and y_off are NULL.
-- @example A scene in longitude and latitude, from an overview
-- SELECT t.level, t.shape, t.bbox
-- FROM (SELECT RS_Transform('S2_32632_20240414/red.tif', 'EPSG:4326', resolution := 0.001) AS t);
CREATE MACRO RS_Transform(
    raster,
    crs,
    algorithm := 'nearest',
    resolution := NULL,
    bands := NULL,
    level := NULL,
    scale := NULL,
    band := NULL
) AS _rasteret_ok(_rasteret_transform(
    raster, crs, algorithm, resolution, bands, band, level, scale, _rasteret_memory_limit()
))
