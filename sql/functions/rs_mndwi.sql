-- Modified normalized difference water index: (green - swir16) / (green + swir16).
--
-- Xu 2006; over snow it is called NDSI. A chip of DOUBLE on the grid of green; 0 / 0 is not valid.
--
-- @param rasters  STRUCT or MAP with green and swir16, or one raster with bands of these names, as in RS_MapAlgebra.
-- @include reflectance
-- @include index_arguments
-- @example Of four pixels by four (red stands in for green, swir16, which the demo has not)
-- SELECT RS_AsArray(RS_MNDWI(
--     {'green': 'S2_32632_20240414/red.tif', 'swir16': 'S2_32632_20240414/red.tif'},
--     aoi := {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}
-- )) AS mndwi;
CREATE MACRO RS_MNDWI(
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
    _rasteret_reflectance('(green - swir16) / (green + swir16)', reflectance),
    rasters,
    aoi := aoi,
    mask := mask,
    dtype := dtype,
    scale := _rasteret_scale(scale, reflectance),
    resolution := resolution,
    all_touched := all_touched,
    aoi_crs := aoi_crs
)
