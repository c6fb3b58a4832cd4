-- Pixels of one band as rows: where the centre of each is, and its value.
--
-- The columns x and y of Sedona's structs are called col and row here.
--
-- @include raster_read_whole
-- @param band  Band number from 1 or band name, the first by default; of a chip, counted as its bands were read.
-- @param exclude_nodata  True: only valid pixels have a row; false: every pixel has one, with NULL where it is not valid.
-- @param scale  True: physical values (scale · stored + offset, from the file, index row or chip) instead of stored numbers.
-- @include bands_for_band
-- @returns geom GEOMETRY  Centre of the pixel as a point, in the CRS of the raster.
-- @returns x DOUBLE  X of the centre, in the CRS of the raster.
-- @returns y DOUBLE  Y of the centre, in the CRS of the raster.
-- @returns value DOUBLE  The pixel. 64-bit integers beyond 2^53 and complex pixels are refused.
-- @returns col INTEGER  Column of pixels, from 0.
-- @returns row INTEGER  Row of pixels, from 0.
-- @example The brightest pixels of a field
-- SELECT p.x, p.y, p.value
-- FROM 'fields.parquet' AS f,
--      read_cog('S2_32632_20240414/nir.tif', f.geom) AS c,
--      RS_PixelAsCentroids(c) AS p
-- WHERE f.field_id = 1
-- ORDER BY p.value DESC
-- LIMIT 5;
CREATE MACRO RS_PixelAsCentroids(raster, band := NULL, exclude_nodata := true, scale := NULL, bands := NULL) AS TABLE
SELECT
    ('POINT (' || p.x || ' ' || p.y || ')')::GEOMETRY AS geom,
    p.x,
    p.y,
    p.value,
    p.col,
    p.row
FROM (
    SELECT unnest(_rasteret_ok_column(p)) AS p
    FROM (
        SELECT _rasteret_pixel_centroids(raster, band, bands, exclude_nodata, scale, _rasteret_memory_limit()) AS p
    )
)
