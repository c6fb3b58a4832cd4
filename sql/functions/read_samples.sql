-- Values at the points of a table in the rasters of an index, one row per pair: RS_Value for tables of any size.
--
-- index and points are names: of a table, a view, a CTE, or a file such as 'idx.parquet'. All columns of both come back,
-- but for the tables of tiles; a column whose
-- name is taken gets _1 behind it. Conditions on columns of either reach its table or Parquet
-- file, and what a query does not use is not read.
--
-- Rows and points are joined by the boxes of the footprints, as by &&, and worked through file by file, so that every tile
-- is read once.
--
-- @param index  Name of an index: a table, view, CTE or file with the columns of cog_header. Footprints are in longitude and latitude.
-- @param points  Name of a table, view, CTE or file of points.
-- @param geom  Name of the column that holds the points; by default geom or geometry. POINT as GEOMETRY, WKB, WKT or GeoJSON, [x, y], or STRUCT(x, y). NULL gives no row.
-- @param footprint  Name of the column that places the rows of the index, such as 'geometry' for the outlines of STAC items.
-- @param band  Band number from 1 or band name, the first by default. Omit it with expression.
-- @param interpolation  'nearest': the pixel that holds the point; a point on the left or top edge of a pixel belongs to it. 'bilinear': between the four pixel centres around the point, as GDALRasterInterpolateAtPoint does: the pixels at the raster's edge are repeated beyond it, and the value is NULL unless all pixels that have a part in it are valid.
-- @include level_or_resolution
-- @param aoi_crs  CRS of points that have none of their own; OGC:CRS84 by default.
-- @param expression  SQL over the bands of the raster, such as '(nir - red) / (nir + red)', instead of a band: the syntax of RS_MapAlgebra, over one raster. Names are those of its bands, or b1, b2, …. Interpolation applies to the answer, not to the bands.
-- @param mask  Condition over the same names, such as 'qa & 8 = 0': the pixel is invalid where it is not true.
-- @param scale  In expression and mask a band's name stands for its physical value, scale · stored + offset of the file or row of the index; false: for the stored number. True: the pixel without an expression is physical, too.
-- @include bands_for_band
-- @returns value DOUBLE  NULL where the pixel is not valid (internal mask 0, nodata, or alpha 0), and for a point that lies in the box of a footprint and beside the raster.
-- @example Points in every scene
-- WITH places AS (
--     SELECT name, [lon, lat] AS geom
--     FROM (VALUES ('barn', 12.02, 48.015), ('mast', 12.03, 48.015)) AS p(name, lon, lat)
-- )
-- SELECT name, datetime, band, value
-- FROM read_samples('idx.parquet', 'places')
-- WHERE band IN ('red', 'nir')
-- ORDER BY name, datetime, band
-- LIMIT 8;
CREATE MACRO read_samples(
    index,
    points,
    geom := NULL,
    footprint := 'footprint',
    band := NULL,
    interpolation := 'nearest',
    level := NULL,
    resolution := NULL,
    aoi_crs := NULL,
    expression := NULL,
    mask := NULL,
    scale := NULL,
    bands := NULL
) AS TABLE
SELECT * EXCLUDE (rasteret_value), _rasteret_ok_column(rasteret_value) AS value
FROM (
    SELECT
        p.* EXCLUDE (
            rasteret_raster, rasteret_aoi, error, value
        ),
        _rasteret_value(
            p.rasteret_raster, p.rasteret_aoi, _rasteret_asked(p.rasteret_aoi), band, bands, interpolation, level,
            resolution, aoi_crs, expression, mask, scale
        ) AS rasteret_value
    FROM (
        -- file by file, so that points share their tiles; and a name that is taken
        SELECT NULL AS value, *
        FROM _rasteret_pairs(
            index, points, geom, footprint, aoi_crs, coalesce(level <> 0, false) OR resolution IS NOT NULL
        )
        ORDER BY href
    ) AS p
)
