-- Type of the pixels of a band, with the names of Sedona.
--
-- @include raster
-- @param band  Band number from 1 or band name, the first by default; a band that the raster does not have is an error.
-- @include bands_for_band
-- @returns value VARCHAR  UNSIGNED_8BITS, UNSIGNED_16BITS, SIGNED_16BITS, SIGNED_32BITS, REAL_32BITS or REAL_64BITS; others by the same pattern. The column dtype has the name of NumPy.
-- @example Of a file, and of a chip of it
-- SELECT RS_BandPixelType('S2_32632_20240414/red.tif') AS file, RS_BandPixelType(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_BandPixelType(raster, band := NULL, bands := NULL) AS
    _rasteret_ok(_rasteret_band_facts(raster, band, bands, _rasteret_query())).pixel_type
