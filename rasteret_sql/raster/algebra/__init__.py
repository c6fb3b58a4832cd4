"""Expressions and masks over the bands of rasters."""
