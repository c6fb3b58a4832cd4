"""Random rasters and random queries, answered by this package and, independently, by rasterio and NumPy."""
