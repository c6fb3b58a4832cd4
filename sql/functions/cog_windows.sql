-- Windows of equal size over a raster, one row per window.
--
-- A row is a pixel window that read_cog takes as its area, to cut training chips.
--
-- @param raster  href of a GeoTIFF, or a row of an index.
-- @param size  Rows and columns of a window.
-- @param stride  Pixels from one window to the next; size when NULL.
-- @param edge  'shift' moves the last window inward, so that all have one size and all pixels are covered; 'clip' cuts it at the edge; 'drop' leaves it out.
-- @param level  0 is full resolution, 1 the first overview.
-- @returns href VARCHAR  The file.
-- @returns level INTEGER  Level whose pixels the window counts.
-- @returns x_off INTEGER  First pixel column.
-- @returns y_off INTEGER  First pixel row.
-- @returns width INTEGER  Columns; less than size where the raster is smaller.
-- @returns height INTEGER  Rows; less than size where the raster is smaller.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in the raster's CRS.
-- @returns crs VARCHAR  CRS of the raster.
-- @returns transform DOUBLE[]  Affine of the window's own pixels.
-- @example Training chips of 256 pixels
-- SELECT w.x_off, w.y_off, c.data
-- FROM 'idx.parquet' AS i, cog_windows(i, size := 256) AS w, read_cog(i, w) AS c
-- WHERE i.band = 'red'
-- ORDER BY i.id, w.y_off, w.x_off
-- LIMIT 4;
CREATE MACRO cog_windows(raster, size := 256, stride := NULL, edge := 'shift', level := 0) AS TABLE
SELECT w.href, w.level, w.x_off, w.y_off, w.width, w.height, w.bbox, w.crs, w.transform
FROM (
    SELECT unnest(_rasteret_ok_column(w)) AS w
    FROM (SELECT _rasteret_cog_windows(raster, size, stride, edge, level, _rasteret_query()) AS w)
)
