-- Normalized difference vegetation index: (nir - red) / (nir + red).
--
-- Rouse et al. 1974. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with red and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance
-- @include index_arguments
-- @example Of four pixels by four
-- SELECT RS_AsArray(RS_NDVI(
--     {'red': 'S2_32632_20240414/red.tif', 'nir': 'S2_32632_20240414/nir.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS ndvi;
CREATE MACRO RS_NDVI(
    rasters,
    aoi := 'all',
    mask := NULL,
    reflectance := NULL,
    dtype := NULL,
    scale := NULL,
    resolution := NULL,
    all_touched := false,
    aoi_crs := NULL
) AS RS_MapAlgebra(
    _rasteret_reflectance('(nir - red) / (nir + red)', reflectance),
    rasters,
    aoi := aoi,
    mask := mask,
    dtype := dtype,
    scale := _rasteret_scale(scale, reflectance),
    resolution := resolution,
    all_touched := all_touched,
    aoi_crs := aoi_crs
)
