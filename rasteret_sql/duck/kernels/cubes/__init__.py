"""Kernels of cubes."""
