-- How many pixels of a raster, or of a zone in it, lie in each bin of equal width.
--
-- A bin holds its lower end, the last one its upper end as well, as in numpy.histogram. Pixels count as in
-- RS_ZonalStatsAll; those outside range are in no bin. NULL where zone and raster do not overlap, no bins
-- where no pixel counts. RS_ZonalStatsAll(…, histogram := true) counts every single value instead.
--
-- @param raster  href of a GeoTIFF, an index row (which needs no header request), or a chip (row of read_cog), whose invalid pixels never count.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read.
-- @param bins  Number of bins, up to 1,000,000.
-- @param range  [least, greatest] value; those of the pixels by default.
-- @param zone  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]). 'all', the whole raster, by default. NULL gives NULL.
-- @include zone
-- @param coverage  True: every pixel counts by the fraction of it that the zone covers.
-- @include level_or_resolution
-- @param scale  True: bins and range are of physical values (scale · stored + offset, from the file, index row or chip) instead of stored numbers.
-- @include bands_for_band
-- @returns value STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)[]  The bins in ascending order.
-- @example Near infrared of a whole scene, from an overview
-- SELECT unnest(RS_Histogram('S2_32632_20240414/nir.tif', bins := 8, range := [0, 8000], level := 1), recursive := true);
CREATE MACRO RS_Histogram(
    raster,
    band := NULL,
    bins := 10,
    range := NULL,
    zone := 'all',
    all_touched := false,
    exclude_nodata := true,
    coverage := false,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    scale := NULL,
    bands := NULL
) AS _rasteret_ok(_rasteret_histogram(
    raster, band, bands, bins, range, zone, _rasteret_asked(zone), all_touched, exclude_nodata, coverage,
    level, resolution, aoi_crs, scale
))
