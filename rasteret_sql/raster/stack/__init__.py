"""Chips whose bands are rasters of their own."""
