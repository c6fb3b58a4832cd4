-- Internal tiles of the rasters of an index under the areas of a table: read_cog_tiles for tables of any size.
--
-- index and areas are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. All columns of both come back,
-- but for the tables of tiles and those columns of cog_header that the tile has, too (its own href stays); a column whose
-- name is taken gets _1 behind it. Conditions on columns of either reach its table or Parquet
-- file, and what a query does not use is not read.
--
-- Rows and areas are joined as in read_chips, and a tile is what it is in read_cog_tiles. Only tiles whose data column is
-- used are fetched: SELECT count(*), sum(byte_count) costs no pixel request.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param areas  Name of a table, view, CTE or file of areas.
-- @param geom  Name of the column that holds the areas; by default geom or geometry. GEOMETRY, WKT, GeoJSON, WKB, DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @include bands
-- @include level_or_resolution
-- @param aoi_crs  CRS of areas that have none of their own; OGC:CRS84 by default.
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
-- @example What chips of all fields would fetch, before they are read
-- SELECT label, count(*) AS tiles, sum(byte_count) AS bytes
-- FROM read_tiles('idx.parquet', 'fields.parquet')
-- GROUP BY label
-- ORDER BY label;
CREATE MACRO read_tiles(
    index,
    areas,
    geom := NULL,
    footprint := 'footprint',
    bands := NULL,
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    on_error := 'fail',
    scale := NULL,
    band := NULL
) AS TABLE
SELECT
    * EXCLUDE (rasteret_chip, rasteret_pixels),
    rasteret_chip.bands,
    rasteret_chip.level,
    rasteret_chip.tile_col,
    rasteret_chip.tile_row,
    rasteret_chip.x_off,
    rasteret_chip.y_off,
    rasteret_chip.width,
    rasteret_chip.height,
    rasteret_chip.bbox,
    rasteret_chip.crs,
    rasteret_chip.transform,
    rasteret_chip."offset",
    rasteret_chip.byte_count,
    rasteret_chip.dtype,
    rasteret_chip.shape,
    rasteret_chip.nodata,
    rasteret_chip.scales,
    rasteret_chip."offsets",
    rasteret_pixels.data,
    rasteret_pixels.error
FROM (
    SELECT * REPLACE (_rasteret_ok_column(rasteret_pixels) AS rasteret_pixels)
    FROM (
        SELECT * EXCLUDE (rasteret_place), _rasteret_read_tiles(rasteret_chip.source, _rasteret_query()) AS rasteret_pixels
        FROM (
            -- a vector has room for one batch, of which a chip takes as many places as its part
            SELECT *, unnest(rasteret_chip.source.places) AS rasteret_place
            FROM (
                -- whatever the order in which pairs arrive, they are read in full batches, file by file
                SELECT *
                FROM (
                    SELECT * REPLACE (unnest(_rasteret_ok_column(rasteret_chip)) AS rasteret_chip)
                    FROM (
                        SELECT
                            p.* EXCLUDE (
                                rasteret_raster, rasteret_aoi, error, bands, level, tile_col, tile_row, x_off,
                                y_off, "offset", byte_count, shape, data, width, height, bbox, crs, transform,
                                dtype, nodata, scales, "offsets"
                            ),
                            _rasteret_plan_tiles(
                                p.rasteret_raster, p.rasteret_aoi, _rasteret_asked(p.rasteret_aoi), aoi_crs,
                                bands, band, level, resolution, on_error, scale
                            ) AS rasteret_chip
                        FROM (
                            -- names that are taken
                            SELECT
                                NULL AS bands, NULL AS level, NULL AS tile_col, NULL AS tile_row, NULL AS x_off,
                                NULL AS y_off, NULL AS "offset", NULL AS byte_count, NULL AS shape,
                                NULL AS data, *
                            FROM _rasteret_pairs(
                                index, areas, geom, footprint, aoi_crs,
                                coalesce(level <> 0, false) OR resolution IS NOT NULL
                            )
                        ) AS p
                    )
                )
                ORDER BY href, rasteret_chip."offset"
            )
        )
        WHERE rasteret_place = 0
    )
)
