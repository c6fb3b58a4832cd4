-- The value of a raster at a point.
--
-- Only tiles that hold a point are read, each once per batch of rows (DuckDB makes batches of 2,048). Further batches find tiles in the cache
-- (setting tile_cache_bytes). If many points are scattered over more tiles than the cache holds, pass the points of each raster as one list
-- to RS_Values, which reads every tile once.
--
-- @param raster  href, index row (which needs no header request), or chip.
-- @param point  POINT as GEOMETRY, WKB, WKT or GeoJSON, [x, y], or STRUCT(x, y); x is longitude or easting. Reprojected into the raster's CRS.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read. Omit it with expression. A list of them gives a list of values.
-- @param interpolation  'nearest': the pixel that holds the point; a point on the left or top edge of a pixel belongs to it. 'bilinear': between the four pixel centres around the point, as GDALRasterInterpolateAtPoint does: the pixels at the raster's edge are repeated beyond it, and the value is NULL unless all pixels that have a part in it are valid.
-- @include level_or_resolution
-- @param aoi_crs  CRS of a point that carries none; OGC:CRS84 by default.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', instead of a band: the syntax of RS_MapAlgebra, over one raster. Names are those of its bands, or b1, b2, …. Interpolation applies to the answer, not to the bands.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': the pixel is invalid where it is not true.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file, index row or chip); with false, for the stored number. True: the pixel without an expression is physical, too. A constant.
-- @include bands_for_band
-- @returns value DOUBLE  A list of bands gives DOUBLE[], one number a band, from one read. NULL outside the raster, and where the pixel is not valid: internal mask 0, nodata, or alpha 0. 64-bit integers beyond 2^53 and complex pixels are refused.
-- @example One place through time
-- SELECT i.datetime, i.band, RS_Value(i, 'POINT (12.03 48.015)') AS value
-- FROM 'idx.parquet' AS i
-- WHERE i.band IN ('red', 'nir')
-- ORDER BY i.datetime, i.band;
-- @example Two bands of a chip at a place
-- SELECT RS_Value(c, 'POINT (12.03 48.015)', bands := ['red', 'nir']) AS red_and_nir
-- FROM (SELECT map(list(i.band), list(i)) AS rasters FROM 'idx.parquet' AS i WHERE i.id LIKE 'S2_32632%0414') AS s,
--      read_cog(s.rasters, [12.03, 48.015], size := 3) AS c;
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
) AS
    _rasteret_one_or_list(
        _rasteret_ok(_rasteret_value(
            raster, point, _rasteret_asked(point), band, bands, interpolation, level, resolution, aoi_crs,
            expression, mask, scale
        )),
        _rasteret_ok(_rasteret_band_values(
            raster, point, _rasteret_asked(point), band, bands, interpolation, level, resolution, aoi_crs,
            expression, mask, scale
        )),
        typeof(band) LIKE '%]' OR typeof(bands) LIKE '%]',
        scale
    )
