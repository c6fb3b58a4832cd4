-- Geometries with values as a label chip on the grid of pixels: an (image, mask) pair from one query.
--
-- The pixels are those of rasterio.features.rasterize, bit for bit. Geometries are moved into the CRS of the grid; a place a turn of
-- longitude further is the same place. Shapes whose geometry or value is NULL are left out, and an empty list gives a chip of fill.
-- For an area without any label, whose list() is NULL: coalesce(list(…), []).
--
-- @param shapes  LIST of STRUCT(geom, value). geom (or geometry) is an area in any form: GEOMETRY, WKT, GeoJSON, WKB, a box or a point. value is a number or BOOLEAN. NULL gives NULL.
-- @param grid  What the labels lie on: a chip (row of read_cog), a cube (row of read_cube), an index row or an href. Its pixels are not read.
-- @param merge  Where shapes overlap: 'replace', the last one of the list; 'max', the largest value; 'add', the sum, with fill. To a sum each polygon and point of a geometry adds by itself, and the lines of a geometry once, as in GDAL.
-- @param all_touched  False: pixels whose centre lies in a polygon, and those on Bresenham's path of a line; true: all pixels that a geometry touches.
-- @param dtype  NumPy name of the samples, integer or floating point; by default the smallest integer type that holds every possible value, else float32 where it is exact, else float64. Give it where rows are to share one.
-- @param fill  Value of pixels that nothing covers.
-- @param aoi_crs  CRS of geometries that carry none; OGC:CRS84 by default.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], level INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], data BLOB, valid BLOB, error VARCHAR)  A chip of one band on the grid, all of it valid.
-- @example Image and mask of 64 x 64 pixels around each field
-- SELECT f.field_id, c.data AS image, RS_Burn(l.shapes, c, dtype := 'uint8').data AS mask
-- FROM 'fields.parquet' AS f,
--      read_cog('S2_32632_20240514/nir.tif', f.geom, size := 64, resolution := 10) AS c,
--      (SELECT list({'geom': geom, 'value': field_id}) AS shapes FROM 'fields.parquet') AS l
-- ORDER BY f.field_id;
-- @example How many shapes cover each pixel
-- SELECT RS_AsArray(RS_Burn(
--     [{'geom': [12.0, 48.0, 12.001, 48.001], 'value': 1}, {'geom': [12.0005, 48.0, 12.0015, 48.001], 'value': 1}],
--     c, merge := 'add'
-- ))[5] AS row_5
-- FROM read_cog('S2_32632_20240414/red.tif', [12.0, 48.0, 12.002, 48.001]) AS c;
CREATE MACRO RS_Burn(
    shapes,
    grid,
    merge := 'replace',
    all_touched := false,
    dtype := NULL,
    fill := 0,
    aoi_crs := NULL
) AS _rasteret_ok(_rasteret_burn(shapes, grid, _rasteret_asked(shapes), merge, all_touched, dtype, fill, aoi_crs))
