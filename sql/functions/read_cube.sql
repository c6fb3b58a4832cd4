-- Pixels of many scenes of one area as one array of time, band, row and column.
--
-- The answer is one row an area. Without crs, resolution or size the cube has the pixels of the first band of the first scene, and
-- covers the bounds of the area; where the rasters lie in several CRSs, its CRS is the UTM zone of the area's middle. With them it lies on
-- the target grid of read_cog, whose lines are whole multiples of the resolution. Where the pixels of the cube are a raster's own they
-- are taken as they are; any other raster is warped from its own pixels, as by GDAL with an exact transformation. Every scene in the list
-- is a time step, whether it has pixels in the area or not; if none has, there is no row.
--
-- Index rows of one datetime and id, with several values of band, are one scene with several bands. Time steps ascend; scenes
-- that fuse puts into one step stay in the order of the list, and each pixel is taken from the first scene where it is valid. So
-- list(i ORDER BY i.cloud_cover) prefers clear scenes.
--
-- sum(byte_count) tells what a query would download, without a request. Each tile is read once for all areas of a vector, and
-- pixels are written straight into data. Cubes of a whole table of areas: read_cubes.
--
-- @param scenes  LIST of index rows, such as list(i ORDER BY i.datetime), which need no header request; or of STRUCTs with a datetime and rasters (a MAP or STRUCT of index rows or hrefs by name, map(list(band), list(i))) or raster (one index row or href). datetime is TIMESTAMP WITH TIME ZONE, TIMESTAMP (taken for UTC) or DATE; where it is NULL, start_datetime. NULL and [] give no row.
-- @param aoi  Area: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4], STRUCT(xmin, ymin, xmax, ymax), a point [x, y] or STRUCT(x, y), or a pixel window STRUCT(x_off, y_off, width, height[, level]), which counts pixels of the first raster. 'all', the whole first raster, by default. NULL gives no row.
-- @param bands  Names of bands, in their order: values of band, or the names in rasters, also 'rgb.b1' of one with several bands; of scenes of one raster without a name, its band numbers from 1 or its band names. All bands by default, index rows in the order of their names, which every scene must have. Omit it with expression.
-- @param crs  CRS of the cube; by default that of the rasters, else the UTM zone of the area (six degrees each).
-- @param resolution  Size of the cube's pixels, in units of crs; that of the first raster by default. Coarser pixels are made of the coarsest overview whose pixels are no larger.
-- @param size  Columns and rows of the cube, one number or [columns, rows]. Around a point, pixels are the first raster's own unless a resolution is given. For an area, the grid lies around its middle with a resolution, and is fitted to its bounds without one.
-- @param resampling  'nearest' (the default), 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max', for the rasters whose pixels are not those of the cube.
-- @param mask  Condition over the names of a scene, such as 'scl IN (4, 5)', in bands or not, by the nearest pixel: pixels where it is not true are invalid, and the next scene of a fused step takes their place.
-- @param scale  In expression and mask a band's name stands for its physical value (scale · stored + offset, from the file or index row); with false, for the stored number. With true, pixels without an expression are physical values too, as DOUBLE with NaN for nodata. Without it, scenes whose scales differ are an error, because their stored numbers are not comparable.
-- @param expression  SQL over the names of a scene, such as '(nir - red) / (nir + red)', whose answer is the only band: the syntax of RS_MapAlgebra. The names stand for the bands on the grid of the cube, by the nearest pixel.
-- @param fuse  'solar_day': scenes of one day, by the sun over the middle of the cube, are one time step; 'datetime': scenes of the same datetime. By default every scene is a step.
-- @param all_touched  False: pixels whose centre lies in the polygon are inside; true: all pixels that it touches.
-- @include aoi_crs
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
-- @example Red and near infrared of every scene of each field, clouds not valid
-- SELECT f.field_id, c.time, c.bands, c.shape, c.crs
-- FROM (
--     SELECT f.field_id, any_value(f.geom) AS geom, list(i ORDER BY i.datetime) AS scenes
--     FROM 'fields.parquet' AS f JOIN 'idx.parquet' AS i ON i.footprint && f.geom
--     WHERE i.crs = 'EPSG:32632'
--     GROUP BY f.field_id
-- ) AS f,
--      read_cube(f.scenes, f.geom, bands := ['red', 'nir'], mask := 'scl IN (4, 5)') AS c
-- ORDER BY f.field_id;
-- @example What a cube would download
-- SELECT sum(c.byte_count) AS bytes
-- FROM (SELECT list(i) AS scenes FROM 'idx.parquet' AS i WHERE i.band = 'red' AND i.crs = 'EPSG:32632') AS s,
--      read_cube(s.scenes, [12.0, 47.98, 12.01, 47.99]) AS c;
-- @example NDVI of both UTM zones on one grid, a step for each day
-- SELECT c.time, c.shape, c.crs, c.dtype
-- FROM (SELECT list(i ORDER BY i.datetime) AS scenes FROM 'idx.parquet' AS i) AS s,
--      read_cube(
--          s.scenes, [12.0, 47.98, 12.01, 47.99], expression := '(nir - red) / (nir + red)', resolution := 10,
--          fuse := 'solar_day'
--      ) AS c;
CREATE MACRO read_cube(
    scenes,
    aoi := 'all',
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
    t."time",
    t.bands,
    t.shape,
    t.dtype,
    t.nodata,
    t.crs,
    t.transform,
    t.bbox,
    t.scales,
    t."offsets",
    t.byte_count,
    p.data,
    p.valid,
    p.errors
FROM (
    SELECT t, _rasteret_ok_column(p) AS p
    FROM (
        SELECT t, _rasteret_read_cubes(t.source, _rasteret_query()) AS p
        FROM (
            -- a vector has room for one batch, of which a cube takes as many places as its part
            SELECT t
            FROM (
                SELECT t, unnest(t.source.places) AS place
                FROM (
                    -- cubes of neighbouring areas share their tiles
                    SELECT t
                    FROM (
                        SELECT unnest(_rasteret_ok_column(t)) AS t
                        FROM (
                            SELECT _rasteret_plan_cubes(
                                scenes, aoi, _rasteret_asked(aoi), aoi_crs, bands, band, crs, resolution, size,
                                resampling, mask, scale, expression, fuse, all_touched, on_error
                            ) AS t
                        )
                    ), _rasteret_probe_side()
                    ORDER BY t.source.first, t.bbox.ymax DESC, t.bbox.xmin
                )
            )
            WHERE place = 0
        )
    )
)
