-- One statistic of the pixels of a raster inside a zone.
--
-- Arguments and meaning are those of Apache Sedona; the arguments from coverage on are this package's own.
-- Pixels whose centre lies in the zone count (GDAL's rule), nodata and NaN do not. NULL where zone and raster
-- do not overlap; where no pixel counts, count is 0 and every other statistic NULL. Zones of any size are
-- processed in pieces, and the statistics are those of the whole. RS_ZonalStatsAll gives many at once, for
-- the same bytes.
--
-- Tiles that zones share are read once for each 2,048 rows of one vector: sort rows by file first where a
-- join is large.
--
-- @param raster  href of a GeoTIFF, an index row (which needs no header request), or a chip (row of read_cog), whose invalid pixels never count. With expression also a STRUCT or MAP of such rasters by name, as in RS_MapAlgebra: pixels are those of the first that it names, and the others are brought onto its grid by the nearest pixel.
-- @param zone  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]); or 'all', the whole raster. NULL gives NULL.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read. An expression has one band, so leave it out there. May be left out before the statistic, as in Sedona: RS_ZonalStats(raster, zone, 'mean').
-- @param stat  'count', 'sum', 'mean' (or 'avg', 'average'), 'median', 'mode' (the greatest of several), 'stddev' (or 'sd', 'std') and 'variance' (or 'var') of a sample, 'min', 'max'; and 'majority' and 'minority' (the least of several), 'unique_count' (or 'unique', 'variety'), 'percentile_90' (any number from 0 to 100, as NumPy interpolates), 'valid_fraction', 'pixels', 'm2': see RS_ZonalStatsAll.
-- @include zone
-- @param lenient  False: a zone that does not overlap the raster is an error.
-- @param coverage  True: every pixel counts by the fraction of it that the zone covers, as in exactextract; stddev and variance are then those of a population.
-- @include level_or_resolution
-- @param expression  SQL over the bands of the raster, whose answer is counted instead of a band, such as '(nir - red) / (nir + red)': what RS_MapAlgebra takes. Names are those of the bands, or b1, b2, …; NULL does not count.
-- @param mask  Condition over the same names, such as 'scl IN (4, 5, 6)' or 'qa & 8 = 0': where it is not true, pixels do not count.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file, index row or chip); with false, for the stored number. True: pixels that are counted without an expression are physical, too.
-- @include bands_for_band
-- @returns value DOUBLE  The statistic.
-- @example Mean and 90th percentile of near infrared in some fields
-- SELECT
--     f.field_id,
--     f.label,
--     round(RS_ZonalStats(i, f.geom, 1, 'mean'), 1) AS mean,
--     RS_ZonalStats(i, f.geom, 1, 'percentile_90') AS p90
-- FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom
-- WHERE i.band = 'nir' AND i.datetime::DATE = '2024-05-14'
-- ORDER BY f.field_id
-- LIMIT 5;
-- @example Cloud-free NDVI of some fields through the year
-- WITH scenes AS (
--     SELECT i.id, any_value(i.datetime) AS datetime, any_value(i.footprint) AS footprint,
--         map(list(i.band), list(i)) AS bands
--     FROM 'idx.parquet' AS i
--     GROUP BY i.id
-- )
-- SELECT f.field_id, f.label, s.datetime, round(RS_ZonalStats(
--     s.bands, f.geom, 'mean',
--     expression := '(nir - red) / (nir + red)', mask := 'scl IN (4, 5, 6)'
-- ), 3) AS ndvi
-- FROM scenes AS s JOIN 'fields.parquet' AS f ON s.footprint && f.geom
-- WHERE f.field_id <= 3
-- ORDER BY f.field_id, s.datetime;
CREATE MACRO RS_ZonalStats(
    raster,
    zone,
    band := NULL,
    stat := NULL,
    all_touched := false,
    exclude_nodata := true,
    lenient := true,
    coverage := false,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    expression := NULL,
    mask := NULL,
    scale := NULL,
    bands := NULL
) AS _rasteret_ok(_rasteret_zonal_stats(
    raster, zone, _rasteret_asked(zone), band, bands, stat, all_touched, exclude_nodata, lenient, coverage,
    level, resolution, aoi_crs, expression, mask, scale
))
