"""GeoTIFF: the header of a file, its georeference, its nodata, and how one is written."""
