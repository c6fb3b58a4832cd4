-- A raster on the grid of another one, as a chip.
--
-- The answer has the CRS, transform, columns and rows of the reference, so that the two match pixel for pixel;
-- it is NULL where they do not overlap. Of a file only the blocks under the reference are read,
-- from the coarsest level whose pixels are no larger than the reference's. Pixels that the raster does not
-- cover, or that come from invalid pixels alone, are nodata (or 0) and invalid. The values are those of
-- GDAL's warper with an exact transformation.
--
-- @param raster  href, index row, or chip.
-- @param reference  Chip, index row, or href. Its pixels are not read.
-- @include warped_chip
-- @include bands
-- @param level  Level of the file to read from, instead of the one that serves the reference.
-- @include band_for_bands
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
