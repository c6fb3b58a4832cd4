-- Soil adjusted vegetation index: 1.5 (nir - red) / (nir + red + 0.5), of reflectance.
--
-- Huete 1988, with L = 0.5. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with red and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance_of_constants
-- @include index_arguments
-- @example Of four pixels by four
-- SELECT RS_AsArray(RS_SAVI(
--     {'red': 'S2_32632_20240414/red.tif', 'nir': 'S2_32632_20240414/nir.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS savi;
CREATE MACRO RS_SAVI(
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
    _rasteret_reflectance('1.5 * (nir - red) / (nir + red + 0.5)', reflectance),
    rasters, aoi, _rasteret_asked(aoi), aoi_crs, mask, dtype, NULL, _rasteret_scale(scale, reflectance), resolution,
    all_touched, _rasteret_of_reflectance(reflectance)
))
