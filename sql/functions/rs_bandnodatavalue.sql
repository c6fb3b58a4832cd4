-- Nodata value of a band.
--
-- @include raster
-- @param band  Band number from 1 or band name, the first by default; a band that the raster does not have is an error.
-- @include bands_for_band
-- @returns value DOUBLE  NULL without one. A GeoTIFF has one value for all bands.
-- @example Of a file, and of a chip of it
-- SELECT RS_BandNoDataValue('S2_32632_20240414/red.tif') AS file, RS_BandNoDataValue(c) AS chip
-- FROM read_cog('S2_32632_20240414/red.tif', {'x_off': 700, 'y_off': 700, 'width': 4, 'height': 3}) AS c;
CREATE MACRO RS_BandNoDataValue(raster, band := NULL, bands := NULL) AS
    _rasteret_ok(_rasteret_band_facts(raster, band, bands, _rasteret_query())).nodata
