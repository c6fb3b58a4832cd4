-- The values of a raster at many points, as one list.
--
-- Every tile that holds a point is read once, however many points there are and in whatever order. Only the values are kept, so memory does
-- not grow with the number of tiles.
--
-- @param raster  href, index row (which needs no header request), or chip.
-- @param points  List of points, each in one of the forms that RS_Value takes (of a STRUCT only x and y are looked at), or a MULTIPOINT.
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read. Omit it with expression. A list of them gives a list of values.
-- @param interpolation  'nearest' or 'bilinear', as in RS_Value.
-- @include level_or_resolution
-- @param aoi_crs  CRS of the points when they have none of their own; OGC:CRS84 by default.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', instead of a band: the syntax of RS_MapAlgebra, over one raster. Names are those of its bands, or b1, b2, …. Interpolation applies to the answer, not to the bands.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': the pixel is invalid where it is not true.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file, index row or chip); with false, for the stored number. True: pixels without an expression are physical, too. A constant.
-- @include bands_for_band
-- @returns value DOUBLE[]  One number per point, in their order; a list of bands gives DOUBLE[][], for each point one number a band, from one read; NULL where RS_Value is.
-- @example Three points through time
-- SELECT i.datetime, RS_Values(i, [[12.02, 48.015], [12.03, 48.015], [12.04, 48.015]]) AS red
-- FROM 'idx.parquet' AS i
-- WHERE i.band = 'red'
-- ORDER BY i.datetime;
-- @example A table of points in every scene, each tile read once
-- SELECT i.datetime, unnest(list(p)) AS point, unnest(RS_Values(any_value(i), list(p))) AS nir
-- FROM 'idx.parquet' AS i,
--      (VALUES ('barn', 12.02, 48.015), ('mast', 12.03, 48.015)) AS p(name, x, y)
-- WHERE i.band = 'nir'
-- GROUP BY i.href, i.datetime
-- ORDER BY i.datetime, point;
-- @example Reflectance at two points, where it is above a tenth
-- SELECT i.datetime, RS_Values(
--     i, [[12.02, 48.015], [12.03, 48.015]], expression := 'b1', mask := 'b1 > 0.1'
-- ) AS nir
-- FROM 'idx.parquet' AS i
-- WHERE i.band = 'nir'
-- ORDER BY i.datetime;
CREATE MACRO RS_Values(
    raster,
    points,
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
        _rasteret_ok(_rasteret_values(
            raster, points, _rasteret_asked(points), band, bands, interpolation, level, resolution, aoi_crs,
            expression, mask, scale
        )),
        _rasteret_ok(_rasteret_values_of_bands(
            raster, points, _rasteret_asked(points), band, bands, interpolation, level, resolution, aoi_crs,
            expression, mask, scale
        )),
        typeof(band) LIKE '%]' OR typeof(bands) LIKE '%]',
        scale
    )
