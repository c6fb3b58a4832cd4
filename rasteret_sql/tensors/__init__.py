"""Rows of chips and cubes as arrays: NumPy, xarray."""
