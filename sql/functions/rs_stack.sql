-- Chips that are there already as one cube of time, band, row and column.
--
-- The chips share CRS, columns, rows and transform (read_cog with crs, resolution and size brings them to one grid), the number of bands
-- and dtype. The cube has the columns of read_cube; its steps are in the order of the list. Cubes whose scenes are files are read by
-- read_cube, without chips in between.
--
-- @param chips  LIST of chips (rows of read_cog) such as list(c ORDER BY i.datetime); NULLs among them are left out, as are chips without pixels (on_error := 'null').
-- @param times  LIST of the times of the chips, as long as the list of chips, such as list(i.datetime ORDER BY i.datetime); without it the cube has none.
-- @param scale  True: physical values, scale · stored + offset of each chip. Without it chips of different scales are an error; false: stored numbers as they are.
-- @returns value STRUCT("time" TIMESTAMP WITH TIME ZONE[], bands VARCHAR[], shape INTEGER[], dtype VARCHAR, nodata DOUBLE, crs VARCHAR, transform DOUBLE[], bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), scales DOUBLE[], "offsets" DOUBLE[], byte_count UBIGINT, data BLOB, valid BLOB, errors VARCHAR[])  The columns of read_cube; byte_count and errors are NULL. NULL of an empty list.
-- @example The chips of a field as a cube
-- SELECT m.shape, m.time[1] AS first, m.bands
-- FROM (
--     SELECT RS_Stack(list(c ORDER BY i.datetime), list(i.datetime ORDER BY i.datetime)) AS m
--     FROM 'idx.parquet' AS i, read_cog(i, [12.0, 47.98, 12.01, 47.99], crs := 'EPSG:32632', resolution := 10) AS c
--     WHERE i.band = 'red'
-- );
CREATE MACRO RS_Stack(chips, times := NULL, scale := NULL) AS
    _rasteret_ok(_rasteret_stack(chips, times, scale, _rasteret_memory_limit()))
