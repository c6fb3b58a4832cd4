-- Pixels of a raster inside an area, as one chip.
--
-- The window is the smallest one of whole pixels that covers the bounds of the area, clipped to the raster. If area and raster do not
-- overlap, there is no row. Pixels are downloaded only if the query uses data, valid or error.
--
-- Longitudes that differ by 360 degrees are the same place: an area is found whether the raster runs from 0 to 360 degrees or from -180 to
-- 180, and however the area is written. An area across the ends of a global raster gives two rows, one at each end; with crs it gives one.
--
-- With crs, resampling or size the chip lies on a target grid that all rasters share: its lines are whole multiples of the resolution in
-- the CRS, and it covers the bounds of the area, so chips of different scenes and zones stack. Every raster that overlaps the grid fills all
-- of it, with invalid pixels where it has no data. Only the blocks under the grid are read, from the coarsest level whose pixels are no larger
-- than the grid's. Values are those of GDAL's warper with an exact transformation. The one difference: on a grid turned by more than 15
-- degrees against the raster, average, mode, min and max weight each pixel by its share of the target pixel's outline, where GDAL uses a box
-- that is too narrow. A point or a line only places the grid; pixels outside a polygon are invalid, as without a grid.
--
-- A MAP or STRUCT of rasters by name (each an href or an index row) gives one chip with a band from each, in the order of bands. Without crs,
-- resampling or size it lies on the grid of the first requested raster, at its level; the others are aligned to it by the nearest pixel, as in
-- RS_MapAlgebra (if the first is an overview, from their coarsest level that is no coarser). With them, each raster is warped from its own
-- pixels onto the one grid, which the first raster defines. A pixel is valid if any of the rasters is valid there; where a raster has no
-- pixel, its value is its nodata, or 0. The dtype holds those of all rasters (NumPy's result_type), and a colour table stays with the first
-- band. mask may name any of the rasters, in bands or not, by the nearest pixel.
--
-- @param raster  href of a GeoTIFF, an index row (which needs no header request), or a MAP or STRUCT of these by name.
-- @param aoi  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]) such as a row of cog_windows, read at its own level (a different level := is an error). 'all', the whole raster, by default. NULL gives no row.
-- @param bands  Band number from 1 or band name, or a list of them; all bands by default. Omit it with expression. Of several rasters: their names, or numbers from 1 in their order; 'rgb.b1' (or the band's own name after the point) of one with several bands; all rasters by default.
-- @param level  0 is full resolution, 1 the first overview.
-- @param resolution  Pixel size. Alone, and instead of level, it selects the coarsest level whose pixels are no larger, in units of the raster's CRS. With crs, resampling or size it is the size of the grid's pixels, in units of crs; the raster's own by default.
-- @param all_touched  False: pixels whose centre lies in the polygon are inside; true: all pixels that it touches.
-- @include aoi_crs
-- @param on_error  'fail' ends the query at the first error; 'null' gives a row with NULLs and error set.
-- @param crs  CRS of the grid; the raster's own by default.
-- @param resampling  'nearest' (the default), 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max'.
-- @param size  Columns and rows of the grid, one number or [columns, rows]. Around a point, pixels are the raster's own unless a resolution is given. For an area, the grid lies around its middle with a resolution, and is fitted to its bounds without one.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', whose answer is the chip's only band: the syntax of RS_MapAlgebra, over one raster. Names are those of its bands, or b1, b2, …; only the bands that it names are read. Evaluated on the raster's own pixels, before resampling. For several rasters use RS_MapAlgebra, on the rasters or on their stacked chip.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': pixels where it is not true are invalid. They keep their values unless they are resampled. Where an internal mask has a sample for each band, each sample applies to its own band: a pixel is valid where any band of the answer is, and every band that the condition names.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file or index row); with false, for the stored number. With true, pixels without an expression are physical values too, as DOUBLE with NaN for nodata (of several rasters, where the band is not valid). Bands without scale and offset, such as classes, stay as they are.
-- @include band_for_bands
-- @returns href VARCHAR  The file; of several rasters, the first requested one, to which level and window refer.
-- @returns bands INTEGER[]  Band numbers in data, from 1; of several rasters, the position of each in the MAP or STRUCT; NULL for an expression.
-- @returns level INTEGER  0 is full resolution.
-- @returns x_off INTEGER  First pixel column of the window; NULL on a target grid.
-- @returns y_off INTEGER  First pixel row of the window; NULL on a target grid.
-- @returns width INTEGER  Columns.
-- @returns height INTEGER  Rows.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in crs.
-- @returns crs VARCHAR  CRS of the raster, or of the grid.
-- @returns transform DOUBLE[]  Affine of the chip's own pixels.
-- @returns dtype VARCHAR  NumPy name of a sample.
-- @returns shape INTEGER[]  Bands, rows, columns of data.
-- @returns nodata DOUBLE  Value of missing pixels. For an expression, NaN if it gives floating point, otherwise NULL; for several rasters, the value they share, or NULL if they differ.
-- @returns scales DOUBLE[]  Per band: physical value = scale · stored + offset, which expressions over the chip apply. NULL if the file has none, or if data holds physical values or an expression's answer.
-- @returns offsets DOUBLE[]  Per band.
-- @returns units VARCHAR[]  Per band: unit of the physical values. NULL for an expression, like the columns that follow.
-- @returns band_names VARCHAR[]  Per band: GDAL's description; of several rasters, the requested names.
-- @returns colorinterp VARCHAR[]  Per band, as in cog_header; 'palette' for one bit.
-- @returns colormap USMALLINT[]  Of a palette's band: all reds, greens, blues, 0 to 65535.
-- @returns data BLOB  Pixels, little-endian, C order (bands, rows, columns).
-- @returns valid BLOB  One byte per pixel, 1 = valid: inside the area and, by the first of these that the raster has, internal mask not 0, not nodata in every band read, alpha not 0. NULL if all pixels are valid.
-- @returns error VARCHAR  Why data is NULL, with on_error := 'null'.
-- @example Chips of every field, with their labels
-- SELECT f.label, i.datetime, i.band, c.width, c.height, c.data
-- FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom,
--      read_cog(i, f.geom) AS c
-- WHERE i.band = 'red'
-- ORDER BY f.field_id, i.datetime
-- LIMIT 10;
-- @example A quick look at a whole scene, from an overview
-- SELECT level, width, height, octet_length(data) AS bytes
-- FROM read_cog('S2_32632_20240414/red.tif', resolution := 40);
-- @example Chips of 64 pixels around a field, of both UTM zones on one grid
-- SELECT i.id, c.crs, c.bbox.xmin, c.bbox.ymax, c.shape
-- FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom,
--      read_cog(i, f.geom, crs := 'EPSG:32632', resolution := 10, size := 64) AS c
-- WHERE i.band = 'red' AND f.field_id = 1
-- ORDER BY i.id;
-- @example Chips of 32 x 32 pixels around places, as training data has them
-- SELECT p.name, i.datetime, c.shape, c.transform
-- FROM (VALUES ('barn', 12.02, 48.015), ('mast', 12.03, 48.015)) AS p(name, lon, lat),
--      'idx.parquet' AS i, read_cog(i, [p.lon, p.lat], size := 32) AS c
-- WHERE i.band = 'red'
-- ORDER BY p.name, i.datetime
-- LIMIT 4;
-- @example Red and near infrared of every scene as one chip, clouds not valid
-- WITH scenes AS (
--     SELECT i.id, map(list(i.band), list(i)) AS rasters
--     FROM 'idx.parquet' AS i
--     GROUP BY i.id
-- )
-- SELECT s.id, c.shape, c.band_names, c.data, c.valid
-- FROM scenes AS s,
--      read_cog(s.rasters, [12.0, 47.98, 12.01, 47.99], bands := ['red', 'nir'], mask := 'scl IN (4, 5, 6)') AS c
-- ORDER BY s.id;
-- @example Bright pixels of near infrared as reflectance, in single precision
-- SELECT dtype, shape, octet_length(valid) AS masked
-- FROM read_cog(
--     'S2_32632_20240414/nir.tif', [12.0, 47.98, 12.01, 47.99],
--     expression := 'b1::FLOAT', mask := 'b1 > 0.2'
-- );
CREATE MACRO read_cog(
    raster,
    aoi := 'all',
    bands := NULL,
    level := NULL,
    resolution := NULL,
    all_touched := false,
    aoi_crs := NULL,
    on_error := 'fail',
    crs := NULL,
    resampling := NULL,
    size := NULL,
    expression := NULL,
    mask := NULL,
    scale := NULL,
    band := NULL
) AS TABLE
SELECT
    t.href,
    t.bands,
    t.level,
    t.x_off,
    t.y_off,
    t.width,
    t.height,
    t.bbox,
    t.crs,
    t.transform,
    t.dtype,
    t.shape,
    t.nodata,
    f.scales,
    f."offsets",
    f.units,
    f.band_names,
    f.colorinterp,
    f.colormap,
    p.data,
    p.valid,
    p.error
FROM (
    SELECT t, _rasteret_chip_facts(t.facts).value AS f, _rasteret_ok_column(p) AS p
    FROM (
        SELECT t, _rasteret_read_chips(t.source, _rasteret_query()) AS p
        FROM (
            -- a vector has room for one batch, of which a chip takes as many places as its part
            SELECT t
            FROM (
                SELECT t, unnest(t.source.places) AS place
                FROM (
                    -- whatever the pieces in which rows arrive, they are read in full batches, file by file
                    SELECT t
                    FROM (
                        SELECT unnest(_rasteret_ok_column(t)) AS t
                        FROM (
                            SELECT _rasteret_plan_chips(
                                raster, aoi, _rasteret_asked(aoi), aoi_crs, bands, band, level, resolution,
                                all_touched, on_error, crs, resampling, size, expression, mask, scale
                            ) AS t
                        )
                    ), _rasteret_probe_side()
                    ORDER BY t.href, t.level, t.y_off, t.x_off
                )
            )
            WHERE place = 0
        )
    )
)
