"""Kernels of cubes, and of the labels beside them."""
