-- Chips of the areas of a table from the rasters of an index, one row per pair: read_cog for tables of any size.
--
-- index and areas are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. The result has all columns of both, except the
-- tables of tiles and those columns of cog_header that the chip has too (its own href stays); a column whose name is taken gets the suffix
-- _1. Conditions on columns of either side are applied to its table or Parquet file, and columns that the query does not use are not read.
--
-- Rows and areas are joined by the boxes of footprint and area, as by &&, each distinct footprint once. Longitudes that differ by 360
-- degrees are the same place, and areas may have a CRS of their own. Chips and the other arguments are those of read_cog. Pixels are
-- downloaded only if the query uses data, valid or error.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param areas  Name of a table, view, CTE or file of areas.
-- @param geom  Name of the column that holds the areas; by default geom or geometry. GEOMETRY, WKT, GeoJSON, WKB, DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @param bands  Band number from 1 or band name, or a list of them; all bands by default. Omit it with expression.
-- @param level  0 is full resolution, 1 the first overview.
-- @param resolution  Pixel size. Alone, and instead of level, it selects the coarsest level whose pixels are no larger, in units of the raster's CRS. With crs, resampling or size it is the size of the grid's pixels, in units of crs; the raster's own by default.
-- @param all_touched  False: pixels whose centre lies in the polygon are inside; true: all pixels that it touches.
-- @param aoi_crs  CRS of areas that have none of their own; OGC:CRS84 by default.
-- @param on_error  'fail' ends the query at the first error; 'null' gives a row with NULLs and error set.
-- @param crs  CRS of the grid; the raster's own by default.
-- @param resampling  'nearest' (the default), 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max'.
-- @param size  Columns and rows of the grid, one number or [columns, rows]. Around a point, pixels are the raster's own unless a resolution is given. For an area, the grid lies around its middle with a resolution, and is fitted to its bounds without one.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', whose answer is the chip's only band: the syntax of RS_MapAlgebra, over one raster. Names are those of its bands, or b1, b2, …; only the bands that it names are read. Evaluated on the raster's own pixels, before resampling.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': pixels where it is not true are invalid. They keep their values unless they are resampled. Where an internal mask has a sample for each band, each sample applies to its own band: a pixel is valid where any band of the answer is, and every band that the condition names.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file or index row); with false, for the stored number. With true, pixels without an expression are physical values too, as DOUBLE with NaN for nodata. Bands without scale and offset, such as classes, stay as they are.
-- @include band_for_bands
-- @returns href VARCHAR  The file.
-- @returns bands INTEGER[]  Band numbers in data, from 1; NULL of an expression.
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
-- @returns nodata DOUBLE  Value of missing pixels; of an expression NaN where it gives floating point, else none.
-- @returns scales DOUBLE[]  Per band: physical value = scale · stored + offset, which expressions over the chip apply. NULL if the file has none, or if data holds physical values or an expression's answer.
-- @returns offsets DOUBLE[]  Per band.
-- @returns units VARCHAR[]  Per band: unit of the physical values. NULL for an expression, like the columns that follow.
-- @returns band_names VARCHAR[]  Of each band: GDAL's description.
-- @returns colorinterp VARCHAR[]  Per band, as in cog_header; 'palette' for one bit.
-- @returns colormap USMALLINT[]  Of a palette's band: all reds, greens, blues, 0 to 65535.
-- @returns data BLOB  Pixels, little-endian, C order (bands, rows, columns).
-- @returns valid BLOB  One byte per pixel, 1 = valid: inside the area and, by the first of these that the raster has, internal mask not 0, not nodata in every band read, alpha not 0. NULL if all pixels are valid.
-- @returns error VARCHAR  Why data is NULL, with on_error := 'null'.
-- @example Chips of every field, with their labels
-- SELECT label, datetime, band, width, height, data
-- FROM read_chips('idx.parquet', 'fields.parquet')
-- WHERE band = 'red'
-- ORDER BY field_id, datetime
-- LIMIT 10;
-- @example Chips of 64 pixels around a field, of both UTM zones on one grid
-- SELECT id, crs, bbox.xmin, bbox.ymax, shape
-- FROM read_chips('idx.parquet', 'fields.parquet', crs := 'EPSG:32632', resolution := 10, size := 64)
-- WHERE band = 'red' AND field_id = 1
-- ORDER BY id;
-- @example Chips of 32 x 32 pixels around places, as training data has them
-- WITH places AS (
--     SELECT name, [lon, lat] AS geom
--     FROM (VALUES ('barn', 12.02, 48.015), ('mast', 12.03, 48.015)) AS p(name, lon, lat)
-- )
-- SELECT name, datetime, shape, transform
-- FROM read_chips('idx.parquet', 'places', size := 32)
-- WHERE band = 'red'
-- ORDER BY name, datetime
-- LIMIT 4;
-- @example Of the clearest scene of each month, from a part of an index
-- WITH clearest AS (
--     FROM 'idx.parquet'
--     WHERE band = 'nir'
--     QUALIFY row_number() OVER (PARTITION BY date_trunc('month', datetime), crs ORDER BY cloud_cover, id) = 1
-- )
-- SELECT id, count(*) AS chips, sum(octet_length(data)) AS bytes
-- FROM read_chips('clearest', 'fields.parquet')
-- GROUP BY id
-- ORDER BY id;
CREATE MACRO read_chips(
    index,
    areas,
    geom := NULL,
    footprint := 'footprint',
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
    * EXCLUDE (rasteret_chip, rasteret_facts, rasteret_pixels),
    rasteret_chip.bands,
    rasteret_chip.level,
    rasteret_chip.x_off,
    rasteret_chip.y_off,
    rasteret_chip.width,
    rasteret_chip.height,
    rasteret_chip.bbox,
    rasteret_chip.crs,
    rasteret_chip.transform,
    rasteret_chip.dtype,
    rasteret_chip.shape,
    rasteret_chip.nodata,
    rasteret_facts.scales,
    rasteret_facts."offsets",
    rasteret_facts.units,
    rasteret_facts.band_names,
    rasteret_facts.colorinterp,
    rasteret_facts.colormap,
    rasteret_pixels.data,
    rasteret_pixels.valid,
    rasteret_pixels.error
FROM (
    SELECT
        * REPLACE (_rasteret_ok_column(rasteret_pixels) AS rasteret_pixels),
        _rasteret_chip_facts(rasteret_chip.facts).value AS rasteret_facts
    FROM (
        SELECT * EXCLUDE (rasteret_place), _rasteret_read_chips(rasteret_chip.source, _rasteret_query()) AS rasteret_pixels
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
                                rasteret_raster, rasteret_aoi, error, bands, level, x_off, y_off, shape, data,
                                valid, width, height, bbox, crs, transform, dtype, nodata, scales, "offsets",
                                units, band_names, colorinterp, colormap
                            ),
                            _rasteret_plan_chips(
                                p.rasteret_raster, p.rasteret_aoi, _rasteret_asked(p.rasteret_aoi), aoi_crs,
                                bands, band, level, resolution, all_touched, on_error, crs, resampling, size,
                                expression, mask, scale
                            ) AS rasteret_chip
                        FROM (
                            -- names that are taken
                            SELECT
                                NULL AS bands, NULL AS level, NULL AS x_off, NULL AS y_off, NULL AS shape,
                                NULL AS data, NULL AS valid, *
                            FROM _rasteret_pairs(
                                index, areas, geom, footprint, aoi_crs,
                                coalesce(level <> 0, false) OR resolution IS NOT NULL OR crs IS NOT NULL
                                    OR resampling IS NOT NULL OR size IS NOT NULL
                            )
                        ) AS p
                    )
                )
                ORDER BY href, rasteret_chip.level, rasteret_chip.y_off, rasteret_chip.x_off
            )
        )
        WHERE rasteret_place = 0
    )
)
