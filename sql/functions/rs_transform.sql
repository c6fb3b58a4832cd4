-- A raster as a whole in another CRS, as a chip.
--
-- Without a resolution the grid is the one that GDAL suggests: square pixels, as many along the diagonal as the
-- raster has, from the first corner of its bounds on. With a resolution its lines are whole multiples of it, so
-- that answers for several rasters stack. Values are as in RS_ReprojectMatch. To have a part of a raster only, use
-- read_cog with crs, or cut a chip first.
--
-- @param raster  href, index row, or chip.
-- @param crs  Authority code, WKT or PROJJSON. Longitudes of what crosses the antimeridian run past 180.
-- @include warped_chip
-- @param resolution  Size of a pixel in units of crs.
-- @include bands
-- @param level  Level of the file to read from, instead of the one that serves the resolution.
-- @include band_for_bands
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
