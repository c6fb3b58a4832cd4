-- Statistics of the zones of a table in the rasters of an index, one row per pair: RS_ZonalStatsAll for large tables.
--
-- index and zones are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. All columns of both come back,
-- but for the tables of tiles; a column whose
-- name is taken gets _1 behind it. Conditions on columns of either reach its table or Parquet
-- file, and what a query does not use is not read.
--
-- Rows and zones are joined as in read_chips, and worked through file by file, so that zones share their tiles. A zone that
-- lies in the box of a footprint only gives no row.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param zones  Name of a table, view, CTE or file of zones.
-- @param geom  Name of the column that holds the zones; by default geom or geometry. GEOMETRY, WKT, GeoJSON, WKB, DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @param band  Band number from 1 or band name, the first by default. An expression has one band, so leave it out there.
-- @include zone
-- @param coverage  True: every pixel counts by the fraction of it that the zone covers, as in exactextract.
-- @param percentiles  Which percentiles to give, such as [10, 90].
-- @param histogram  True: also give the pixels of every single value, up to 65,536 values.
-- @include level_or_resolution
-- @param aoi_crs  CRS of zones that have none of their own; OGC:CRS84 by default.
-- @param expression  SQL over the bands of the raster, whose answer is counted instead of a band, such as '(nir - red) / (nir + red)': what RS_MapAlgebra takes. Names are those of the bands, or b1, b2, …; NULL does not count.
-- @param mask  Condition over the same names, such as 'scl IN (4, 5, 6)' or 'qa & 8 = 0': where it is not true, pixels do not count.
-- @param scale  In expression and mask a band's name stands for its physical value, scale · stored + offset of the file or row of the index; false: for the stored number. True: pixels that are counted without an expression are physical, too.
-- @include bands_for_band
-- @returns count DOUBLE  Pixels that count, or the sum of their fractions.
-- @returns sum DOUBLE  Their sum.
-- @returns mean DOUBLE  NULL where no pixel counts, as all that follow but pixels.
-- @returns median DOUBLE  Between neighbours in proportion, as in NumPy; with coverage as in exactextract.
-- @returns mode DOUBLE  The value of most pixels, of several the greatest.
-- @returns stddev DOUBLE  Of a sample (count - 1; 0 for one pixel), with coverage of a population.
-- @returns variance DOUBLE  The same, squared.
-- @returns min DOUBLE  Least value.
-- @returns max DOUBLE  Greatest value.
-- @returns majority DOUBLE  The value of most pixels, of several the least.
-- @returns minority DOUBLE  The value of fewest, of several the least.
-- @returns unique_count BIGINT  Different values.
-- @returns percentiles DOUBLE[]  Those that were asked for.
-- @returns histogram MAP(DOUBLE, DOUBLE)  Value to pixels, where it was asked for.
-- @returns valid_fraction DOUBLE  count of pixels.
-- @returns pixels DOUBLE  Those of the raster that the zone covers, usable or not.
-- @returns m2 DOUBLE  Sum of the squared distances from the mean, for RS_StatsMerge.
-- @returns coverage BOOLEAN  Whether pixels counted by their fractions.
-- @example Statistics of every field in one scene
-- SELECT field_id, label, mean, percentiles
-- FROM read_zonal_stats('idx.parquet', 'fields.parquet', percentiles := [10, 90])
-- WHERE band = 'nir' AND datetime::DATE = '2024-05-14'
-- ORDER BY field_id;
-- @example Mean of each crop through the season, as reflectance
-- SELECT label, datetime::DATE AS day, round(sum(sum) / sum(count), 3) AS nir
-- FROM read_zonal_stats('idx.parquet', 'fields.parquet', scale := true)
-- WHERE band = 'nir'
-- GROUP BY ALL
-- ORDER BY label, day
-- LIMIT 5;
CREATE MACRO read_zonal_stats(
    index,
    zones,
    geom := NULL,
    footprint := 'footprint',
    band := NULL,
    all_touched := false,
    exclude_nodata := true,
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
) AS TABLE
SELECT * EXCLUDE (rasteret_stats), unnest(rasteret_stats)
FROM (
    SELECT * REPLACE (_rasteret_ok_column(rasteret_stats) AS rasteret_stats)
    FROM (
        SELECT
            p.* EXCLUDE (
                rasteret_raster, rasteret_aoi, error, count, sum, mean, median, mode, stddev, variance, min,
                max, majority, minority, unique_count, percentiles, histogram, valid_fraction, pixels, m2,
                coverage
            ),
            _rasteret_zonal_stats_all(
                p.rasteret_raster, p.rasteret_aoi, _rasteret_asked(p.rasteret_aoi), band, bands, all_touched,
                exclude_nodata, true, coverage, percentiles, histogram, level, resolution, aoi_crs, expression, mask,
                scale
            ) AS rasteret_stats
        FROM (
            -- file by file, so that zones share their tiles; and names that are taken
            SELECT
                NULL AS count, NULL AS sum, NULL AS mean, NULL AS median, NULL AS mode, NULL AS stddev,
                NULL AS variance, NULL AS min, NULL AS max, NULL AS majority, NULL AS minority,
                NULL AS unique_count, NULL AS percentiles, NULL AS histogram, NULL AS valid_fraction,
                NULL AS pixels, NULL AS m2, NULL AS coverage, *
            FROM _rasteret_pairs(
                index, zones, geom, footprint, aoi_crs, coalesce(level <> 0, false) OR resolution IS NOT NULL
            )
            ORDER BY href
        ) AS p
    )
)
WHERE rasteret_stats IS NOT NULL
