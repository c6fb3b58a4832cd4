-- Statistics of the pixels of a raster inside a zone, all at once.
--
-- Arguments and the first nine statistics are those of Apache Sedona; the rest is this package's own. Pixels whose centre lies in the zone
-- count (GDAL's rule); nodata and NaN do not. The answer is NULL where zone and raster do not overlap; where no pixel counts, count is 0 and
-- the others are NULL. Zones of any size are processed in pieces, and the statistics are those of the whole: integers of up to 16 bits are
-- added up exactly, others in float64, with all values of one zone in memory, up to max_read_bytes.
--
-- Tiles that zones share are read once per vector of 2,048 rows: sort the rows of a large join by file first. RS_StatsMerge combines the
-- statistics of several scenes.
--
-- @param raster  href of a GeoTIFF, an index row (which needs no header request), or a chip (row of read_cog), whose invalid pixels never count. With expression also a STRUCT or MAP of such rasters by name, as in RS_MapAlgebra: pixels are those of the first that it names, and the others are brought onto its grid by the nearest pixel.
-- @param zone  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]); or 'all', the whole raster. NULL gives NULL.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read. An expression has one band, so leave it out there.
-- @include zone
-- @param lenient  False: a zone that does not overlap the raster is an error.
-- @param coverage  True: every pixel counts by the fraction of it that the zone covers, as in exactextract.
-- @param percentiles  Which percentiles to give, such as [10, 90].
-- @param histogram  True: also give the pixels of every single value, up to 65,536 values.
-- @include level_or_resolution
-- @param expression  SQL over the bands of the raster, whose answer is counted instead of a band, such as '(nir - red) / (nir + red)': what RS_MapAlgebra takes. Names are those of the bands, or b1, b2, …; NULL does not count.
-- @param mask  Condition over the same names, such as 'scl IN (4, 5, 6)' or 'qa & 8 = 0': where it is not true, pixels do not count.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file, index row or chip); with false, for the stored number. True: pixels that are counted without an expression are physical, too.
-- @include bands_for_band
-- @returns value STRUCT(count DOUBLE, sum DOUBLE, mean DOUBLE, median DOUBLE, mode DOUBLE, stddev DOUBLE, variance DOUBLE, min DOUBLE, max DOUBLE, majority DOUBLE, minority DOUBLE, unique_count BIGINT, percentiles DOUBLE[], histogram MAP(DOUBLE, DOUBLE), valid_fraction DOUBLE, pixels DOUBLE, m2 DOUBLE, coverage BOOLEAN)  count: pixels that count, or the sum of their fractions. mode: the value of most pixels, of several the greatest; majority: of several the least; minority: the value of fewest, of several the least. stddev, variance: of a sample (count - 1; 0 for one pixel), with coverage of a population. median, percentiles: between neighbours in proportion, as in NumPy; with coverage as in exactextract. histogram: value to pixels. pixels: those of the raster that the zone covers, usable or not; valid_fraction: count of these. m2: sum of the squared distances from the mean, for RS_StatsMerge.
-- @example Statistics of every field in one scene
-- SELECT f.field_id, f.label, unnest(RS_ZonalStatsAll(i, f.geom, percentiles := [10, 90]))
-- FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom
-- WHERE i.band = 'nir' AND i.datetime::DATE = '2024-05-14'
-- ORDER BY f.field_id;
-- @example How much of a field each class of a scene classification covers, in hectares
-- SELECT e.key AS class, round(e.value * 100 / 10_000, 2) AS hectares
-- FROM (
--     SELECT RS_ZonalStatsAll(i, f.geom, coverage := true, histogram := true) AS s
--     FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom
--     WHERE i.band = 'scl' AND f.field_id = 1
--     ORDER BY i.datetime
--     LIMIT 1
-- ), unnest(map_entries(s.histogram)) AS u(e)
-- ORDER BY class;
-- @example Reflectance of near infrared in one field, where a class says that the sky was clear
-- SELECT s.id, round(s.stats.mean, 3) AS mean, round(s.stats.valid_fraction, 2) AS clear
-- FROM (
--     SELECT n.id, RS_ZonalStatsAll(
--         {'nir': n, 'scl': c}, f.geom, expression := 'nir', mask := 'scl NOT IN (3, 8, 9, 10)'
--     ) AS stats
--     FROM 'idx.parquet' AS n
--     JOIN 'idx.parquet' AS c ON c.id = n.id AND c.band = 'scl'
--     JOIN 'fields.parquet' AS f ON n.footprint && f.geom
--     WHERE n.band = 'nir' AND f.field_id = 1
-- ) AS s
-- ORDER BY s.id;
CREATE MACRO RS_ZonalStatsAll(
    raster,
    zone,
    band := NULL,
    all_touched := false,
    exclude_nodata := true,
    lenient := true,
    coverage := false,
    percentiles := NULL,
    histogram := false,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    expression := NULL,
    mask := NULL,
    scale := NULL,
    bands := NULL
) AS _rasteret_ok(_rasteret_zonal_stats_all(
    raster, zone, _rasteret_asked(zone), band, bands, all_touched, exclude_nodata, lenient, coverage, percentiles, histogram,
    level, resolution, aoi_crs, expression, mask, scale
))
