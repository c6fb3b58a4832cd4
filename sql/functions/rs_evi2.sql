-- Enhanced vegetation index without blue: 2.5 (nir - red) / (nir + 2.4 red + 1), of reflectance.
--
-- Jiang et al. 2008. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with red and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance_of_constants
-- @include index_arguments
-- @example Of four pixels by four
-- SELECT RS_AsArray(RS_EVI2(
--     {'red': 'S2_32632_20240414/red.tif', 'nir': 'S2_32632_20240414/nir.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS evi2;
CREATE MACRO RS_EVI2(
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
    _rasteret_reflectance('2.5 * (nir - red) / (nir + 2.4 * red + 1)', reflectance),
    rasters, aoi, _rasteret_asked(aoi), aoi_crs, mask, dtype, NULL, _rasteret_scale(scale, reflectance), resolution,
    all_touched, _rasteret_of_reflectance(reflectance)
))
