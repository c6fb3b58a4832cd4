-- Enhanced vegetation index: 2.5 (nir - red) / (nir + 6 red - 7.5 blue + 1), of reflectance.
--
-- Huete et al. 2002. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with blue, red and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @param reflectance  Scale and offset that make reflectance (0 to 1) of stored numbers, [0.0001, -0.1] for Sentinel-2 since January 2022, in place of those of the file, row of the index or chip. Whole numbers without any scale are refused without it, as the constants of the index are those of reflectance; [1, 0] takes them as they are.
-- @param aoi  Area to read; by default 'all', whole rasters. NULL is not an area and gives NULL.
-- @param mask  Condition over rasters of the same STRUCT or MAP: where it is not true, pixels are not valid.
-- @param dtype  NumPy name of the answer's samples, such as float32; float64 without.
-- @param scale  Names stand for physical values, scale · stored + offset of the file, row of the index or chip; false: for stored numbers.
-- @param resolution  Of each raster the coarsest level whose pixels are no larger.
-- @param all_touched  As in read_cog.
-- @param aoi_crs  CRS of the area when the value itself has none; OGC:CRS84 by default.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)  A chip, as RS_MapAlgebra gives it.
-- @example Of four pixels by four (red stands in for blue, which the demo has not)
-- SELECT RS_AsArray(RS_EVI(
--     {'blue': 'S2_32632_20240414/red.tif', 'red': 'S2_32632_20240414/red.tif', 'nir': 'S2_32632_20240414/nir.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS evi;
CREATE MACRO RS_EVI(
    rasters,
    reflectance := NULL,
    aoi := 'all',
    mask := NULL,
    dtype := NULL,
    scale := NULL,
    resolution := NULL,
    all_touched := false,
    aoi_crs := NULL
) AS _rasteret_ok(_rasteret_map_algebra(
    _rasteret_reflectance('2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)', reflectance),
    rasters, aoi, _rasteret_asked(aoi), aoi_crs, mask, dtype, NULL, _rasteret_scale(scale, reflectance), resolution,
    all_touched, _rasteret_of_reflectance(reflectance)
))
