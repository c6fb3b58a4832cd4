-- Square of a web-mercator map tile z/x/y, as an area for read_cog.
--
-- As ST_TileEnvelope of PostGIS; tiles are counted from the north-west, as in XYZ and OGC's WebMercatorQuad. The geometry
-- carries its CRS, so that aoi_crs is not needed.
--
-- @param zoom  0 is one tile for the world.
-- @param x  Column of tiles from the west, from 0.
-- @param y  Row of tiles from the north, from 0.
-- @param margin  Part of a tile's width that is added on each side.
-- @returns value GEOMETRY('EPSG:3857')  The square; NULL of a NULL argument. A tile that does not exist is an error.
-- @example Pixels of one map tile
-- SELECT c.crs, c.shape
-- FROM read_cog('S2_32632_20240414/red.tif', RS_TileEnvelope(14, 8738, 5696)) AS c;
CREATE MACRO RS_TileEnvelope(zoom, x, y, margin := 0.0) AS CASE
    WHEN zoom::DOUBLE NOT BETWEEN 0 AND 30
        OR x::DOUBLE NOT BETWEEN 0 AND 2 ** zoom::DOUBLE - 1
        OR y::DOUBLE NOT BETWEEN 0 AND 2 ** zoom::DOUBLE - 1
        OR margin::DOUBLE <= -0.5 OR NOT isfinite(margin::DOUBLE)
    THEN error('RS_TileEnvelope: there is no tile ' || zoom || '/' || x || '/' || y || ' with margin ' || margin
        || ': zoom is 0 to 30, x and y are 0 to 2^zoom - 1, margin is a finite number above -0.5')
    -- pi * 6378137 is half the circumference of the Earth: the edge of the map
    ELSE ST_SetCRS(_rasteret_box(
        (2 * (x::DOUBLE - margin::DOUBLE) / 2 ** zoom::DOUBLE - 1) * pi() * 6378137,
        greatest(1 - 2 * (y::DOUBLE + 1 + margin::DOUBLE) / 2 ** zoom::DOUBLE, -1) * pi() * 6378137,
        (2 * (x::DOUBLE + 1 + margin::DOUBLE) / 2 ** zoom::DOUBLE - 1) * pi() * 6378137,
        least(1 - 2 * (y::DOUBLE - margin::DOUBLE) / 2 ** zoom::DOUBLE, 1) * pi() * 6378137
    ), 'EPSG:3857')
END
