-- How many pixels of a raster, or of a zone in it, lie in each of some bins of equal width.
--
-- A bin holds its lower end, the last one its upper end as well, as in numpy.histogram. Pixels count as in
-- RS_ZonalStatsAll; those outside range are in no bin. NULL where zone and raster do not overlap, no bins
-- where no pixel counts. RS_ZonalStatsAll(…, histogram := true) counts every single value instead.
--
-- @param raster  href of a GeoTIFF, a row of an index (no header request then), or a chip (row of read_cog), of which what is not valid never counts.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read.
-- @param bins  How many, up to 1,000,000.
-- @param range  [least, greatest] value; those of the pixels without.
-- @param zone  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]). By default 'all', the whole raster; NULL is not an area and gives NULL.
-- @include zone
-- @param coverage  True: every pixel counts by the fraction of it that the zone covers.
-- @include level_or_resolution
-- @param scale  True: bins, and range, are of physical values, scale · stored + offset of the file, row of the index or chip; of stored numbers without.
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
