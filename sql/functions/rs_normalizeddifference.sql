-- Normalized difference of two bands: (band2 - band1) / (band2 + band1).
--
-- The order is Apache Sedona's. Unlike there the answer is a chip, is not rounded to two digits, and 0 stays 0: where
-- both bands are 0 it is NaN and not valid.
--
-- @param band1  Raster of one band: a chip, an index row or an href.
-- @param band2  Raster of one band, whose grid the answer has.
-- @param aoi  Area to read; 'all', the whole rasters, by default. NULL gives NULL.
-- @include aoi_crs
-- @param scale  Names stand for physical values (scale · stored + offset, from the file, index row or chip); with false, for stored numbers.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)  A chip of DOUBLE, as RS_MapAlgebra gives it.
-- @example NDVI of two chips
-- SELECT RS_AsArray(RS_NormalizedDifference(r, n)) AS ndvi
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}) AS r,
--      read_cog('S2_32632_20240414/nir.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 4}) AS n;
CREATE MACRO RS_NormalizedDifference(band1, band2, aoi := 'all', aoi_crs := NULL, scale := NULL) AS RS_MapAlgebra(
    '(band2 - band1) / (band2 + band1)',
    {'band1': band1, 'band2': band2},
    aoi := aoi,
    aoi_crs := aoi_crs,
    scale := scale
)
