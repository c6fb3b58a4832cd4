"""Arrays to Cloud-Optimized GeoTIFFs."""
