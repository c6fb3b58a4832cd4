-- Normalized difference water index of open water: (green - nir) / (green + nir).
--
-- McFeeters 1996. The index of the same name for water in leaves (Gao 1996) is RS_NDMI. A chip of DOUBLE on the grid of green; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with green and nir, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance
-- @include index_arguments
-- @example Of four pixels by four (red stands in for green, which the demo has not)
-- SELECT RS_AsArray(RS_NDWI(
--     {'green': 'S2_32632_20240414/red.tif', 'nir': 'S2_32632_20240414/nir.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS ndwi;
CREATE MACRO RS_NDWI(
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
    _rasteret_reflectance('(green - nir) / (green + nir)', reflectance),
    rasters,
    aoi := aoi,
    mask := mask,
    dtype := dtype,
    scale := _rasteret_scale(scale, reflectance),
    resolution := resolution,
    all_touched := all_touched,
    aoi_crs := aoi_crs
)
