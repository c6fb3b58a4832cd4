-- A raster on the grid of another one, as a chip.
--
-- The answer has the CRS, the transform, the columns and the rows of the reference, so that the two lie pixel
-- on pixel; NULL where the raster holds nothing of it. Of a file only the blocks under the reference are read,
-- from the coarsest level whose pixels are no larger than the reference's. Pixels that the raster does not
-- cover, or that are made of none but invalid ones, are nodata (else 0) and not valid. The values are those of
-- GDAL's warper with an exact transformation.
--
-- @param raster  href, index row, or chip.
-- @param reference  Chip, index row, or href. Its pixels are not read.
-- @param algorithm  'nearest', 'bilinear', 'cubic', 'average', 'mode', 'min' or 'max'; Sedona's names are understood too.
-- @param bands  Band number from 1 or band name, or a list of them; all bands without.
-- @param level  Level of the file to read from, instead of the one that serves the reference.
-- @param scale  True: physical values are resampled, scale · stored + offset of the file, row of the index or chip, as DOUBLE with NaN for nodata; stored numbers without, whose scales and offsets the answer has.
-- @param band  The same as bands, under the name that it has in RS_Value.
-- @returns value STRUCT(href VARCHAR, bands INTEGER[], "level" INTEGER, x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), crs VARCHAR, transform DOUBLE[], dtype VARCHAR, shape INTEGER[], nodata DOUBLE, scales DOUBLE[], "offsets" DOUBLE[], units VARCHAR[], band_names VARCHAR[], colorinterp VARCHAR[], colormap USMALLINT[], "data" BLOB, "valid" BLOB, error VARCHAR)  A chip, as a row of read_cog; x_off and y_off are NULL.
-- @example Scene classes of 20 m on the grid of a chip of 10 m
-- SELECT c.shape, m.shape AS matched
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 64, 'height': 64}) AS c,
--      (SELECT RS_ReprojectMatch('S2_32632_20240414/scl.tif', c) AS m);
CREATE MACRO RS_ReprojectMatch(
    raster,
    reference,
    algorithm := 'nearest',
    bands := NULL,
    level := NULL,
    scale := NULL,
    band := NULL
) AS
    _rasteret_ok(_rasteret_reproject_match(
        raster, reference, algorithm, bands, band, level, scale, _rasteret_memory_limit()
    ))
