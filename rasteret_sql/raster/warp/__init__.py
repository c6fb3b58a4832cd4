"""Pixels on other grids: target grids, resampling, warping."""
