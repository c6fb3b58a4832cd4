-- Size, georeference and band count of a raster, with Sedona's names.
--
-- @param raster  href, index row, or chip.
-- @returns value STRUCT("upperLeftX" DOUBLE, "upperLeftY" DOUBLE, "gridWidth" INTEGER, "gridHeight" INTEGER, "scaleX" DOUBLE, "scaleY" DOUBLE, "skewX" DOUBLE, "skewY" DOUBLE, srid INTEGER, "numSampleDimensions" INTEGER, "tileWidth" INTEGER, "tileHeight" INTEGER)  As RS_MetaData in Apache Sedona; srid is 0 when the CRS has no EPSG code.
-- @example Metadata of one file
-- SELECT RS_MetaData('S2_32632_20240414/red.tif') AS metadata;
CREATE MACRO RS_MetaData(raster) AS _rasteret_ok(_rasteret_metadata(raster, _rasteret_query()))
