"""Cloud-Optimized GeoTIFF: headers, georeference, windows, tiles and the read pipeline."""
