-- The pixels of a raster inside an area, as a chip.
--
-- The window is that of read_cog: the smallest one of whole pixels that covers the area's bounds, clipped to the
-- raster; pixels outside the area are not valid. read_cog gives the same as a row, plans before it reads, and
-- streams; RS_Clip is for existing chips and for one value per row. Sedona's argument band is bands here. Across the ends
-- of a global raster the chip continues from the last column into the first, with longitudes beyond the raster's.
--
-- @param raster  A chip (row of read_cog), or an href or index row, of which only the blocks inside are read.
-- @param aoi  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height), of a chip counted from its first pixel; or 'all'. NULL gives NULL.
-- @param bands  Band number from 1 or band name, or a list of them; all bands by default. Of a chip, counted as its bands were read.
-- @param all_touched  False: pixels whose centre lies in the polygon are inside; true: all pixels that it touches.
-- @param nodata  Written where a pixel is not valid, as the chip's nodata; without it such pixels keep their values.
-- @param crop  False keeps the extent of the raster: pixels outside are only marked as not valid.
-- @param level  Of a file: 0 is full resolution, 1 the first overview.
-- @param resolution  Of a file, instead of level: the coarsest level whose pixels are no larger, in units of its CRS.
-- @include aoi_crs
-- @param scale  True: physical values (scale · stored + offset, from the file, index row or chip), as DOUBLE with NaN for nodata; by default stored numbers, and the answer keeps their scales and offsets.
-- @include band_for_bands
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)  The columns of read_cog; NULL where area and raster do not overlap.
-- @example A circle out of a chip, the rest set to 0
-- SELECT r.shape, r.nodata, octet_length(r.valid) AS masked
-- FROM (
--     SELECT RS_Clip(c, 'POLYGON ((12.001 47.981, 12.009 47.981, 12.005 47.989, 12.001 47.981))', nodata := 0) AS r
--     FROM read_cog('S2_32632_20240414/red.tif', [12.0, 47.98, 12.01, 47.99]) AS c
-- );
CREATE MACRO RS_Clip(
    raster,
    aoi,
    bands := NULL,
    all_touched := false,
    nodata := NULL,
    crop := true,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    scale := NULL,
    band := NULL
) AS _rasteret_ok(_rasteret_clip(
    raster, aoi, _rasteret_asked(aoi), aoi_crs, bands, band, all_touched, nodata, crop, level, resolution, scale
))
