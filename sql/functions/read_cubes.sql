-- Cubes of the areas of a table from the rasters of an index, one row per area: read_cube for tables of any size.
--
-- index and areas are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. The result has all columns of areas, and
-- those of read_cube; a column whose name is taken gets the suffix _1. Conditions on columns of areas are applied to its table or
-- Parquet file, and columns that the query does not use are not read. Conditions on the index belong into a view or CTE whose name is
-- passed: WITH clear AS (FROM 'idx.parquet' WHERE cloud_cover < 20) FROM read_cubes('clear', …). Rows of bands that are not needed
-- are best left out there, too.
--
-- Rows and areas are joined by the boxes of footprint and area, as by &&, each distinct footprint once; an area that meets none
-- has no row, and areas that are equal in all columns are one. The index needs datetime, id (which tells scenes of one moment apart) and,
-- where a scene is several files, band. Pixels are downloaded only if the query uses data, valid or errors.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param areas  Name of a table, view, CTE or file of areas.
-- @param geom  Name of the column that holds the areas; by default geom or geometry. GEOMETRY, WKT, GeoJSON, WKB, DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @param prefer  Name of the column of the index that orders scenes which fuse puts into one time step, smallest value first, such as 'cloud_cover': a pixel is taken from the first scene where it is valid.
-- @param bands  Names of bands, in their order: values of band; of scenes of one file without a band, its band numbers from 1 or its band names. All bands by default, in the order of their names, which every scene must have. Omit it with expression.
-- @param crs  CRS of the cube; by default that of the rasters, else the UTM zone of the area (six degrees each).
-- @param resolution  Size of the cube's pixels, in units of crs; that of the first raster by default. Coarser pixels are made of the coarsest overview whose pixels are no larger.
-- @param size  Columns and rows of the cube, one number or [columns, rows]. Around a point, pixels are the first raster's own unless a resolution is given. For an area, the grid lies around its middle with a resolution, and is fitted to its bounds without one.
-- @param resampling  'nearest' (the default), 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max', for the rasters whose pixels are not those of the cube.
-- @param mask  Condition over the names of a scene, such as 'scl IN (4, 5)', in bands or not, by the nearest pixel: pixels where it is not true are invalid, and the next scene of a fused step takes their place.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file or index row); with false, for the stored number. With true, pixels without an expression are physical values too, as DOUBLE with NaN for nodata. Without it, scenes whose scales differ are an error, because their stored numbers are not comparable.
-- @param expression  SQL over the names of a scene, such as '(nir - red) / (nir + red)', whose answer is the only band: the syntax of RS_MapAlgebra. The names stand for the bands on the grid of the cube, by the nearest pixel.
-- @param fuse  'solar_day': scenes of one day, by the sun over the middle of the cube, are one time step; 'datetime': scenes of the same datetime. By default every scene is a step.
-- @param all_touched  False: pixels whose centre lies in the polygon are inside; true: all pixels that it touches.
-- @param aoi_crs  CRS of areas that have none of their own; OGC:CRS84 by default.
-- @param on_error  'fail' ends the query at the first error; with 'null' a scene that fails is missing from its time step, which is not valid where no other scene is, and errors says why.
-- @include band_for_bands
-- @returns time TIMESTAMP WITH TIME ZONE[]  Of each time step; of several scenes, the earliest.
-- @returns bands VARCHAR[]  Names of the bands; of an expression, its text.
-- @returns shape INTEGER[]  Time steps, bands, rows, columns of data.
-- @returns dtype VARCHAR  NumPy name of a sample, which holds the samples of all rasters.
-- @returns nodata DOUBLE  Value of missing pixels, which the rasters share; NULL if they differ or have none. NaN of floating-point expressions and physical values.
-- @returns crs VARCHAR  CRS of the grid.
-- @returns transform DOUBLE[]  Affine of its pixels.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in crs.
-- @returns scales DOUBLE[]  Per band: physical value = scale · stored + offset. NULL if the files have none or different ones, and if data holds physical values or an expression's answer.
-- @returns offsets DOUBLE[]  Per band.
-- @returns byte_count UBIGINT  Stored bytes of the tiles that the cube needs, each counted once.
-- @returns data BLOB  Pixels, little-endian, C order (time, band, row, column).
-- @returns valid BLOB  One byte per pixel and time step (time, row, column), 1 = valid: inside the area, valid in any of the bands and where mask is true. NULL if all pixels are valid.
-- @returns errors VARCHAR[]  With on_error := 'null', what failed, of each time step; NULL if nothing did.
-- @example NDVI through time of each field, clouds not valid
-- SELECT field_id, time, shape, crs, data, valid
-- FROM read_cubes(
--     'idx.parquet', 'fields.parquet', expression := '(nir - red) / (nir + red)', mask := 'scl IN (4, 5)', resolution := 10
-- )
-- WHERE field_id <= 3
-- ORDER BY field_id;
-- @example What the cubes of one spring would download
-- WITH spring AS (
--     FROM 'idx.parquet'
--     WHERE band IN ('red', 'nir') AND datetime BETWEEN '2024-04-01' AND '2024-05-31'
-- )
-- SELECT count(time) AS cubes, sum(byte_count) AS bytes
-- FROM read_cubes('spring', 'fields.parquet', fuse := 'solar_day', resolution := 10);
CREATE MACRO read_cubes(
    index,
    areas,
    geom := NULL,
    footprint := 'footprint',
    prefer := 'datetime',
    bands := NULL,
    crs := NULL,
    resolution := NULL,
    size := NULL,
    resampling := NULL,
    mask := NULL,
    scale := NULL,
    expression := NULL,
    fuse := NULL,
    all_touched := false,
    aoi_crs := NULL,
    on_error := 'fail',
    band := NULL
) AS TABLE
SELECT
    * EXCLUDE (rasteret_cube, rasteret_pixels),
    rasteret_cube."time",
    rasteret_cube.bands,
    rasteret_cube.shape,
    rasteret_cube.dtype,
    rasteret_cube.nodata,
    rasteret_cube.crs,
    rasteret_cube.transform,
    rasteret_cube.bbox,
    rasteret_cube.scales,
    rasteret_cube."offsets",
    rasteret_cube.byte_count,
    rasteret_pixels.data,
    rasteret_pixels.valid,
    rasteret_pixels.errors
FROM (
    SELECT * REPLACE (_rasteret_ok_column(rasteret_pixels) AS rasteret_pixels)
    FROM (
        SELECT * EXCLUDE (rasteret_place), _rasteret_read_cubes(rasteret_cube.source, _rasteret_query()) AS rasteret_pixels
        FROM (
            -- a vector has room for one batch, of which a cube takes as many places as its part
            SELECT *, unnest(rasteret_cube.source.places) AS rasteret_place
            FROM (
                -- cubes of neighbouring areas share their tiles
                SELECT *
                FROM (
                    SELECT * REPLACE (unnest(_rasteret_ok_column(rasteret_cube)) AS rasteret_cube)
                    FROM (
                        SELECT
                            p.* EXCLUDE (
                                rasteret_scenes, rasteret_aoi, "time", bands, shape, dtype, nodata, crs, transform,
                                bbox, scales, "offsets", byte_count, data, valid, errors
                            ),
                            _rasteret_plan_cubes(
                                p.rasteret_scenes, p.rasteret_aoi, _rasteret_asked(p.rasteret_aoi), aoi_crs, bands,
                                band, crs, resolution, size, resampling, mask, scale, expression, fuse,
                                all_touched, on_error
                            ) AS rasteret_cube
                        FROM (
                            -- names that are taken
                            SELECT
                                NULL AS "time", NULL AS bands, NULL AS shape, NULL AS dtype, NULL AS nodata, NULL AS crs,
                                NULL AS transform, NULL AS bbox, NULL AS scales, NULL AS "offsets", NULL AS byte_count, NULL AS data, NULL AS valid, NULL AS errors,
                                *
                            FROM _rasteret_area_scenes(index, areas, geom, footprint, prefer, aoi_crs)
                        ) AS p
                    )
                )
                ORDER BY rasteret_cube.source.first, rasteret_cube.bbox.ymax DESC, rasteret_cube.bbox.xmin
            )
        )
        WHERE rasteret_place = 0
    )
)
