-- A raster as a Cloud-Optimized GeoTIFF: tiles, overviews, and GDAL's layout of a COG.
--
-- Readers get the same pixels, nodata, CRS and transform, and the same pixels are valid: where nodata and alpha do
-- not express validity, an internal mask does. Names, scales, offsets, units, colours and colour table of the bands stay, each
-- chosen band's its own. A CRS without EPSG code is written as GDAL does, shifts to WGS 84 and the sweep of a
-- geostationary view included; of a CRS with heights, the horizontal part.
--
-- The file is read back, header and pixels, before it is returned: anything that does not survive is an error that names it.
--
-- A BLOB becomes a file with COPY (SELECT …) TO 'x.tif' (FORMAT blob): the query gives one row of one column. PARTITION_BY
-- writes one file per row. rasteret_sql.pipeline.write_files also flushes the files to disk.
--
-- @include raster_read_whole
-- @param compression  'deflate', 'zstd', 'lzw', 'packbits' or 'none'; with a predictor where it helps.
-- @param compression_level  On the compression's own scale; its usual level by default.
-- @param tile_size  Pixels, a multiple of 16; by default 512, or what holds a smaller raster.
-- @param overviews  'auto': halved until one tile holds all; or their number.
-- @param resampling  How overviews are made: 'nearest' or 'average'.
-- @param scale  True: physical values as float64; by default stored numbers, and the file keeps their scales and offsets.
-- @returns value BLOB  The file; NULL of a NULL raster.
-- @example A chip into a file
-- COPY (
--     SELECT RS_AsGeoTiff(c, compression := 'zstd')
--     FROM read_cog('S2_32632_20240514/nir.tif', [12.0, 47.98, 12.01, 47.99]) AS c
-- ) TO 'nir_chip.tif' (FORMAT blob);
CREATE MACRO RS_AsGeoTiff(
    raster,
    compression := 'deflate',
    compression_level := NULL,
    tile_size := NULL,
    overviews := 'auto',
    resampling := 'nearest',
    scale := NULL
) AS _rasteret_ok(_rasteret_as_geotiff(
    raster, compression, compression_level, tile_size, overviews, resampling, scale, _rasteret_memory_limit()
))
