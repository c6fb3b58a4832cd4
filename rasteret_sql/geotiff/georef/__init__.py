"""Where a raster lies on the Earth, as its GeoKeys and tags say."""
