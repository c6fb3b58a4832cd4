"""Values of rasters at points."""
