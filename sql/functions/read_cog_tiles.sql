-- Internal tiles of a raster that touch an area, one row per tile.
--
-- Tiles are downloaded only if the query uses the data column. SELECT count(*), sum(byte_count) downloads no pixels, so it tells the cost of
-- a read in advance. In a band-interleaved raster each band's tile is a row of its own.
--
-- @param raster  href of a GeoTIFF, or an index row (which needs no header request).
-- @param aoi  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]) such as a row of cog_windows, read at its own level (a different level := is an error). 'all', the whole raster, by default. NULL gives no row.
-- @include bands
-- @include level_or_resolution
-- @include aoi_crs
-- @param on_error  'fail' ends the query at the first error; 'null' gives a row with NULLs and error set.
-- @param scale  True: physical values (scale · stored + offset, from the file or index row), as DOUBLE with NaN for nodata. Bands without scale and offset stay as they are.
-- @include band_for_bands
-- @returns href VARCHAR  The file.
-- @returns bands INTEGER[]  Band numbers in data, from 1.
-- @returns level INTEGER  0 is full resolution.
-- @returns tile_col INTEGER  Column in the grid of tiles, from 0.
-- @returns tile_row INTEGER  Row in the grid of tiles, from 0.
-- @returns x_off INTEGER  First pixel column of the tile.
-- @returns y_off INTEGER  First pixel row of the tile.
-- @returns width INTEGER  Columns, without the padding beyond the image.
-- @returns height INTEGER  Rows, without the padding beyond the image.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in the raster's CRS.
-- @returns crs VARCHAR  CRS of the raster.
-- @returns transform DOUBLE[]  Affine of the tile's own pixels.
-- @returns offset UBIGINT  Where the tile lies in the file; 0 for a sparse one.
-- @returns byte_count UBIGINT  Compressed bytes; 0 for a sparse one.
-- @returns dtype VARCHAR  NumPy name of a sample.
-- @returns shape INTEGER[]  Bands, rows, columns of data.
-- @returns nodata DOUBLE  Value of missing pixels.
-- @returns scales DOUBLE[]  Per band: physical value = scale · stored + offset. NULL if the file has none, or if data holds physical values.
-- @returns offsets DOUBLE[]  Per band.
-- @returns data BLOB  Pixels, little-endian, C order (bands, rows, columns).
-- @returns error VARCHAR  Why data is NULL, with on_error := 'null'.
-- @example What a join would fetch, before it is run
-- SELECT f.label, count(*) AS tiles, sum(t.byte_count) AS bytes
-- FROM 'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom,
--      read_cog_tiles(i, f.geom) AS t
-- GROUP BY f.label
-- ORDER BY f.label;
CREATE MACRO read_cog_tiles(
    raster,
    aoi := 'all',
    bands := NULL,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    on_error := 'fail',
    scale := NULL,
    band := NULL
) AS TABLE
SELECT
    t.href,
    t.bands,
    t.level,
    t.tile_col,
    t.tile_row,
    t.x_off,
    t.y_off,
    t.width,
    t.height,
    t.bbox,
    t.crs,
    t.transform,
    t."offset",
    t.byte_count,
    t.dtype,
    t.shape,
    t.nodata,
    t.scales,
    t."offsets",
    p.data,
    p.error
FROM (
    SELECT t, _rasteret_ok_column(p) AS p
    FROM (
        SELECT t, _rasteret_read_tiles(t.source, _rasteret_query()) AS p
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
                            SELECT _rasteret_plan_tiles(
                                raster, aoi, _rasteret_asked(aoi), aoi_crs, bands, band, level, resolution,
                                on_error, scale
                            ) AS t
                        )
                    ), _rasteret_probe_side()
                    ORDER BY t.href, t."offset"
                )
            )
            WHERE place = 0
        )
    )
)
