-- Normalized difference moisture index: (nir - swir16) / (nir + swir16).
--
-- Gao 1996, where it is called NDWI. A chip of DOUBLE on the grid of nir; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with nir and swir16, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance
-- @include index_arguments
-- @example Of four pixels by four (red stands in for swir16, which the demo has not)
-- SELECT RS_AsArray(RS_NDMI(
--     {'nir': 'S2_32632_20240414/nir.tif', 'swir16': 'S2_32632_20240414/red.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS ndmi;
CREATE MACRO RS_NDMI(
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
    _rasteret_reflectance('(nir - swir16) / (nir + swir16)', reflectance),
    rasters,
    aoi := aoi,
    mask := mask,
    dtype := dtype,
    scale := _rasteret_scale(scale, reflectance),
    resolution := resolution,
    all_touched := all_touched,
    aoi_crs := aoi_crs
)
