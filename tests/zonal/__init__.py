"""Zonal statistics against the libraries that people check them with."""
