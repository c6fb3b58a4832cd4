"""Geometries from one CRS to another, edges and poles included."""
