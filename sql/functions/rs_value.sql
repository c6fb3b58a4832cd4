-- The value of a raster at a point.
--
-- Nothing but the tiles that hold a point is read, each once for the rows of a batch, which DuckDB makes of 2,048.
-- Further batches find tiles in the cache (setting tile_cache_bytes). Where many points are scattered over more
-- tiles than it holds, pass those of each raster as one list to RS_Values, which reads every tile once.
--
-- @param raster  href, index row (no header request then), or chip.
-- @param point  POINT as GEOMETRY, WKB, WKT or GeoJSON, [x, y], or STRUCT(x, y); x is longitude or easting. Reprojected into the raster's CRS.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read. To be left out with expression.
-- @param interpolation  'nearest': the pixel that holds the point; a point on the left or top edge of a pixel belongs to it. 'bilinear': between the four pixel centres around the point, as GDALRasterInterpolateAtPoint does: the pixels at the raster's edge are repeated beyond it, and the value is NULL unless all pixels that have a part in it are valid.
-- @include level_or_resolution
-- @param aoi_crs  CRS of the point when the value itself has none; OGC:CRS84 by default.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', instead of a band: what RS_MapAlgebra takes, of one raster. Names are those of its bands, or b1, b2, …. Between pixels, what is interpolated is the answer.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': where it is not true, the pixel is not valid.
-- @param scale  In expression and mask a band's name stands for its physical value, scale · stored + offset of the file, row of the index or chip; false: for the stored number. True: the pixel without an expression is physical, too.
-- @include bands_for_band
-- @returns value DOUBLE  NULL outside the raster, and where the pixel is not valid: internal mask 0, nodata, or alpha 0. 64-bit integers beyond 2^53 and complex pixels are refused.
-- @example One place through time
-- SELECT i.datetime, i.band, RS_Value(i, 'POINT (12.03 48.015)') AS value
-- FROM 'idx.parquet' AS i
-- WHERE i.band IN ('red', 'nir')
-- ORDER BY i.datetime, i.band;
CREATE MACRO RS_Value(
    raster,
    point,
    band := NULL,
    interpolation := 'nearest',
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    expression := NULL,
    mask := NULL,
    scale := NULL,
    bands := NULL
) AS _rasteret_ok(_rasteret_value(
    raster, point, _rasteret_asked(point), band, bands, interpolation, level, resolution, aoi_crs,
    expression, mask, scale
))
