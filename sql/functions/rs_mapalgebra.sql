-- A SQL expression over the pixels of rasters, as a chip of one band.
--
-- The expression is DuckDB's SQL: arithmetic, comparisons, AND, OR, NOT, BETWEEN, IN, IS NULL, CASE, COALESCE, bit
-- operators, CAST, and functions by DuckDB's names (abs, ceil, exp, floor, greatest, least, ln, log10, power, round,
-- sqrt, trigonometry and others; an unknown one is an error that lists them). NULL is a pixel that is not valid.
-- Names are those of the rasters, s2.red or s2.b3 a band of a raster with several; of one raster given alone, the names of
-- its bands or b1, b2, …; STAC's common names (red, nir, swir16, …) also find Sentinel-2's own (B04, B08, B11).
-- The answer lies on the grid of the first raster that the expression names. Others are aligned to it by the nearest pixel,
-- which is exact for the 10, 20 and 60 m bands of Sentinel-2; rasters on rotated grids or in another CRS are warped.
--
-- Types and values are DuckDB's, except that nothing overflows: +, -, * and << of whole numbers give INTEGER, or BIGINT where
-- 32 bits might not suffice, so nir - red of unsigned bands may be negative; leaving 64 bits is an error. Decimals such as
-- 0.0001 are exact up to 18 digits, and DOUBLE in the answer. Division by zero gives infinity or NaN, // and % by zero NULL.
--
-- @param expression  SQL over the names, such as '(nir - red) / (nir + red)'.
-- @param rasters  STRUCT or MAP of rasters by name, each a chip, an index row or an href; or one raster.
-- @param aoi  Area to read, as in read_cog; 'all', the whole rasters, by default. NULL gives NULL.
-- @param mask  Condition over the same names: pixels where it is not true are invalid. 'scl NOT IN (3, 8, 9, 10)', 'qa & 8 = 0'.
-- @param dtype  NumPy name of the answer's samples, rounded as CAST does; the expression's own type without (BOOLEAN is uint8, DECIMAL float64).
-- @param nodata  Value under pixels that are not valid, and what it equals is not valid; NaN for floating point without, else none (0 is written).
-- @param scale  A band's name stands for its physical value, scale · stored + offset of the file, row of the index or chip; rows of cog_index and build_index have those of the STAC item, such as the offset of newer Sentinel-2 baselines, where the file has none. False: for the stored number, which bit operators and IN need of a band with a scale. Bands without scale and offset, such as classes and flags, are stored numbers anyway.
-- @param resolution  Of each raster the coarsest level whose pixels are no larger, in units of its CRS.
-- @param all_touched  As in read_cog.
-- @include aoi_crs
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)  A chip with the columns of read_cog, one band. href, level and window are those of the first raster. NULL where a raster is, and where the first does not overlap the area.
-- @example Mean NDVI of one field on each date, without clouds
-- WITH scenes AS (
--     SELECT i.id, any_value(i.datetime) AS datetime, map(list(i.band), list(i)) AS bands
--     FROM 'idx.parquet' AS i
--     GROUP BY i.id
-- ),
-- field AS (SELECT geom FROM 'fields.parquet' ORDER BY field_id LIMIT 1)
-- SELECT s.datetime, list_avg(flatten(RS_AsArray(RS_MapAlgebra(
--     '(nir - red) / (nir + red)', s.bands, aoi := f.geom, mask := 'scl IN (4, 5, 6)'
-- )))) AS ndvi
-- FROM scenes AS s, field AS f
-- ORDER BY s.datetime;
-- @example Two files by name
-- SELECT (RS_MapAlgebra('nir - red',
--     {'nir': 'S2_32632_20240414/nir.tif', 'red': 'S2_32632_20240414/red.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )).dtype AS dtype;
CREATE MACRO RS_MapAlgebra(
    expression,
    rasters,
    aoi := 'all',
    mask := NULL,
    dtype := NULL,
    nodata := NULL,
    scale := NULL,
    resolution := NULL,
    all_touched := false,
    aoi_crs := NULL
) AS _rasteret_ok(_rasteret_map_algebra(
    expression, rasters, aoi, _rasteret_asked(aoi), aoi_crs, mask, dtype, nodata, scale, resolution, all_touched,
    false
))
