-- Enhanced vegetation index: 2.5 (nir - red) / (nir + 6 red - 7.5 blue + 1), of reflectance.
--
-- Huete et al. 2002. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with blue, red and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance_of_constants
-- @include index_arguments
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
