"""Datasets whose pixels are read when they are computed."""
